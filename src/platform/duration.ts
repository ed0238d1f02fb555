/** A length of time in milliseconds. */
export type Milliseconds = number & { readonly __unit: 'ms' }

const UNITS = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 } as const

/** As Prometheus writes them: units from large to small, each at most once (`1h30m`, `500ms`). */
export const DURATION_PATTERN = '^(?=\\d)(?:(\\d+)d)?(?:(\\d+)h)?(?:(\\d+)m)?(?:(\\d+)s)?(?:(\\d+)ms)?$'
const DURATION = new RegExp(DURATION_PATTERN)

/** Milliseconds of `5m`, `1h30m`, `500ms`; undefined when it is not a duration. */
export function parseDuration(text: string): Milliseconds | undefined {
  const parts = DURATION.exec(text)
  if (parts === null) return undefined
  const [, d, h, m, s, ms] = parts
  const sum =
    Number(d ?? 0) * UNITS.d +
    Number(h ?? 0) * UNITS.h +
    Number(m ?? 0) * UNITS.m +
    Number(s ?? 0) * UNITS.s +
    Number(ms ?? 0)
  return Number.isSafeInteger(sum) ? (sum as Milliseconds) : undefined
}

/** The shortest text that reads back as the same duration. */
export function formatDuration(duration: Milliseconds): string {
  let rest: number = duration
  let text = ''
  for (const [unit, size] of Object.entries(UNITS).reverse()) {
    if (unit === 'ms' && rest === 0 && text !== '') break
    const count = Math.floor(rest / size)
    if (count > 0 || (unit === 'ms' && text === '')) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
