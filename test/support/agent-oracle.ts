import { readlinkSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Daemon } from './daemon.ts'
import { parseExposition } from './exposition-parser.ts'
import { type ProcTruth, TICK_SECONDS } from './proc-truth.ts'

/** Between these an exported number must lie. `optional`: it need not be there (yet). */
export interface Bound {
  readonly low: number
  readonly high: number
  readonly optional?: true
}

/** Every series an agent may have, by name and labels without `agent`, and what its value must be. */
export type Oracle = Readonly<Record<string, Bound>>

/** Two scrapes that are closer than this share one collection; an honest bracket must not contain an older one. */
const SHARED_FOR_MS = 1_000

/** Times in `stat` and `cpu` of several processes are each rounded down to a tick; so is the sum of the ended. */
const CPU_TOLERANCE_SECONDS = TICK_SECONDS
/** The kernel derives `btime` anew at each read from two clocks; it may differ by its resolution of one second. */
const START_TOLERANCE_SECONDS = 1

export const exactly = (value: number): Bound => ({ low: value, high: value })
export const optional = (bound: Bound): Bound => ({ ...bound, optional: true })

/** Between two readings of the truth, in whichever order the number moved, and `slack` more on both sides. */
export function between(one: number, other: number, slack = 0): Bound {
  return { low: Math.min(one, other) - slack, high: Math.max(one, other) + slack }
}

/** All series of one agent in one scrape, by name and labels without `agent`. Empty when it is not there. */
export function seriesOf(text: string, agent: string): ReadonlyMap<string, number> {
  const series = new Map<string, number>()
  for (const { name, labels, value } of parseExposition(text, 'openmetrics').samples) {
    if (labels['agent'] !== agent) continue
    const rest = Object.entries(labels).filter(([label]) => label !== 'agent')
    const shown = rest.map(([label, text]) => `${label}="${text}"`).join(',')
    series.set(shown === '' ? name : `${name}{${shown}}`, value)
  }
  return series
}

/** Reads the truth just before and just after a scrape that shares its collection with nobody. */
export async function bracket<T>(
  daemon: Daemon,
  truth: () => T,
): Promise<{ readonly before: T; readonly text: string; readonly after: T }> {
  await delay(SHARED_FOR_MS)
  const before = truth()
  const text = await daemon.scrape('openmetrics')
  return { before, text, after: truth() }
}

/** What is judged of budget, memory and end of an agent: no reading of the kernel could confirm it. */
const JUDGED =
  /^agent_(phase|enforced|budget_[a-z_]+|memory_(judged|threshold|basis|level|trend|growth|time)[a-z_]*|last_crash_[a-z_]+)\b/

/** The kernel counts resident pages per processor and adds up in portions (include/linux/percpu_counter.h, batch 32). */
const PAGES_NOT_YET_ADDED_BYTES = availableParallelism() * 32 * 4_096

/** What is wrong with the series: missing, not known to the oracle, or out of bounds. Empty when all agree. */
export function disagreements(series: ReadonlyMap<string, number>, oracle: Oracle): readonly string[] {
  const found: string[] = []
  for (const [name, { low, high, optional: mayBeAbsent }] of Object.entries(oracle)) {
    const value = series.get(name)
    if (value === undefined) {
      if (!mayBeAbsent) found.push(`${name} is missing, should be ${low} to ${high}`)
    } else if (!(value >= low - epsilon(low) && value <= high + epsilon(high))) {
      found.push(`${name} is ${value}, should be ${low} to ${high}`)
    }
  }
  for (const [name, value] of series) {
    if (!JUDGED.test(name) && !Object.hasOwn(oracle, name))
      found.push(`${name} is ${value}, should not be there`)
  }
  return found
}

/** Decimal fractions are not exact in binary: 0.1 + 0.2 is not 0.3. */
function epsilon(value: number): number {
  return Math.abs(value) * 1e-9
}

export function statesBut(state: string): Oracle {
  const states = ['starting', 'running', 'idle', 'waiting', 'paused', 'exited']
  return Object.fromEntries(
    states.map((one) => [`agent_state{state="${one}"}`, exactly(one === state ? 1 : 0)]),
  )
}

