import type { AgentId } from '../agents/model.ts'
import { type CrashTrend, crashTrend, healthScore, type LiveState } from './health-score.ts'
import type { CrashCause, CrashRecord } from './model.ts'
import { type CrashPattern, causeOf, findPatterns, grouped } from './patterns.ts'

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
const MOST_RELATED = 5
const MOST_RECENT = 10

/** Most pressing first; the order is the rank. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const
export type Severity = (typeof SEVERITIES)[number]

export interface Issue {
  readonly severity: Severity
  readonly message: string
  readonly recommendation: string
}

export interface CrashStats {
  readonly totalCrashes: number
  readonly crashes24h: number
  readonly crashes7d: number
  readonly crashesByAgent: Readonly<Record<AgentId, number>>
  readonly crashesByCause: Readonly<Partial<Record<CrashCause, number>>>
  /** Mean of the times between two crashes of the same agent, in milliseconds; absent without two. */
  readonly avgTimeBetweenCrashesMs: number | undefined
  readonly mostCrashProne: { readonly agent: AgentId; readonly count: number } | undefined
  /** Newest first. */
  readonly recentCrashes: readonly CrashRecord[]
  readonly patterns: readonly CrashPattern[]
}

export interface Insights {
  /** See `healthScore`. */
  readonly healthScore: number
  readonly summary: string
  readonly issues: readonly Issue[]
  /** Without repetition, most pressing first. */
  readonly recommendations: readonly string[]
  readonly trend: CrashTrend
  readonly stats: CrashStats
}

/** Ids of up to five earlier crashes of the same agent or with the same known cause within a week, newest first. */
export function relatedCrashes(of: CrashRecord, records: readonly CrashRecord[]): readonly string[] {
  const cause = causeOf(of)
  return records
    .filter(
      (one) =>
        one.id !== of.id &&
        one.atMs <= of.atMs &&
        of.atMs - one.atMs <= WEEK_MS &&
        (one.agent === of.agent || (cause !== 'unknown' && causeOf(one) === cause)),
    )
    .sort(newestFirst)
    .slice(0, MOST_RELATED)
    .map(({ id }) => id)
}

/** @param records any order */
export function crashStats(records: readonly CrashRecord[], nowMs: number): CrashStats {
  const byAgent = grouped(records, ({ agent }) => agent)
  const counts = [...byAgent].map(([agent, those]) => [agent, those.length] as const)
  const since = (ms: number) => records.filter(({ atMs }) => nowMs - atMs <= ms).length
  let between = 0
  let pairs = 0
  for (const those of byAgent.values()) {
    if (those.length < 2) continue
    const times = those.map(({ atMs }) => atMs)
    between += Math.max(...times) - Math.min(...times)
    pairs += times.length - 1
  }
  // Of equally many the name decides, so that the answer is the same every time.
  const [prone] = counts.toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  return {
    totalCrashes: records.length,
    crashes24h: since(DAY_MS),
    crashes7d: since(WEEK_MS),
    crashesByAgent: Object.fromEntries(counts),
    crashesByCause: Object.fromEntries(
      [...grouped(records, causeOf)].map(([cause, those]) => [cause, those.length]),
    ),
    avgTimeBetweenCrashesMs: pairs === 0 ? undefined : between / pairs,
    mostCrashProne: prone && { agent: prone[0], count: prone[1] },
    recentCrashes: records.toSorted(newestFirst).slice(0, MOST_RECENT),
    patterns: findPatterns(records),
  }
}

/** Crashes in one day that are many. */
const MANY = 5
const VERY_MANY = 10

