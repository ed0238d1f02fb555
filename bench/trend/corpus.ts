import { createRandom, type Random } from './random.ts'
import * as shapes from './shapes.ts'

/** One agent's memory, a sample a second. */
export interface Trace {
  /** Bytes; NaN = the read failed. */
  readonly bytes: Float64Array
  /** Seconds at which another incarnation began. */
  readonly restarts: readonly number[]
  readonly limitBytes: number
  /** Undefined: nothing leaks. */
  readonly leak:
    | { readonly fromS: number; readonly limitReachedS: number; readonly mbPerMinute: number }
    | undefined
}

/** `tune`: what the rule was made with. `hold-out`: other seeds, wider ranges, other kinds of noise. */
export type Split = 'tune' | 'hold-out'

/** What differs between the splits. Pairs are ranges. */
interface Ranges {
  readonly baseMb: readonly [number, number]
  readonly fastCycleS: readonly [number, number]
  readonly slowCycleS: readonly [number, number]
  readonly amplitudeMb: readonly [number, number]
  readonly jitter: readonly [number, number]
  readonly incomplete: number
  readonly driftTauS: readonly [number, number]
  readonly driftSdMb: readonly [number, number]
  readonly stepMb: readonly [number, number]
  readonly burstMb: readonly [number, number]
  readonly warmTauS: readonly [number, number]
  readonly limitFactor: readonly [number, number]
  readonly minutesToLimit: readonly [number, number]
  readonly seed: number
}

const RANGES: Readonly<Record<Split, Ranges>> = {
  tune: {
    baseMb: [150, 500],
    fastCycleS: [20, 110],
    slowCycleS: [200, 500],
    amplitudeMb: [40, 220],
    jitter: [0.05, 0.25],
    incomplete: 0.1,
    driftTauS: [100, 330],
    driftSdMb: [5, 40],
    stepMb: [60, 200],
    burstMb: [50, 300],
    warmTauS: [60, 600],
    limitFactor: [1.5, 6],
    minutesToLimit: [35, 200],
    seed: 0x7e57_0001,
  },
  'hold-out': {
    baseMb: [80, 900],
    fastCycleS: [8, 120],
    slowCycleS: [180, 600],
    amplitudeMb: [25, 300],
    jitter: [0.02, 0.3],
    incomplete: 0.15,
    driftTauS: [60, 400],
    driftSdMb: [3, 50],
    stepMb: [40, 300],
    burstMb: [30, 500],
    warmTauS: [30, 900],
    limitFactor: [1.3, 10],
    minutesToLimit: [30, 240],
    seed: 0x0b5e_55ed,
  },
}

const MB = 1_048_576
const DAY_S = 86_400
/** No process of a measured machine goes below this. */
const LEAST_MB = 20

type Background =
  | 'flat'
  | 'gc'
  | 'slow gc'
  | 'high slow gc'
  | 'drift'
  | 'gc + drift'
  | 'steps'
  | 'bursts'
  | 'conversation'

/** Agents that do not leak. `counted`: whether an episode of growth is a mistake. */
export interface QuietCell {
  readonly name: string
  readonly background: Background
  readonly restartsPerDay: number
  readonly gapsPerDay: number
  readonly counted: 'counted' | 'shown only'
}

const quiet = (name: string, background: Background, more: Partial<QuietCell> = {}): QuietCell => ({
  ...{ name, background, restartsPerDay: 0, gapsPerDay: 0, counted: 'counted' },
  ...more,
})

export const QUIET_CELLS: readonly QuietCell[] = [
  quiet('flat', 'flat'),
  quiet('gc 8-120 s', 'gc'),
  quiet('gc 3-10 min', 'slow gc'),
  quiet('gc 7 min of 220 MB', 'high slow gc'),
  quiet('drift', 'drift'),
  quiet('gc + drift', 'gc + drift'),
  quiet('steps', 'steps'),
  quiet('bursts', 'bursts'),
  quiet('warm-up, restarts', 'gc', { restartsPerDay: 12 }),
  quiet('gaps', 'gc', { gapsPerDay: 30 }),
  // The growth is real while it lasts: 20 to 90 minutes. Nobody can tell from outside that it will end.
  quiet('conversations', 'conversation', { counted: 'shown only' }),
]