export interface ProcessExpectation {
  readonly before: ProcTruth
  readonly after: ProcTruth
  /** Labels of `agent_info` as printed, without `agent`. */
  readonly info: string
  /** Share by which memory may lie outside of both readings, for shapes that allocate all the time. */
  readonly memorySlack?: number
  /** Members that ended under the eyes of the daemon: of its last sample at least, at its end at most. */
  readonly ended?: { readonly least: ProcTruth; readonly most: ProcTruth }
}

const NONE = { voluntarySwitches: 0, involuntarySwitches: 0, sumOfPeaksBytes: 0 }

/** Everything the `proc` reader exports of an agent made of processes. */
export function processOracle({ before, after, info, memorySlack = 0, ended }: ProcessExpectation): Oracle {
  const { least, most } = ended ?? { least: NONE, most: NONE }
  const same = (name: keyof ProcTruth, slack = 0) => between(before[name], after[name], slack)
  const memory = (name: 'rssBytes' | 'swapBytes') => same(name, memorySlack * after[name])
  return {
    ...identityOracle(before, info),
    'agent_cpu_seconds_total{mode="user"}': same('userSeconds', CPU_TOLERANCE_SECONDS),
    'agent_cpu_seconds_total{mode="system"}': same('systemSeconds', CPU_TOLERANCE_SECONDS),
    agent_memory_rss_bytes: memory('rssBytes'),
    agent_memory_swap_bytes: memory('swapBytes'),
    // One process: its VmHWM. Several: at least what they hold together now, at most all their peaks at once.
    agent_memory_high_watermark_bytes:
      before.processes === 1
        ? same('largestPeakBytes', PAGES_NOT_YET_ADDED_BYTES)
        : {
            low: Math.max(before.largestPeakBytes, Math.min(before.rssBytes, after.rssBytes)),
            high: after.sumOfPeaksBytes + most.sumOfPeaksBytes,
          },
    agent_memory_pss_bytes: optional({ low: 1, high: after.sumOfPeaksBytes }),
    agent_processes: same('processes'),
    agent_threads: same('threads'),
    agent_open_fds: same('openFds'),
    'agent_context_switches_total{kind="voluntary"}': {
      low: before.voluntarySwitches + least.voluntarySwitches,
      high: after.voluntarySwitches + most.voluntarySwitches,
    },
    'agent_context_switches_total{kind="involuntary"}': {
      low: before.involuntarySwitches + least.involuntarySwitches,
      high: after.involuntarySwitches + most.involuntarySwitches,
    },
    agent_io_read_bytes_total: same('ioReadBytes'),
    agent_io_write_bytes_total: same('ioWriteBytes'),
  }
}

/**
 * What the `pidusage` reader exports, and nothing else: resident memory of `stat`, and CPU that is neither told
 * apart by mode nor has the children waited for.
 */
export function pidusageOracle({ before, after, info, memorySlack = 0 }: ProcessExpectation): Oracle {
  const rss = between(before.statRssBytes, after.statRssBytes, memorySlack * after.statRssBytes)
  return {
    ...identityOracle(before, info),
    'agent_cpu_seconds_total{mode="unspecified"}': between(
      before.ownCpuSeconds,
      after.ownCpuSeconds,
      CPU_TOLERANCE_SECONDS,
    ),
    agent_memory_rss_bytes: rss,
    // The largest of what was sampled: no process tells its own.
    agent_memory_high_watermark_bytes: { low: rss.low, high: after.sumOfPeaksBytes },
    agent_memory_pss_bytes: optional({ low: 1, high: after.sumOfPeaksBytes }),
    agent_processes: between(before.processes, after.processes),
  }
}

/** Who it is, since when, and that it lives. */
function identityOracle(truth: Pick<ProcTruth, 'startedAt'>, info: string): Oracle {
  return {
    [`agent_info{${info}}`]: exactly(1),
    ...statesBut('running'),
    agent_conflict: exactly(0),
    agent_start_timestamp_seconds: between(truth.startedAt, truth.startedAt, START_TOLERANCE_SECONDS),
    agent_last_activity_timestamp_seconds: optional({ low: truth.startedAt - 1, high: Date.now() / 1_000 }),
  }
}

/** The labels of `agent_info` of a process; the workspace is the last part of its working directory. */
export function processInfo(
  pid: number,
  { name, role = '', vendor }: { readonly name: string; readonly role?: string; readonly vendor: string },
): string {
  const workspace = basename(readlinkSync(`/proc/${pid}/cwd`))
  return `name="${name}",role="${role}",runtime="process",vendor="${vendor}",workspace="${workspace}"`
}
