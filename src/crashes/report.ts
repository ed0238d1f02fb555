import { createHash } from 'node:crypto'
import { isAgentId } from '../agents/model.ts'
import { cleanText } from '../platform/text.ts'
import { judgeEnd } from './cause.ts'
import {
  CONFIDENCES,
  type Confidence,
  CRASH_CAUSES,
  type CrashCause,
  type CrashRecord,
  type Evidence,
  type ExitEvidence,
  MEMORY_TRENDS,
  type MemoryEvidence,
  type MemoryTrend,
  type Verdict,
} from './model.ts'
import { recommend } from './recommendations.ts'
import { outputFacts, redactedTail } from './tail.ts'

/** A crash as another daemon or supervisor tells it. Only `agentName` must be there. */
export interface CrashReport {
  readonly agentName: string
  readonly pid?: number | null
  readonly exitCode?: number | null
  readonly signal?: string | null
  readonly reason?: string | null
  readonly likelyCause?: string | null
  readonly confidence?: string | null
  readonly summary?: string | null
  readonly recommendations?: readonly string[] | null
  readonly peakMemory?: number | null
  readonly lastKnownMemory?: number | null
  readonly averageMemory?: number | null
  readonly memoryLimit?: number | null
  readonly memoryTrend?: string | null
  readonly lastOutput?: string | null
  readonly oomKilled?: boolean | null
  readonly cgroupOomKills?: number | null
  readonly killedByUs?: boolean | null
  readonly crashedAt?: string | null
}

const LONGEST_REASON = 1_000
const MOST_RECOMMENDATIONS = 10

/** The seed's words. */
const SEED_CAUSES = ['oom', 'memory_leak', 'sudden_spike', 'signal', 'error', 'unknown'] as const
type SeedCause = (typeof SEED_CAUSES)[number]

const TO_SEED: Readonly<Record<CrashCause, SeedCause>> = {
  oom_cgroup: 'oom',
  oom_host: 'oom',
  oom_child: 'oom',
  heap_limit: 'oom',
  memory_leak: 'memory_leak',
  sudden_spike: 'sudden_spike',
  segfault: 'signal',
  abort: 'signal',
  killed: 'signal',
  error: 'error',
  unknown: 'unknown',
}

export function seedCause(cause: CrashCause | undefined): SeedCause {
  return TO_SEED[cause ?? 'unknown']
}

/** What is judged: a report counts as somebody's word, never as the kernel's. */
function evidenceOf(report: CrashReport, atMs: number): Evidence {
  const { oomKilled, cgroupOomKills, killedByUs, lastOutput } = report
  const memory = memoryOf(report)
  const exit = exitSaid(report)
  return {
    runtime: oomKilled == null && cgroupOomKills == null ? 'process' : 'container',
    life: 'ended',
    ended: { atMs, by: 'event' },
    claim: 'crash',
    ...(exit === undefined ? {} : { exit }),
    ...(oomKilled == null ? {} : { inspect: { oomKilled } }),
    ...(cgroupOomKills == null ? {} : { group: { recentKills: cgroupOomKills, totalKills: cgroupOomKills } }),
    ...(memory === undefined ? {} : { memory }),
    ...(lastOutput == null ? {} : { output: outputFacts(lastOutput) }),
    ...(killedByUs == null
      ? {}
      : { actions: killedByUs ? [{ id: 'reported', trigger: 'report', actor: 'reporter', atMs }] : [] }),
  }
}

function memoryOf(report: CrashReport): MemoryEvidence | undefined {
  const { peakMemory, lastKnownMemory, averageMemory, memoryLimit, memoryTrend } = report
  const last = lastKnownMemory ?? peakMemory
  if (last == null) return undefined
  return {
    // The seed's daemons send fractions of bytes.
    lastBytes: Math.round(last),
    peakBytes: Math.round(Math.max(peakMemory ?? last, last)),
    averageBytes: Math.round(averageMemory ?? last),
    trend: (MEMORY_TRENDS as readonly string[]).includes(memoryTrend ?? '')
      ? (memoryTrend as MemoryTrend)
      : 'unknown',
    ...(memoryLimit == null || memoryLimit <= 0 ? {} : { limitBytes: Math.round(memoryLimit) }),
  }
}

