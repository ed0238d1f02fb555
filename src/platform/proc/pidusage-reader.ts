import { uptime as systemUptime } from 'node:os'
import pidusage from 'pidusage'
import { readKernelFacts } from './kernel-facts.ts'
import {
  clearProcessSample,
  type ProcessKey,
  type ProcessReader,
  type ProcessSample,
  type ReadOutcome,
} from './process.ts'

const MS = 1_000

/** How long pidusage remembers a process that is no longer asked about. */
const MEMORY_MS = 5_000
/**
 * On Linux pidusage keeps a descriptor per number and goes on asking a dead one when the number was recycled;
 * it lets go only of what nobody asks about for its memory time. So a living process it cannot read is left alone.
 */
const RETRY_MS = 2 * MEMORY_MS

/** Elapsed times come in whole seconds from `ps`, and the two clocks are not read at the same moment. */
const SAME_START_SECONDS = 2

/** One answer of pidusage: `ctime` and `elapsed` in ms, `memory` in bytes, `timestamp` in ms since the epoch. */
export interface PidusageStat {
  readonly memory: number
  readonly ppid: number
  readonly ctime: number
  readonly elapsed: number
  readonly timestamp: number
}

export type PidusageCall = (
  pids: number[],
  options: { maxage: number },
) => Promise<Readonly<Record<string, PidusageStat | null | undefined>>>

export interface PidusageReaderOptions {
  readonly pidusage?: PidusageCall
  /** Where start times count from: the boot (Linux, in ticks) or the epoch (elsewhere, in hundredths). */
  readonly origin?: 'boot' | 'epoch'
  readonly ticksPerSecond?: number
  readonly monotonic?: () => number
  readonly uptime?: () => number
  /** Whether somebody has this number now. */
  readonly exists?: (pid: number) => boolean
}

type Prepared = PidusageStat | 'gone' | 'unreadable'

/**
 * The portable reader: CPU and memory by pidusage, everything else absent. CPU is one number there
 * (`cpuSeconds`), so user and system stay absent rather than guessed.
 */
export function createPidusageReader(options: PidusageReaderOptions = {}): ProcessReader {
  const call: PidusageCall = options.pidusage ?? ((pids, how) => pidusage(pids, how))
  const origin = options.origin ?? (process.platform === 'linux' ? 'boot' : 'epoch')
  const ticksPerSecond = options.ticksPerSecond ?? (origin === 'boot' ? readKernelFacts().clockTicks : 100)
  const monotonic = options.monotonic ?? (() => performance.now())
  const uptime = options.uptime ?? systemUptime
  const exists = options.exists ?? hasProcess
  const prepared = new Map<number, Prepared>()
  const retryAt = new Map<number, number>()

  function startSecondsOf(stat: PidusageStat, uptimeThen: number): number {
    return origin === 'boot' ? uptimeThen - stat.elapsed / MS : (stat.timestamp - stat.elapsed) / MS
  }

  function judge(key: ProcessKey, stat: PidusageStat | null | undefined, uptimeThen: number): Prepared {
    if (stat === null || stat === undefined) {
      if (!exists(key.pid)) return 'gone'
      retryAt.set(key.pid, monotonic() + RETRY_MS)
      return 'unreadable'
    }
    const off = startSecondsOf(stat, uptimeThen) - key.startTime / ticksPerSecond
    return Math.abs(off) <= SAME_START_SECONDS ? stat : 'gone'
  }

  return {
    kind: 'pidusage',
    async prepare(keys) {
      const now = monotonic()
      const due = keys.filter((key) => (retryAt.get(key.pid) ?? 0) <= now)
      prepared.clear()
      for (const key of keys) prepared.set(key.pid, 'unreadable')
      if (due.length === 0) return
      const uptimeThen = uptime()
      const stats = await call(
        due.map((key) => key.pid),
        { maxage: MEMORY_MS },
      ).catch(() => ({}) as Record<string, undefined>)
      for (const key of due) {
        retryAt.delete(key.pid)
        prepared.set(key.pid, judge(key, stats[key.pid], uptimeThen))
      }
    },
    read(key, _depth, into): ReadOutcome {
      clearProcessSample(into)
      const found = prepared.get(key.pid) ?? 'unreadable'
      if (typeof found === 'string') return found
      fill(found, into)
      return 'ok'
    },
    forget(key) {
      prepared.delete(key.pid)
      retryAt.delete(key.pid)
    },
    close() {
      prepared.clear()
      retryAt.clear()
    },
  }
}

function fill(stat: PidusageStat, into: ProcessSample): void {
  into.ppid = stat.ppid
  into.cpuSeconds = Number.isFinite(stat.ctime) ? stat.ctime / MS : undefined
  into.rssBytes = Number.isFinite(stat.memory) ? stat.memory : undefined
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