/** Everything at a glance. Issues are about the last 24 hours, patterns about the last seven days. */
export function insightsOf(records: readonly CrashRecord[], live: LiveState, nowMs: number): Insights {
  const day = records.filter(({ lastAtMs }) => nowMs - lastAtMs <= DAY_MS)
  const week = records.filter(({ lastAtMs }) => nowMs - lastAtMs <= WEEK_MS)
  const stats = crashStats(records, nowMs)
  const score = healthScore(records, live, nowMs)
  const issues = [...liveIssues(live), ...causeIssues(day), ...countIssues(day), ...patternIssues(week)].sort(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  )
  return {
    healthScore: Math.round(score),
    summary: summaryOf(Math.round(score), stats, live),
    issues,
    recommendations: [...new Set(issues.map(({ recommendation }) => recommendation))],
    trend: crashTrend(records, nowMs),
    stats,
  }
}

function summaryOf(
  score: number,
  { totalCrashes, crashes24h, crashes7d }: CrashStats,
  live: LiveState,
): string {
  const state =
    score >= 90 ? 'Healthy' : score >= 70 ? 'Some issues' : score >= 50 ? 'Several issues' : 'Critical'
  const crashes =
    totalCrashes === 0
      ? 'No crashes recorded'
      : `${crashes24h} ${crashes24h === 1 ? 'crash' : 'crashes'} in 24 hours, ${crashes7d} in 7 days`
  const bad = live.criticalAgents + live.oomImminentAgents
  return `${state}: ${crashes}${bad === 0 ? '' : `; ${bad} agents near their memory limit`}.`
}

function liveIssues({ criticalAgents, oomImminentAgents }: LiveState): readonly Issue[] {
  return [
    ...(oomImminentAgents === 0
      ? []
      : [
          issue(
            'critical',
            `${agents(oomImminentAgents)} about to run out of memory.`,
            'Resize or end them now.',
          ),
        ]),
    ...(criticalAgents === 0
      ? []
      : [issue('high', `${agents(criticalAgents)} with critical memory.`, 'See `agent-exporter metrics`.')]),
  ]
}

const agents = (count: number) => `${count} ${count === 1 ? 'agent' : 'agents'}`
const issue = (severity: Severity, message: string, recommendation: string): Issue => ({
  severity,
  message,
  recommendation,
})

const SEVERITY_OF: Readonly<Record<CrashCause, Severity>> = {
  oom_host: 'critical',
  oom_cgroup: 'critical',
  oom_child: 'high',
  heap_limit: 'high',
  memory_leak: 'high',
  sudden_spike: 'high',
  segfault: 'high',
  abort: 'medium',
  killed: 'medium',
  error: 'medium',
  unknown: 'low',
}

function causeIssues(day: readonly CrashRecord[]): readonly Issue[] {
  return [...grouped(day, causeOf)].map(([cause, those]) => {
    const newest = those.toSorted(newestFirst)[0]!
    const whose = [...new Set(those.map(({ agent }) => agent))].sort()
    const names = whose.slice(0, 3).join(', ') + (whose.length > 3 ? ` and ${whose.length - 3} more` : '')
    const recommendation = newest.recommendations[0] ?? 'See `agent-exporter crashes`.'
    return issue(SEVERITY_OF[cause], `${cause} ×${those.length} in 24 hours: ${names}.`, recommendation)
  })
}

function countIssues(day: readonly CrashRecord[]): readonly Issue[] {
  if (day.length <= MANY) return []
  const severity = day.length > VERY_MANY ? 'high' : 'medium'
  return [issue(severity, `${day.length} crashes in 24 hours.`, 'Begin with the agent that crashes most.')]
}

function patternIssues(week: readonly CrashRecord[]): readonly Issue[] {
  return findPatterns(week).flatMap(({ pattern, occurrences, affectedAgents }) => {
    if (pattern === 'crash_loop') {
      const message = `${affectedAgents[0]} crashes again and again (${occurrences} times within 10 minutes).`
      return [issue('high', message, 'Stop restarting it until the cause is mended.')]
    }
    if (pattern === 'together') {
      const message = `${affectedAgents.length} agents crashed within a minute.`
      return [issue('high', message, 'Look at the host: memory, disk, the container engine.')]
    }
    return []
  })
}

function newestFirst(a: CrashRecord, b: CrashRecord): number {
  return b.atMs - a.atMs || (a.id < b.id ? 1 : -1)
}
