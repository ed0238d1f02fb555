import type { JudgeConfig } from '../../../src/memory/judge.ts'
import { createSlots, type Slots } from '../../../src/memory/slots.ts'
import { FRESH_TREND, judgeTrend, type TrendState, type TrendVerdict } from '../../../src/memory/trend.ts'

export const MB = 1_048_576
export const GB = 1_024 * MB
export const MINUTE = 60_000

export const CONFIG: JudgeConfig = {
  thresholds: { warningBytes: 512 * MB, criticalBytes: GB, oomImminentBytes: 1.5 * GB },
  limitRatios: { warning: 0.8, critical: 0.9, oomImminent: 0.95 },
  trend: { warningHorizonMs: 15 * MINUTE },
  alertCooldownMs: MINUTE,
  intervalMs: 1_000,
  nearLimitIntervalMs: 100,
}

export interface Watching {
  readonly state: TrendState
  readonly verdicts: readonly (TrendVerdict & { readonly atMs: number })[]
}

/** A trend that watched `bytesAt` (undefined = a failed read) every `stepMs`. */
export function watchTrend(
  minutes: number,
  bytesAt: (minute: number) => number | undefined,
  { limitBytes, stepMs = 10_000 }: { limitBytes?: number; stepMs?: number } = {},
): Watching {
  const slots = createSlots()
  let state: TrendState = FRESH_TREND
  const verdicts: (TrendVerdict & { readonly atMs: number })[] = []
  for (let atMs = 0; atMs < minutes * MINUTE; atMs += stepMs) {
    const bytes = bytesAt(atMs / MINUTE)
    slots.add(atMs, bytes)
    const roomBytes = limitBytes === undefined || bytes === undefined ? undefined : limitBytes - bytes
    const [next, said] = judgeTrend(state, { slots, roomBytes, bytes }, CONFIG.trend, atMs)
    state = next
    verdicts.push(...said.map((verdict) => ({ ...verdict, atMs })))
  }
  return { state, verdicts }
}

/** Deterministic noise between -1 and 1. */
export function noise(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2_147_483_648 - 1
  }
}

export function filled(values: readonly (number | undefined)[]): Slots {
  const slots = createSlots()
  for (const [i, value] of values.entries()) slots.add(i * 10_000, value)
  return slots
}
