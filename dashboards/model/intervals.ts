/** What a query is asked with: times in ms. */
export interface Request {
  readonly rangeMs: number
  /** Width of the panel in pixels, or its own `maxDataPoints`. */
  readonly points: number
  /** `timeInterval` of the data source: how often it scrapes. */
  readonly scrapeMs: number
  /** `interval` of the panel. */
  readonly panelMs?: number | undefined
  /** "Min step" of the query. */
  readonly queryMs?: number | undefined
}

export interface Intervals {
  readonly intervalMs: number
  readonly rateIntervalMs: number
  /** `step` of the range query. */
  readonly stepMs: number
  readonly rangeMs: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Below the first, the second: the steps that Grafana rounds to. */
const ROUND: readonly (readonly [below: number, to: number])[] = [
  [10, 1],
  [15, 10],
  [35, 20],
  [75, 50],
  [150, 100],
  [350, 200],
  [750, 500],
  [1.5 * SECOND, SECOND],
  [3.5 * SECOND, 2 * SECOND],
  [7.5 * SECOND, 5 * SECOND],
  [12.5 * SECOND, 10 * SECOND],
  [17.5 * SECOND, 15 * SECOND],
  [25 * SECOND, 20 * SECOND],
  [45 * SECOND, 30 * SECOND],
  [1.5 * MINUTE, MINUTE],
  [3.5 * MINUTE, 2 * MINUTE],
  [7.5 * MINUTE, 5 * MINUTE],
  [12.5 * MINUTE, 10 * MINUTE],
  [17.5 * MINUTE, 15 * MINUTE],
  [25 * MINUTE, 20 * MINUTE],
  [45 * MINUTE, 30 * MINUTE],
  [1.5 * HOUR, HOUR],
  [2.5 * HOUR, 2 * HOUR],
  [4.5 * HOUR, 3 * HOUR],
  [9 * HOUR, 6 * HOUR],
  [24 * HOUR, 12 * HOUR],
  [7 * DAY, DAY],
  [21 * DAY, 7 * DAY],
  [42 * DAY, 30 * DAY],
]
const YEAR = 365 * DAY
/** Prometheus refuses more points than this. */
const MAX_POINTS = 11_000

/**
 * The times that Grafana puts into a query for Prometheus.
 * @see grafana: rangeutil.calculateInterval; promlib: models/query.go
 */
export function intervalsOf({ rangeMs, points, scrapeMs, panelMs, queryMs }: Request): Intervals {
  const intervalMs = Math.max(rounded(rangeMs / points), panelMs ?? scrapeMs)
  const least = queryMs ?? intervalMs
  const asked = rangeMs / points
  const step = asked < least ? least : rounded(asked)
  const stepMs = Math.max(step, rounded(rangeMs / MAX_POINTS))
  const scrape = queryMs ?? scrapeMs
  return { intervalMs, rateIntervalMs: Math.max(intervalMs + scrape, 4 * scrape), stepMs, rangeMs }
}

/** Replaces the times of the server; longer names first, `$x` before `${x}`. */
export function interpolateTimes(expression: string, { rateIntervalMs, stepMs, rangeMs }: Intervals): string {
  const rangeSeconds = Math.round(rangeMs / SECOND)
  const values: readonly (readonly [string, string])[] = [
    ['__interval_ms', String(stepMs)],
    ['__rate_interval_ms', String(rateIntervalMs)],
    ['__range_ms', String(rangeMs)],
    ['__range_s', String(rangeSeconds)],
    ['__rate_interval', goDuration(rateIntervalMs)],
    ['__interval', oneUnit(stepMs)],
    ['__range', `${rangeSeconds}s`],
  ]
  return values.reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value).replaceAll(`\${${name}}`, value),
    expression,
  )
}

function rounded(ms: number): number {
  return ROUND.find(([below]) => ms < below)?.[1] ?? YEAR
}

/** As Go writes a duration: `2m15s`, `1m0s`; PromQL reads it. */
export function goDuration(ms: number): string {
  if (ms < SECOND) return `${ms}ms`
  const [h, m, s] = [
    Math.floor(ms / HOUR),
    Math.floor((ms % HOUR) / MINUTE),
    Math.floor((ms % MINUTE) / SECOND),
  ]
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`
}

function oneUnit(ms: number): string {
  for (const [unit, size] of [
    ['d', DAY],
    ['h', HOUR],
    ['m', MINUTE],
    ['s', SECOND],
  ] as const) {
    if (ms >= size) return `${Math.floor(ms / size)}${unit}`
  }
  return `${ms}ms`
}
