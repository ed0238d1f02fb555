import type { AgentId } from '../agents/model.ts'
import type { CrashCause, CrashRecord } from './model.ts'

/** Something that happens again and again. */
export interface CrashPattern {
  /** `<cause>_pattern`; `crash_loop`: one agent in quick succession; `together`: several agents at once. */
  readonly pattern: string
  readonly occurrences: number
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  readonly affectedAgents: readonly AgentId[]
  /** Mean of the peaks that are known, in bytes. */
  readonly avgMemoryAtCrash: number | undefined
  readonly commonCause: CrashCause | undefined
}

/** Twice may be chance. */
const LEAST = 3
const LOOP_MS = 10 * 60_000
/** A host that fails takes its agents within a minute. */
const TOGETHER_MS = 60_000

/** @param records any order; patterns come newest first. */
export function findPatterns(records: readonly CrashRecord[]): readonly CrashPattern[] {
  const sorted = [...records].sort((a, b) => a.atMs - b.atMs)
  const found: CrashPattern[] = []
  for (const [cause, those] of grouped(sorted, causeOf)) {
    if (cause !== 'unknown' && those.length >= LEAST) found.push(patternOf(`${cause}_pattern`, those))
  }
  for (const [, those] of grouped(sorted, ({ agent }) => agent)) {
    const loop = newestBurst(those, LOOP_MS)
    if (loop.length >= LEAST) found.push(patternOf('crash_loop', loop))
  }
  const burst = newestBurst(sorted, TOGETHER_MS, ({ agent }) => agent)
  if (new Set(burst.map(({ agent }) => agent)).size >= LEAST) found.push(patternOf('together', burst))
  return found.sort((a, b) => b.lastSeenMs - a.lastSeenMs || (a.pattern < b.pattern ? -1 : 1))
}

export function causeOf({ verdict }: CrashRecord): CrashCause {
  return verdict.cause ?? 'unknown'
}

/** The newest records that lie within the span and are at least `LEAST` (different) ones. */
function newestBurst(
  sorted: readonly CrashRecord[],
  spanMs: number,
  distinct: (record: CrashRecord) => string = ({ id }) => id,
): readonly CrashRecord[] {
  for (let end = sorted.length; end > 0; end--) {
    const last = sorted[end - 1]!
    let start = end - 1
    while (start > 0 && last.atMs - sorted[start - 1]!.atMs <= spanMs) start--
    const burst = sorted.slice(start, end)
    if (new Set(burst.map(distinct)).size >= LEAST) return burst
  }
  return []
}

function patternOf(pattern: string, records: readonly CrashRecord[]): CrashPattern {
  const peaks = records.flatMap(({ memory }) => (memory === undefined ? [] : [memory.peakBytes]))
  const causes = new Set(records.map(causeOf))
  return {
    pattern,
    occurrences: records.length,
    firstSeenMs: records[0]!.atMs,
    lastSeenMs: records.at(-1)!.atMs,
    affectedAgents: [...new Set(records.map(({ agent }) => agent))].sort(),
    avgMemoryAtCrash:
      peaks.length === 0 ? undefined : Math.round(peaks.reduce((sum, one) => sum + one, 0) / peaks.length),
    commonCause: causes.size === 1 ? [...causes][0] : undefined,
  }
}

export function grouped<Key>(
  records: readonly CrashRecord[],
  keyOf: (record: CrashRecord) => Key,
): ReadonlyMap<Key, readonly CrashRecord[]> {
  const groups = new Map<Key, CrashRecord[]>()
  for (const record of records) {
    const key = keyOf(record)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [record])
    else group.push(record)
  }
  return groups
}
