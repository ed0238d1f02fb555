import type { CrashCause, CrashRecord } from './model.ts'
import { causeOf } from './patterns.ts'

const DAY_MS = 86_400_000
/** Crashes count half after a day and not at all after a week. */
const HALF_LIFE_MS = DAY_MS
const SCORE_WINDOW_MS = 7 * DAY_MS
/** So much weight in one agent halves the score. */
const HALVING_WEIGHT = 4
/** Children killed over and over in one agent are one illness. */
const MOST_OCCURRENCES = 5

/** What takes work away and comes again weighs more than what may be a single mishap. */
const WEIGHTS: Readonly<Record<CrashCause, number>> = {
  oom_cgroup: 2,
  oom_host: 2,
  oom_child: 1,
  heap_limit: 2,
  memory_leak: 2,
  sudden_spike: 1.5,
  segfault: 2,
  abort: 1.5,
  killed: 1,
  error: 1,
  unknown: 1,
}

/** How the fleet is now. */
export interface LiveState {
  /** Live agents. */
  readonly agents: number
  readonly criticalAgents: number
  readonly oomImminentAgents: number
}

const CRITICAL_WEIGHT = 1
const OOM_IMMINENT_WEIGHT = 2

/**
 * The one health score, 0 to 100; `agent_fleet_health_ratio` is a hundredth of it.
 *
 *     score = 100 × 2^(−load ÷ 4)
 *     load  = (Σ over crashes of the last 7 days: weight(cause) × min(occurrences, 5) × 2^(−age ÷ 1 day)
 *              + agents at level critical + 2 × agents at level oom_imminent) ÷ √max(1, live agents)
 *
 * It heals by itself: ten out-of-memory kills of last week do not hide how today is. It never jumps, except when
 * something happens. A crash weighs less among many agents, by the square root, because ten crashes among a hundred
 * agents are neither ten times one among ten nor the same. One fresh out-of-memory kill of a single agent: 71.
 */
export function healthScore(records: readonly CrashRecord[], live: LiveState, nowMs: number): number {
  let load = CRITICAL_WEIGHT * live.criticalAgents + OOM_IMMINENT_WEIGHT * live.oomImminentAgents
  for (const record of records) {
    const age = Math.max(0, nowMs - record.lastAtMs)
    if (age > SCORE_WINDOW_MS) continue
    load +=
      WEIGHTS[causeOf(record)] * Math.min(record.occurrences, MOST_OCCURRENCES) * 2 ** (-age / HALF_LIFE_MS)
  }
  return 100 * 2 ** (-load / Math.sqrt(Math.max(1, live.agents)) / HALVING_WEIGHT)
}

export type CrashTrend = 'improving' | 'stable' | 'degrading'

/** Chance of seeing a difference at least this large when nothing has changed, below which it is one. */
const SIGNIFICANT = 0.1

/**
 * Whether crashes became more or fewer: the last day against the day before, by the sign test (were nothing different,
 * each crash would fall on either day with equal chance). One crash after a quiet day is no trend; four are.
 */
export function crashTrend(records: readonly CrashRecord[], nowMs: number): CrashTrend {
  const within = (fromMs: number, toMs: number) =>
    records.filter(({ atMs }) => atMs > nowMs - fromMs && atMs <= nowMs - toMs).length
  const last = within(DAY_MS, 0)
  const before = within(2 * DAY_MS, DAY_MS)
  const chance = atLeast(Math.max(last, before), last + before)
  if (last === before || chance > SIGNIFICANT) return 'stable'
  return last > before ? 'degrading' : 'improving'
}

/** Above this the normal approximation is as good. */
const MOST_EXACT = 1_000

/** P(X ≥ k) for X ~ Binomial(n, ½). */
function atLeast(k: number, n: number): number {
  if (n > MOST_EXACT) return (k - n / 2) / Math.sqrt(n / 4) > 1.2816 ? 0 : 1
  let term = 0.5 ** n
  let sum = 0
  for (let i = 0; i <= n; i++) {
    if (i >= k) sum += term
    term *= (n - i) / (i + 1)
  }
  return sum
}