/** Our own judgement, unless nothing can be concluded and the reporter names a cause. */
function judgeReport(report: CrashReport, evidence: Evidence): Verdict {
  const own = judgeEnd(evidence)
  const said = report.likelyCause
  if (said == null || own.reason !== 'crashed' || (own.cause !== 'unknown' && own.confidence !== 'low'))
    return own
  const cause = causeSaid(said)
  if (cause === 'unknown') return own
  const summary =
    report.summary == null ? `The reporter says ${cause}.` : cleanText(report.summary, LONGEST_REASON)
  return { ...own, cause, confidence: confidenceSaid(report.confidence), summary }
}

function causeSaid(said: string): CrashCause {
  if ((CRASH_CAUSES as readonly string[]).includes(said)) return said as CrashCause
  if (said === 'oom') return 'oom_cgroup'
  return said === 'signal' ? 'killed' : 'unknown'
}

/** Hearsay is never sure. */
function confidenceSaid(said: string | null | undefined): Confidence {
  const known = (CONFIDENCES as readonly string[]).includes(said ?? '') ? (said as Confidence) : 'low'
  return known === 'high' ? 'medium' : known
}

/** Who tells. */
export interface Teller {
  readonly name: string
  /** The daemon it speaks for. */
  readonly origin: string
  /** Whose word it is when nothing speaks against it. */
  readonly credit: 'told' | 'alleged'
  /** It speaks of agents of this host. */
  readonly isHere: boolean
}

export interface Reported {
  /** Undefined when the report itself says that nothing crashed: code 0, asked to end, or ended by them. */
  readonly record: CrashRecord | undefined
  readonly verdict: Verdict
}

/**
 * A report as a record. The same report told twice is the same record: its id is made of what it says.
 * @param witness what the report counts for
 * @param outputChars `crashes.outputTail`
 */
export function readReport(
  report: CrashReport,
  { origin, witness }: { readonly origin: string; readonly witness: 'told' | 'alleged' },
  nowMs: number,
  outputChars: number,
): Reported {
  const toldMs = Date.parse(report.crashedAt ?? '')
  const atMs = toldAtMs(report, nowMs)
  const evidence = evidenceOf(report, atMs)
  const verdict = judgeReport(report, evidence)
  if (verdict.reason !== 'crashed') return { record: undefined, verdict }
  const { agentName, pid, exitCode, signal, reason, recommendations, lastOutput } = report
  const record: CrashRecord = {
    id: idOf([origin, report, Number.isNaN(toldMs) ? nowMs : toldMs]),
    ...{ origin, witness },
    agent: isAgentId(agentName) ? agentName : cleanText(agentName, 128),
    ...{ incarnation: undefined, runtime: undefined, role: undefined, pid: pid ?? undefined },
    ...{ atMs, lastAtMs: atMs, occurrences: 1 },
    exitCode: exitCode ?? undefined,
    signal: signal == null ? undefined : cleanText(signal, 16),
    reported: reason == null ? undefined : redactedTail(reason, LONGEST_REASON),
    verdict,
    memory: evidence.memory,
    lastOutput: lastOutput == null ? undefined : redactedTail(lastOutput, outputChars),
    recommendations: [
      ...recommend(verdict, evidence),
      ...(recommendations ?? []).slice(0, MOST_RECOMMENDATIONS).map((one) => cleanText(one, LONGEST_REASON)),
    ],
  }
  return { record, verdict }
}

/** A clock that runs ahead must not make a crash the newest for hours. */
export function toldAtMs({ crashedAt }: CrashReport, nowMs: number): number {
  const toldMs = Date.parse(crashedAt ?? '')
  return Number.isNaN(toldMs) ? nowMs : Math.min(toldMs, nowMs)
}

/** How it ended, as far as the report says. */
export function exitSaid({ exitCode, signal }: CrashReport): ExitEvidence | undefined {
  if (signal != null) return { source: 'report', signal }
  return exitCode == null ? undefined : { source: 'report', code: exitCode }
}

/** The same parts give the same id: what is told twice is kept once. */
export function idOf(parts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return `crash-${hash.slice(0, 20)}`
}