/** Agents that do. */
export interface LeakCell {
  readonly name: string
  readonly background: Background
  readonly mbPerMinute: number
  readonly manner: 'steady' | 'portions'
  readonly disturbed: 'no' | 'restart' | 'gaps'
  /** Whether DESIGN's figure is about it: GC cycles of at most 2 min, 5-50 MB/min. */
  readonly judged: 'judged' | 'shown only'
}

const leaking = (
  name: string,
  background: Background,
  rate: number,
  more: Partial<LeakCell> = {},
): LeakCell => ({
  ...{ name: `${name}, ${rate} MB/min`, background, mbPerMinute: rate },
  ...{ manner: 'steady', disturbed: 'no', judged: 'shown only' },
  ...more,
})

const RATES = [2, 5, 10, 20, 50]

export const LEAK_CELLS: readonly LeakCell[] = [
  ...RATES.map((rate) => leaking('gc 8-120 s', 'gc', rate, { judged: rate >= 5 ? 'judged' : 'shown only' })),
  ...RATES.map((rate) => leaking('gc 3-10 min', 'slow gc', rate)),
  leaking('gc 7 min of 220 MB', 'high slow gc', 5),
  ...[5, 20].flatMap((rate) => [
    leaking('flat', 'flat', rate),
    leaking('drift', 'drift', rate),
    leaking('gc + drift', 'gc + drift', rate),
    leaking('bursts', 'bursts', rate),
    leaking('gc, in portions', 'gc', rate, { manner: 'portions' }),
    leaking('gc, after a restart', 'gc', rate, { disturbed: 'restart' }),
    leaking('gc, with gaps', 'gc', rate, { disturbed: 'gaps' }),
  ]),
]

/** A day of an agent that does not leak. */
export function quietTrace(cell: QuietCell, split: Split, run: number, durationS = DAY_S): Trace {
  const ranges = RANGES[split]
  const random = createRandom(seedOf(ranges.seed, cell.name, run))
  const bytes = new Float64Array(durationS)
  const restarts = occasions(random, cell.restartsPerDay, durationS)
  const starts = [0, ...restarts]
  const baseMb = random.logBetween(...ranges.baseMb)
  for (const [i, start] of starts.entries()) {
    fill(bytes, start, starts[i + 1] ?? durationS, lifeOf(random, cell.background, baseMb, ranges))
  }
  tear(random, bytes, occasions(random, cell.gapsPerDay, durationS))
  let top = 0
  for (const value of bytes) if (value > top) top = value
  return { bytes, restarts, limitBytes: top * random.between(...ranges.limitFactor), leak: undefined }
}

/** An agent that runs for a while, then leaks until it reaches its limit. */
export function leakTrace(cell: LeakCell, split: Split, run: number): Trace {
  const ranges = RANGES[split]
  const random = createRandom(seedOf(ranges.seed, cell.name, run))
  const { mbPerMinute, background, disturbed } = cell
  const baseMb = random.logBetween(...ranges.baseMb)
  const startS = disturbed === 'restart' ? Math.round(random.between(600, 3_600)) : 0
  const fromS = Math.round(random.between(300, 3_600))
  const minutes = random.logBetween(...ranges.minutesToLimit)
  const roomMb = minutes * mbPerMinute
  const before = new Float64Array(startS + fromS)
  if (startS > 0) fill(before, 0, startS, lifeOf(random, background, baseMb, ranges))
  const life = lifeOf(random, background, baseMb, ranges)
  const grown: shapes.Shape =
    cell.manner === 'steady'
      ? shapes.leak(mbPerMinute, fromS)
      : shapes.leakInPortions(random, mbPerMinute, fromS, random.between(10, 60))
  const leaking: shapes.Shape = (t) => life(t) + grown(t)
  fill(before, startS, startS + fromS, leaking)
  let topMb = 0
  for (const value of before) topMb = Math.max(topMb, value / MB)
  const limitMb = topMb + roomMb
  const values: number[] = []
  // The peak of the sawtooth meets the limit, not its mean. A leak that waits for its next portion is given time.
  for (let t = fromS; t < fromS + minutes * 60 * 2; t++) {
    const mb = Math.max(LEAST_MB, leaking(t))
    if (mb >= limitMb) break
    values.push(mb * MB)
  }
  const bytes = new Float64Array(before.length + values.length)
  bytes.set(before)
  bytes.set(values, before.length)
  const limitReachedS = bytes.length
  if (disturbed === 'gaps') tear(random, bytes, occasions(random, 30, bytes.length))
  else tear(random, bytes, [])
  return {
    bytes,
    restarts: startS > 0 ? [startS] : [],
    limitBytes: limitMb * MB,
    leak: { fromS: startS + fromS, limitReachedS, mbPerMinute },
  }
}

