import type { TimeToLimit } from '../../src/memory/model.ts'
import { createSlots } from '../../src/memory/slots.ts'
import { FRESH_TREND, judgeTrend, type TrendState } from '../../src/memory/trend.ts'
import { saysGrowing } from './block-floor-rule.ts'
import type { Trace } from './corpus.ts'
import { createEndpointRule } from './endpoint-rule.ts'

/** What a rule said about one trace. Times in seconds of the trace. */
export interface Watched {
  /** When it began to say `growing`. */
  readonly episodes: readonly number[]
  /** First second after the leak began at which it said so. */
  readonly detectedS: number | undefined
  /** First warning that the limit is near, after the leak began. */
  readonly warnedS: number | undefined
  /** All of them. */
  readonly warnings: number
  /** Looks that were judged. */
  readonly looks: number
  readonly forecast: TimeToLimit | undefined
}

const CONFIG = { warningHorizonMs: 15 * 60_000 }
/** A leak cannot be told from the noise in its first moments: whoever says so then was wrong before. */
const TOO_EARLY_S = 120
const HOLD = 3

/** The rule of this product, fed as the daemon feeds it: a sample a second, judged after every one. */
export function watch({ bytes, restarts, limitBytes, leak }: Trace): Watched {
  const slots = createSlots()
  let state: TrendState = FRESH_TREND
  const restarted = new Set(restarts)
  const episodes: number[] = []
  let detectedS: number | undefined
  let warnedS: number | undefined
  let forecast: TimeToLimit | undefined
  let warnings = 0
  let looks = 0
  for (let t = 0; t < bytes.length; t++) {
    if (restarted.has(t)) {
      slots.cut()
      state = FRESH_TREND
    }
    const value = bytes[t]!
    const read = Number.isNaN(value) ? undefined : value
    slots.add(t * 1_000, read)
    const roomBytes = read === undefined ? undefined : limitBytes - read
    if (read === undefined) continue
    const [next, verdicts] = judgeTrend(state, { slots, roomBytes, bytes: read }, CONFIG, t * 1_000)
    if (next === state) continue
    state = next
    looks++
    const isLeaking = leak !== undefined && t > leak.fromS
    for (const verdict of verdicts) {
      if (verdict.kind === 'trend_changed' && verdict.to === 'growing') episodes.push(t)
      if (verdict.kind !== 'limit_near') continue
      warnings++
      if (isLeaking && warnedS === undefined) {
        warnedS = t
        forecast = verdict.timeToLimit
      }
    }
    if (state.trend === 'growing' && leak && t > leak.fromS + TOO_EARLY_S) detectedS ??= t
  }
  return { episodes, detectedS, warnedS, warnings, looks, forecast }
}

/** What the rule that is compared with said. */
export interface WatchedEndpoints {
  readonly episodes: number
  /** Share of its answers after the leak began, or of all without one, that were `growing`. */
  readonly growingShare: number
}

export function watchEndpoints({ bytes, restarts, leak }: Trace): WatchedEndpoints {
  let rule = createEndpointRule()
  const restarted = new Set(restarts)
  let episodes = 0
  let answers = 0
  let growing = 0
  let was = false
  for (let t = 0; t < bytes.length; t++) {
    if (restarted.has(t)) rule = createEndpointRule()
    if (t % 10 !== 0 || Number.isNaN(bytes[t]!)) continue
    const now = rule.add(bytes[t]!)
    if (now && !was) episodes++
    was = now
    if (t <= (leak?.fromS ?? 0)) continue
    answers++
    if (now) growing++
  }
  return { episodes, growingShare: answers === 0 ? 0 : growing / answers }
}

/** What the published rule said, with the same hold of three looks. */
export function watchBlockFloors({
  bytes,
  restarts,
  leak,
}: Trace): Pick<Watched, 'detectedS'> & { episodes: number } {
  const slots = createSlots()
  const restarted = new Set(restarts)
  let streak = 0
  let isGrowing = false
  let episodes = 0
  let detectedS: number | undefined
  for (let t = 0; t < bytes.length; t++) {
    if (restarted.has(t)) {
      slots.cut()
      isGrowing = false
      streak = 0
    }
    slots.add(t * 1_000, bytes[t])
    const envelope = t % 60 === 59 ? slots.envelope() : undefined
    if (envelope === undefined) continue
    streak = saysGrowing(envelope) === isGrowing ? 0 : streak + 1
    if (streak >= HOLD) {
      isGrowing = !isGrowing
      streak = 0
      if (isGrowing) episodes++
    }
    if (isGrowing && leak && t > leak.fromS + TOO_EARLY_S) detectedS ??= t
  }
  return { episodes, detectedS }
}
