import type { Insights, Issue } from './insights.ts'
import type { CrashRecord } from './model.ts'
import { seedCause } from './report.ts'

/** One crash as the API shows it: the names of the seed, then what it did not know. */
export function answerCrash(record: CrashRecord): object {
  const { id, agent, verdict, memory } = record
  return {
    id,
    agentName: agent,
    pid: record.pid ?? null,
    exitCode: record.exitCode ?? null,
    signal: record.signal ?? null,
    reason: record.reported ?? null,
    likelyCause: seedCause(verdict.cause),
    cause: verdict.cause ?? 'unknown',
    confidence: verdict.confidence,
    summary: verdict.summary,
    evidence: verdict.evidence,
    recommendations: record.recommendations,
    lives: verdict.reason === 'lives',
    occurrences: record.occurrences,
    peakMemory: memory?.peakBytes ?? null,
    lastKnownMemory: memory?.lastBytes ?? null,
    averageMemory: memory?.averageBytes ?? null,
    memoryLimit: memory?.limitBytes ?? null,
    memoryTrend: memory?.trend ?? null,
    incarnation: record.incarnation ?? null,
    runtime: record.runtime ?? null,
    role: record.role ?? null,
    crashedAt: new Date(record.atMs).toISOString(),
    lastAt: new Date(record.lastAtMs).toISOString(),
    witness: record.witness,
    daemonId: record.origin,
  }
}

/** What somebody is told who asks how things are. */
export function answerIssue({ severity, message, recommendation }: Issue): object {
  return { severity, message, recommendation }
}

/** Statistics and patterns, with times as people and programs read them. */
export function answerStats({ stats, trend }: Insights): object {
  const { avgTimeBetweenCrashesMs, mostCrashProne, patterns, recentCrashes, ...counts } = stats
  return {
    ...counts,
    avgTimeBetweenCrashesMs: avgTimeBetweenCrashesMs ?? null,
    mostCrashProne: mostCrashProne ?? null,
    trend,
    recentCrashes: recentCrashes.map(answerCrash),
    patterns: patterns.map(({ firstSeenMs, lastSeenMs, avgMemoryAtCrash, commonCause, ...pattern }) => ({
      ...pattern,
      firstSeen: new Date(firstSeenMs).toISOString(),
      lastSeen: new Date(lastSeenMs).toISOString(),
      avgMemoryAtCrash: avgMemoryAtCrash ?? null,
      commonCause: commonCause ?? null,
    })),
  }
}
