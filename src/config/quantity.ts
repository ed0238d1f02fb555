import { Type } from 'typebox'

/** A length of time in milliseconds. */
export type Milliseconds = number & { readonly __unit: 'ms' }
/** An amount of memory or disk in bytes. */
export type Bytes = number & { readonly __unit: 'bytes' }

const DURATION_UNITS = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 } as const
const SIZE_UNITS = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const

/** As Prometheus writes them: units from large to small, each at most once (`1h30m`, `500ms`). */
const DURATION = /^(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
const SIZE = /^(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)$/

/** Milliseconds of `5m`, `1h30m`, `500ms`; undefined when it is not a duration. */
export function parseDuration(text: string): Milliseconds | undefined {
  const parts = DURATION.exec(text)
  if (parts === null) return undefined
  const [, d, h, m, s, ms] = parts
  const sum =
    Number(d ?? 0) * DURATION_UNITS.d +
    Number(h ?? 0) * DURATION_UNITS.h +
    Number(m ?? 0) * DURATION_UNITS.m +
    Number(s ?? 0) * DURATION_UNITS.s +
    Number(ms ?? 0)
  return Number.isSafeInteger(sum) ? (sum as Milliseconds) : undefined
}

/** Bytes of `512MiB`, `1.5GiB`, `10MB`; undefined when it is not a size. */
export function parseSize(text: string): Bytes | undefined {
  const parts = SIZE.exec(text)
  if (parts === null) return undefined
  const bytes = Math.round(Number(parts[1]) * SIZE_UNITS[parts[2] as keyof typeof SIZE_UNITS])
  return Number.isSafeInteger(bytes) ? (bytes as Bytes) : undefined
}

/** The shortest text that reads back as the same duration. */
export function formatDuration(duration: Milliseconds): string {
  let rest: number = duration
  let text = ''
  for (const [unit, size] of Object.entries(DURATION_UNITS).reverse()) {
    if (unit === 'ms' && rest === 0 && text !== '') break
    const count = Math.floor(rest / size)
    if (count > 0 || (unit === 'ms' && text === '')) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}

/** A duration in the config: `duration('5m', 'How long …')` is a string there and milliseconds in the program. */
export function duration(fallback: string, description: string) {
  return Type.Codec(
    Type.String({
      pattern: DURATION.source,
      default: fallback,
      description,
      'x-hint': 'a duration such as 500ms, 30s, 5m or 1h30m',
    }),
  )
    .Decode((text: string) => parseDuration(text) as Milliseconds)
    .Encode((value: Milliseconds) => formatDuration(value))
}

/** Where the name of a key ends in `Ms`: a bare number is milliseconds, a text a duration. */
export function milliseconds(description: string, fallback?: number) {
  return Type.Codec(
    Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: DURATION.source })], {
      ...(fallback === undefined ? {} : { default: fallback }),
      description: `${description} Milliseconds, or a duration such as 5m.`,
      'x-hint': 'whole milliseconds or a duration such as 500ms, 60s or 5m',
    }),
  )
    .Decode((value: number | string) =>
      typeof value === 'number' ? (value as Milliseconds) : (parseDuration(value) as Milliseconds),
    )
    .Encode((value: Milliseconds) => value as number | string)
}
