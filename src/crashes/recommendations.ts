import { formatBytes } from './evidence-lines.ts'
import type { CrashCause, Evidence, MemoryEvidence, Verdict } from './model.ts'

/** What to do next, with the numbers it is about. Empty when there is nothing to do. */
export function recommend(
  { cause, confidence }: Pick<Verdict, 'cause' | 'confidence'>,
  { memory, output }: Pick<Evidence, 'memory' | 'output'>,
): readonly string[] {
  if (cause === undefined) return []
  const next = NEXT_STEPS[cause](memory, output)
  return confidence === 'low' ? [...next, SURER[cause] ?? SURER_ANYWAY] : next
}

type NextSteps = (memory: MemoryEvidence | undefined, output: Evidence['output']) => readonly string[]

const peak = (memory: MemoryEvidence | undefined) =>
  memory === undefined ? '' : ` Its peak was ${formatBytes(memory.peakBytes)}.`

const heap: NextSteps = (_, output) => {
  const size = output?.heapLimit?.heapBytes
  const at = size === undefined ? '' : `; it was reached at ${formatBytes(size)}`
  return [
    `Raise the heap limit with NODE_OPTIONS=--max-old-space-size=<MiB>${at}.`,
    'Run it once under `agent-exporter profile` to see what fills the heap.',
  ]
}

const leak: NextSteps = (memory) => {
  const { growthBytesPerSecond: rate } = memory ?? {}
  const pace = rate === undefined ? '' : ` It grew by ${formatBytes(rate * 60)} a minute.`
  return [`Look for what is kept: its memory only grew.${pace}${peak(memory)}`]
}

const NEXT_STEPS: Readonly<Record<CrashCause, NextSteps>> = {
  oom_cgroup: (memory) => {
    const limit = memory?.limitBytes
    const above = limit === undefined ? 'the memory limit' : `the memory limit of ${formatBytes(limit)}`
    return [
      `Raise ${above} of the container, or make the agent need less.${peak(memory)}`,
      ...(memory?.trend === 'growing' ? leak(memory, undefined) : []),
    ]
  },
  oom_host: (memory) => [
    `The host ran out of memory: run fewer agents on it, or limit each of them.${peak(memory)}`,
    'The kernel chooses by size: the agent it killed need not be the one that grew.',
  ],
  oom_child: () => [
    'Limit what the agent starts (tests, builds, browsers), or raise its memory limit: a child was killed and its work is lost.',
  ],
  heap_limit: heap,
  memory_leak: leak,
  sudden_spike: (memory) => [
    `Look for what it loaded at once (a file, an answer, a listing).${peak(memory)}`,
  ],
  segfault: () => [
    'Update the program and its native modules; keep a core dump (`ulimit -c unlimited`) to see where.',
  ],
  abort: (_, output) => [
    output?.allocationFailure === undefined
      ? 'Read its last output: a program that gives up says why.'
      : 'An allocation failed: look at the memory of the host and its limits (`ulimit -v`).',
  ],
  killed: () => ['Find out who sent the signal: an operator, a supervisor, or a watchdog with a time limit.'],
  error: () => ['Read its last output and run the same step again by hand.'],
  unknown: () => ['Start it with `agent-exporter run`: then its exit status and its last output are known.'],
}

const SURER_ANYWAY = 'The cause is not sure: let the exporter read the kernel log (root or CAP_SYSLOG).'
const SURER: Partial<Record<CrashCause, string>> = {
  unknown: 'For other daemons: report exitCode, signal and lastOutput with the crash.',
  oom_cgroup: 'The cause is not sure: the exporter did not see the events of the container engine.',
}
