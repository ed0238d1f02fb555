const MINUTE = 60_000
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880].map(
  (minutes) => minutes * MINUTE,
)
const DECIMAL_STEPS = [1, 2, 2.5, 5, 10]
const BINARY_STEPS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

export interface Scale {
  readonly min: number
  readonly max: number
  readonly ticks: readonly number[]
}

export interface ScaleWish {
  /** Smallest and largest value drawn. */
  readonly low: number
  readonly high: number
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Drawn at least to here. */
  readonly softMin?: number | undefined
  /** How many ticks there is room for. */
  readonly room: number
  readonly base: 'decimal' | 'binary'
  /** No step is smaller. */
  readonly least: number
}

/** Round ticks, and a scale that ends where the values do and a little beyond. */
export function valueScale({ low, high, min, max, softMin, room, base, least }: ScaleWish): Scale {
  const bottom = min ?? Math.min(low, softMin ?? low)
  const top =
    max ?? (high === bottom ? bottom + Math.max(Math.abs(bottom), least, Number.EPSILON) || 1 : high)
  const step = roundStep(Math.max((top - bottom) / Math.max(1, room), least), base, least)
  const from = min ?? Math.floor(bottom / step) * step
  // Room above the highest line, as Grafana leaves it.
  const to = max ?? Math.ceil((top + (top - bottom) * 0.05) / step) * step
  const ticks: number[] = []
  for (let at = Math.ceil(from / step) * step; at <= to + step / 1e6; at += step)
    ticks.push(Number(at.toPrecision(12)))
  return { min: from, max: to, ticks }
}

function roundStep(step: number, base: 'decimal' | 'binary', least: number): number {
  const factor = base === 'binary' ? 1024 : 10
  const power = factor ** Math.floor(Math.log(step) / Math.log(factor))
  const steps = base === 'binary' ? BINARY_STEPS : DECIMAL_STEPS
  const isWhole = (one: number): boolean => least === 0 || Math.abs(((one / least) % 1) - 0.5) > 0.499
  const found = steps.find((one) => one * power >= step * (1 - 1e-9) && isWhole(one * power))
  return (found ?? factor) * power
}

/** @param room how many ticks there is room for */
export function timeTicks(fromMs: number, toMs: number, room: number): number[] {
  const step = TIME_STEPS.find((one) => (toMs - fromMs) / one <= room) ?? TIME_STEPS.at(-1)!
  const ticks: number[] = []
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) ticks.push(at)
  return ticks
}

/** `14:30`, in UTC. */
export function clockText(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16)
}
