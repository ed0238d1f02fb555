import { Type } from 'typebox'
import { DURATION_PATTERN, formatDuration, type Milliseconds, parseDuration } from '../platform/duration.ts'

/** An amount of memory or disk in bytes. */
export type Bytes = number & { readonly __unit: 'bytes' }

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

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)$/

/** Bytes of `512MiB`, `1.5GiB`, `10MB`; undefined when it is not a size. */
export function parseSize(text: string): Bytes | undefined {
  const parts = SIZE.exec(text)
  if (parts === null) return undefined
  const bytes = Math.round(Number(parts[1]) * SIZE_UNITS[parts[2] as keyof typeof SIZE_UNITS])
  return Number.isSafeInteger(bytes) ? (bytes as Bytes) : undefined
}

/** A duration in the config: `duration('5m', 'How long …')` is a string there and milliseconds in the program. */
export function duration(fallback: string, description: string) {
  return Type.Codec(
    Type.String({
      pattern: DURATION_PATTERN,
      default: fallback,
      description,
      'x-hint': 'a duration such as 500ms, 30s, 5m or 1h30m',
    }),
  )
    .Decode((text: string) => parseDuration(text) as Milliseconds)
    .Encode((value: Milliseconds) => formatDuration(value))
}

/** An amount of memory in the config: `size('512MiB', 'Where …')` is a string there and bytes in the program. */
export function size(fallback: string | undefined, description: string) {
  return Type.Codec(
    Type.String({
      pattern: SIZE.source,
      ...(fallback === undefined ? {} : { default: fallback }),
      description,
      'x-hint': 'a size such as 512MiB, 1.5GiB or 200MB',
    }),
  )
    .Decode((text: string) => parseSize(text) as Bytes)
    .Encode((value: Bytes) => `${value}B`)
}

/** Where the name of a key ends in `Ms`: a bare number is milliseconds, a text a duration. */
export function milliseconds(description: string, fallback?: number) {
  return Type.Codec(
    Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: DURATION_PATTERN })], {
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
