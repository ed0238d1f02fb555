import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** What `/proc` says of some processes together, read in the plainest way there is and with no code under test. */
export interface ProcTruth {
  readonly processes: number
  readonly threads: number
  readonly openFds: number
  readonly rssBytes: number
  /** Field 24 of `stat`: the kernel's quick count of resident pages, which may lag behind `status`. */
  readonly statRssBytes: number
  readonly swapBytes: number
  /** VmHWM: the largest of one process, and the sum. */
  readonly largestPeakBytes: number
  readonly sumOfPeaksBytes: number
  /** Own time plus that of the children waited for. */
  readonly userSeconds: number
  readonly systemSeconds: number
  /** Without the children waited for. */
  readonly ownCpuSeconds: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  readonly ioReadBytes: number
  readonly ioWriteBytes: number
  /** Seconds since the epoch at which the first of them started. */
  readonly startedAt: number
}

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
/** The resolution of CPU times in `/proc`. */
export const TICK_SECONDS = 1 / TICKS

export function procTruth(pids: readonly number[]): ProcTruth {
  const each = pids.map(truthOfOne)
  const sum = (name: keyof ProcTruth) => each.reduce((total, one) => total + one[name], 0)
  return {
    processes: each.length,
    threads: sum('threads'),
    openFds: sum('openFds'),
    rssBytes: sum('rssBytes'),
    statRssBytes: sum('statRssBytes'),
    swapBytes: sum('swapBytes'),
    largestPeakBytes: Math.max(...each.map(({ largestPeakBytes }) => largestPeakBytes)),
    sumOfPeaksBytes: sum('sumOfPeaksBytes'),
    userSeconds: sum('userSeconds'),
    systemSeconds: sum('systemSeconds'),
    ownCpuSeconds: sum('ownCpuSeconds'),
    voluntarySwitches: sum('voluntarySwitches'),
    involuntarySwitches: sum('involuntarySwitches'),
    ioReadBytes: sum('ioReadBytes'),
    ioWriteBytes: sum('ioWriteBytes'),
    startedAt: Math.min(...each.map(({ startedAt }) => startedAt)),
  }
}

/** Proportional set size of all of them together, in bytes. */
export function pssTruth(pids: readonly number[]): number {
  return pids.reduce(
    (total, pid) => total + lineOf(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') * 1024,
    0,
  )
}

function truthOfOne(pid: number): ProcTruth {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // From field 3 on: what comes before may contain anything (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const io = readFileSync(`/proc/${pid}/io`, 'latin1')
  const peak = lineOf(status, 'VmHWM') * 1024
  const bootedAt = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1])
  return {
    processes: 1,
    threads: readdirSync(`/proc/${pid}/task`).length,
    openFds: readdirSync(`/proc/${pid}/fd`).length,
    rssBytes: lineOf(status, 'VmRSS') * 1024,
    statRssBytes: field(24) * PAGE_BYTES,
    swapBytes: lineOf(status, 'VmSwap') * 1024,
    largestPeakBytes: peak,
    sumOfPeaksBytes: peak,
    userSeconds: (field(14) + field(16)) / TICKS,
    systemSeconds: (field(15) + field(17)) / TICKS,
    ownCpuSeconds: (field(14) + field(15)) / TICKS,
    voluntarySwitches: lineOf(status, 'voluntary_ctxt_switches'),
    involuntarySwitches: lineOf(status, 'nonvoluntary_ctxt_switches'),
    ioReadBytes: lineOf(io, 'read_bytes'),
    ioWriteBytes: lineOf(io, 'write_bytes'),
    startedAt: bootedAt + field(22) / TICKS,
  }
}

/** `T` stopped, `Z` ended and not waited for, and so on (proc_pid_stat(5)); undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat[stat.lastIndexOf(')') + 2]
  } catch {
    return undefined
  }
}

/** The number behind `key:`. Throws when there is none: a truth is never made up. */
function lineOf(text: string, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)
  if (found === null) throw new Error(`no ${key} in ${JSON.stringify(text)}`)
  return Number(found[1])
}
