import type { ProcessReader, ProcessSample, ReadDepth, SlowLane } from '../platform/proc/process.ts'
import type { Condition } from './activity.ts'
import type { TreeCounters } from './counters.ts'
import type { Agent } from './model.ts'
import type { MemoryReading, Reading } from './reading.ts'
import type { Member, Tree } from './tree.ts'

/** Adds what was read; what was not read adds nothing, and nothing read at all stays absent. */
function plus(sum: number | undefined, value: number | undefined): number | undefined {
  if (value === undefined) return sum
  return sum === undefined ? value : sum + value
}

/**
 * Reads the processes of one agent, parents before children, and fills the gauges of its reading. Counters are
 * only observed: they are judged when all agents were read, because one agent's members may be reaped by another's.
 *
 * @param onGone told of members that turn out to have ended
 * @param onDead told of members that have ended and that nobody has waited for yet: they hold nothing but a number,
 *   their CPU, and their place as somebody's child
 * @returns `paused` when every process that could run is stopped (T or t; a zombie can not run)
 */
export function readTree(
  tree: Tree,
  reader: ProcessReader,
  depth: ReadDepth,
  sample: ProcessSample,
  counters: TreeCounters,
  reading: Reading,
  onGone: (member: Member) => void,
  onDead: (member: Member) => void,
): Condition {
  let processes = 0
  let runnable = 0
  let stopped = 0
  let threads: number | undefined
  let fds: number | undefined
  let rss: number | undefined
  let anon: number | undefined
  let swap: number | undefined
  let peak = reading.memoryHighWatermarkBytes ?? 0

  for (const member of tree.members.values()) {
    if (member.kind === 'service') continue
    const outcome = reader.read(member, depth, sample)
    if (outcome === 'gone') {
      onGone(member)
      continue
    }
    if (outcome === 'unreadable') {
      counters.missed()
      processes++
      runnable++
      continue
    }
    counters.observe(member.seen, sample)
    if (isDead(sample)) {
      onDead(member)
      continue
    }
    processes++
    const { state } = sample
    if (state !== 'Z' && state !== 'X') runnable++
    if (state === 'T' || state === 't') stopped++
    threads = plus(threads, sample.threads)
    fds = plus(fds, sample.openFds)
    rss = plus(rss, sample.rssBytes)
    anon = plus(anon, sample.rssAnonBytes)
    swap = plus(swap, sample.swapBytes)
    // The peak of one process is reached by the agent, too; it catches what happens between two samples.
    if (sample.rssPeakBytes !== undefined && sample.rssPeakBytes > peak) peak = sample.rssPeakBytes
  }

  reading.processes = processes
  reading.threads = threads
  reading.rssBytes = rss
  reading.rssAnonBytes = anon
  reading.swapBytes = swap
  reading.memoryHighWatermarkBytes = Math.max(peak, rss ?? 0) || undefined
  // Not read by a `core` sample: the number of the last full one stands.
  if (depth === 'full') reading.openFds = fds
  return runnable > 0 && stopped === runnable ? 'paused' : 'alive'
}

/**
 * The memory of the tree alone, between two samples: counters and reading are left as they are, and whoever turns out
 * to have ended is met at the next sample. Half a tree is not its memory: undefined when one of it could not be read.
 */
export function readMemory(
  tree: Tree,
  reader: ProcessReader,
  sample: ProcessSample,
): MemoryReading | undefined {
  let rss: number | undefined
  let anon: number | undefined
  let swap: number | undefined
  for (const member of tree.members.values()) {
    if (member.kind === 'service') continue
    const outcome = reader.read(member, 'core', sample)
    if (outcome === 'unreadable') return undefined
    if (outcome === 'gone' || isDead(sample)) continue
    rss = plus(rss, sample.rssBytes)
    anon = plus(anon, sample.rssAnonBytes)
    swap = plus(swap, sample.swapBytes)
  }
  return {
    ...{ rssBytes: rss, rssAnonBytes: anon, swapBytes: swap },
    ...{ workingSetBytes: undefined, memoryLimitBytes: undefined, pressureStalledSeconds: undefined },
  }
}

/** A zombie; but one whose other threads still run only looks like it (its first thread has ended). */
export function isDead({ state, threads }: ProcessSample): boolean {
  return (state === 'Z' || state === 'X') && (threads ?? 1) <= 1
}

/**
 * Reads the proportional set size of all members in the slow lane and sums it up. Half an agent's memory is not
 * its memory: when one of them lives and could not be read, the number is absent.
 */
export async function readPss(
  { agent, tree }: { readonly agent: Agent; readonly tree: Tree },
  slow: SlowLane,
  isAlive: (member: Member) => boolean,
): Promise<void> {
  const workers = [...tree.members.values()].filter((member) => member.kind === 'worker')
  const sizes = await Promise.all(workers.map((member) => slow.pss(member)))
  const isWhole = workers.every((member, at) => sizes[at] !== undefined || !isAlive(member))
  const sum = sizes.reduce<number | undefined>(plus, undefined)
  if (agent.endedAtMs === undefined) agent.reading.pssBytes = isWhole ? sum : undefined
}