function lifeOf(random: Random, background: Background, baseMb: number, ranges: Ranges): shapes.Shape {
  const amplitudeMb = background === 'high slow gc' ? 220 : random.logBetween(...ranges.amplitudeMb)
  const gc = (cycleS: readonly [number, number]) =>
    shapes.sawtooth(random, {
      periodS: random.logBetween(...cycleS),
      amplitudeMb,
      jitter: random.between(...ranges.jitter),
      incomplete: random.chance(0.5) ? ranges.incomplete : 0,
      residue: random.between(0.01, 0.06),
    })
  const drifting = () =>
    shapes.drift(random, random.logBetween(...ranges.driftTauS), random.logBetween(...ranges.driftSdMb))
  const parts: shapes.Shape[] = [
    () => baseMb,
    shapes.whiteNoise(random, random.between(0.1, 3)),
    shapes.warmUp(random.between(0.2, 0.6) * baseMb, random.logBetween(...ranges.warmTauS)),
  ]
  if (background === 'gc' || background === 'gc + drift') parts.push(gc(ranges.fastCycleS))
  if (background === 'slow gc') parts.push(gc(ranges.slowCycleS))
  if (background === 'high slow gc') parts.push(gc([420, 420]))
  if (background === 'drift' || background === 'gc + drift') parts.push(drifting())
  if (background === 'steps') {
    parts.push(gc(ranges.fastCycleS), shapes.steps(random, random.between(4, 16), ...ranges.stepMb))
  }
  if (background === 'bursts') {
    const [least, most] = ranges.burstMb
    parts.push(shapes.bursts(random, random.between(2, 20), random.between(least, most), 600))
  }
  if (background === 'conversation') {
    parts.push(shapes.conversation(random, random.between(20, 90), random.between(50, 400)))
  }
  return (t) => {
    let sum = 0
    for (const part of parts) sum += part(t)
    return sum
  }
}

function fill(bytes: Float64Array, from: number, to: number, life: shapes.Shape): void {
  for (let t = from; t < to; t++) bytes[t] = Math.max(LEAST_MB, life(t - from)) * MB
}

/** Single lost reads everywhere, and gaps of half a minute to ten minutes. */
function tear(random: Random, bytes: Float64Array, gaps: readonly number[]): void {
  for (let t = 0; t < bytes.length; t++) if (random.chance(0.002)) bytes[t] = Number.NaN
  for (const from of gaps) bytes.fill(Number.NaN, from, from + Math.round(random.logBetween(30, 600)))
}

function occasions(random: Random, perDay: number, durationS: number): number[] {
  const times: number[] = []
  for (let t = 60; t < durationS; t++) if (random.chance(perDay / DAY_S)) times.push(t)
  return times
}

function seedOf(seed: number, name: string, run: number): number {
  let hash = seed ^ Math.imul(run + 1, 0x9e37_79b1)
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x0100_0193)
  return hash >>> 0
}
