import type { CrashCause } from '../../src/crashes/model.ts'

/** What a supervisor could report of one kind of death, and what that proves. */
interface Death {
  readonly cause: CrashCause
  readonly report: Readonly<Record<string, unknown>>
}

/** How agents die of other things than their limit. */
export const DEATHS: readonly Death[] = [
  { cause: 'segfault', report: { signal: 'SIGSEGV' } },
  { cause: 'abort', report: { signal: 'SIGABRT' } },
  { cause: 'killed', report: { exitCode: 137, signal: 'SIGKILL', oomKilled: false, cgroupOomKills: 0 } },
  { cause: 'error', report: { exitCode: 1, lastOutput: 'TypeError: x is not a function\n    at run\n' } },
  { cause: 'oom_child', report: { exitCode: 2, oomKilled: true, cgroupOomKills: 1 } },
  {
    cause: 'heap_limit',
    report: {
      exitCode: 134,
      lastOutput: 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n',
    },
  },
  {
    cause: 'sudden_spike',
    report: { exitCode: 1, lastOutput: 'MemoryError\n', memoryTrend: 'step', peakMemory: 3e9 },
  },
  { cause: 'unknown', report: {} },
]

/** At its limit: the kernel kills it, or its own allocation fails first. */
export const LIMIT_DEATHS: readonly Death[] = [
  { cause: 'oom_cgroup', report: { exitCode: 137, signal: 'SIGKILL', oomKilled: true, cgroupOomKills: 1 } },
  {
    cause: 'memory_leak',
    report: { exitCode: 1, lastOutput: 'Traceback\nMemoryError\n', memoryTrend: 'growing' },
  },
]
