import { type Ending, endingOf, signalName } from './ending.ts'
import { describeEvidence } from './evidence-lines.ts'
import type { Confidence, CrashCause, Evidence, ExitReason, Verdict } from './model.ts'

/** An OOM kill, a `docker kill` and the end they cause lie milliseconds apart; a loaded machine stretches that. */
export const RECENT_MS = 2_000
/** How much later than it happened an end is seen when only sampling shows it. */
export const SAMPLE_DELAY_MS = 1_500
/** Grace that `docker stop` and its callers give a container before SIGKILL. */
const STOP_GRACE_MS = 60_000

const ASKED_TO_END: readonly string[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']
const BAD_ACCESS: readonly string[] = ['SIGSEGV', 'SIGBUS']
const GAVE_UP: readonly string[] = ['SIGABRT', 'SIGILL', 'SIGTRAP', 'SIGFPE', 'SIGSYS']
/** Memory this near its limit was about to reach it. */
const NEAR_LIMIT = 0.8

interface Finding {
  readonly reason: ExitReason | 'lives'
  readonly cause?: CrashCause
  readonly confidence: Confidence
  readonly summary: string
}

/**
 * What the evidence proves. Nothing is guessed: 137 alone is somebody's SIGKILL, no exit status at all is `unknown`.
 * The absence of something counts only where its source was watched all the time, and leaving a source out never makes
 * the judgement surer. Facts from CONTROL: an OOM kill of a container is 137 with an `oom` event or a step of its
 * counter within two seconds and no `kill` event; `OOMKilled` alone is also true when a child was killed long ago.
 */
export function judgeEnd(evidence: Evidence): Verdict {
  const found = evidence.life === 'alive' ? incident(evidence) : end(evidence)
  const { reason, cause, confidence, summary } = found
  return { reason, cause, confidence, summary, evidence: describeEvidence(evidence) }
}

/** Whether something went wrong: what is counted, kept and told as a crash. */
export function isCrash({ reason, cause }: Pick<Verdict, 'reason' | 'cause'>): boolean {
  return reason === 'crashed' || (cause !== undefined && cause !== 'unknown')
}

/** A child was killed for memory while the main process lives: `docker inspect` never shows that (moby#15621). */
function incident(evidence: Evidence): Finding {
  const marks = oomMarks(evidence)
  if (!marks.any) return { reason: 'lives', confidence: 'low', summary: 'Nothing happened to it.' }
  return {
    reason: 'lives',
    cause: 'oom_child',
    confidence: marks.child || (marks.event && marks.step) ? 'high' : 'medium',
    summary: 'The kernel killed a child process for want of memory; the agent itself lives on.',
  }
}

function end(evidence: Evidence): Finding {
  const { actions = [], kernel } = evidence
  const own = actions.at(-1)
  if (own !== undefined) {
    const summary = `It was terminated by this daemon (${own.trigger}).`
    return { reason: 'terminated', confidence: 'high', summary }
  }
  const main = kernel?.kills.find(({ whom }) => whom === 'main')?.kill
  if (main !== undefined) {
    return main.scope === 'memcg'
      ? crashed('oom_cgroup', 'high', 'The kernel killed it: its control group reached its memory limit.')
      : crashed('oom_host', 'high', 'The kernel chose it when the host ran out of memory.')
  }
  const ending = endingOf(evidence.exit)
  if (ending === undefined) return unseen(evidence)
  const found = ending.kind === 'code' ? byCode(evidence, ending.code) : bySignal(evidence, ending.signal)
  return { ...found, confidence: atMost(found.confidence, ceiling(evidence, ending, found)) }
}

/** A death that somebody else's word stands for, or that we may have caused ourselves, is never certain. */
function ceiling({ actions }: Evidence, { certain }: Ending, { reason, cause }: Finding): Confidence {
  const mayBeOurs = actions === undefined && (reason === 'stopped' || cause === 'killed')
  return certain && !mayBeOurs ? 'high' : 'medium'
}

function bySignal(evidence: Evidence, signal: string): Finding {
  if (signal === 'SIGKILL') return killed(evidence)
  if (BAD_ACCESS.includes(signal)) {
    return crashed('segfault', 'high', `It accessed memory that is not there (${signal}).`)
  }
  if (GAVE_UP.includes(signal)) return aborted(evidence, signal)
  if (ASKED_TO_END.includes(signal)) {
    return { reason: 'stopped', confidence: 'high', summary: `Somebody asked it to end (${signal}).` }
  }
  if (signal === 'SIGPIPE') {
    return crashed('error', 'medium', 'It wrote to a pipe that nobody read any more (SIGPIPE).')
  }
  return crashed('killed', 'medium', `${signal} ended it.`)
}

function killed(evidence: Evidence): Finding {
  const { engine, host, kernel, inspect } = evidence
  const marks = oomMarks(evidence)
  const kernelSawAll = kernel?.coverage === 'whole'
  const engineSawAll = engine?.coverage === 'whole'
  const kill = killEvent(evidence)
  if (kill === 'stop') {
    return {
      reason: 'stopped',
      confidence: marks.any && !kernelSawAll ? 'medium' : 'high',
      summary: 'It was stopped through the container engine and did not end within its grace.',
    }
  }
  if (kill === 'kill') {
    const sure = marks.any && !kernelSawAll ? 'medium' : 'high'
    return crashed('killed', sure, 'Somebody sent SIGKILL through the container engine.')
  }
  if (marks.child) {
    const says = 'The kernel killed a child for want of memory, and the agent ended with it.'
    return crashed('oom_child', kernelSawAll || engineSawAll ? 'high' : 'medium', says)
  }
  if (marks.event || marks.step) {
    // The counter alone also rises when the host's own OOM killer takes a process of the group.
    const sure = marks.event && engineSawAll ? 'high' : 'medium'
    return crashed('oom_cgroup', sure, 'The kernel killed it: the container reached its memory limit.')
  }
  if (kernelSawAll) return crashed('killed', 'high', 'Somebody sent SIGKILL; the kernel did not.')
  const unexplained = host === undefined ? undefined : host.kills - host.explained
  if (inspect?.oomKilled === true && !engineSawAll && unexplained !== 0) {
    const sure = unexplained === undefined ? 'low' : 'medium'
    return crashed(
      'oom_cgroup',
      sure,
      'Probably the memory limit of the container: the engine says OOMKilled.',
    )
  }
  if (unexplained === undefined) {
    return crashed(
      'killed',
      'low',
      'SIGKILL ended it; who sent it is not known, the kernel cannot be excluded.',
    )
  }
  if (unexplained > 0) {
    const says =
      'The kernel killed a process of this host for want of memory just then, most likely this one.'
    return crashed('oom_host', 'medium', says)
  }
  return crashed('killed', 'high', 'Somebody sent SIGKILL; the kernel killed nobody for memory just then.')
}

function aborted({ output, memory }: Evidence, signal: string): Finding {
  if (output?.heapLimit !== undefined) {
    return crashed('heap_limit', 'high', 'V8 reached its heap limit; that is not the memory of the machine.')
  }
  if (output?.allocationFailure !== undefined) return ownAllocation(memory) ?? outOfMemory('abort')
  const sure = output === undefined ? 'medium' : 'high'
  return crashed('abort', sure, `The program or its runtime gave up (${signal}).`)
}

function byCode(evidence: Evidence, code: number): Finding {
  const { engine, inspect, output, memory } = evidence
  const marks = oomMarks(evidence)
  const wasChild = marks.any || (inspect?.oomKilled === true && engine?.coverage !== 'whole')
  const wasStopped = killEvent(evidence) === 'stop'
  if (code === 0) {
    const cause = wasChild ? ({ cause: 'oom_child' } as const) : {}
    const summary = wasChild
      ? 'It ended by itself with code 0, after the kernel had killed a child of it for want of memory.'
      : wasStopped
        ? 'It was stopped through the container engine and ended with code 0.'
        : 'It ended by itself with code 0.'
    return { reason: wasStopped ? 'stopped' : 'clean', ...cause, confidence: 'high', summary }
  }
  if (marks.any) {
    return crashed(
      'oom_child',
      'high',
      `The kernel killed a child for want of memory; it ended with code ${code}.`,
    )
  }
  if (wasStopped) {
    const summary = `It was stopped through the container engine and ended with code ${code}.`
    return { reason: 'stopped', confidence: 'high', summary }
  }
  if (wasChild) {
    const says = `It ended with code ${code}; the kernel had killed a child of it for want of memory.`
    return crashed('oom_child', 'medium', says)
  }
  if (output?.allocationFailure !== undefined) return ownAllocation(memory) ?? outOfMemory('error')
  const noChild =
    evidence.runtime !== 'container' || inspect?.oomKilled === false || engine?.coverage === 'whole'
  const sure = output !== undefined && noChild ? 'high' : 'medium'
  const type = output?.errorType === undefined ? '' : ` (${output.errorType})`
  return crashed('error', sure, `It ended with code ${code}${type}.`)
}

/** Nobody saw how it ended. */
function unseen({ claim, output, memory, kernel }: Evidence): Finding {
  const child = kernel?.kills.some(({ whom }) => whom === 'child') === true
  if (child) {
    const summary = 'The kernel killed a child of it for want of memory; how it ended itself is not known.'
    return {
      reason: claim === 'crash' ? 'crashed' : 'unknown',
      cause: 'oom_child',
      confidence: 'medium',
      summary,
    }
  }
  if (claim === 'crash') {
    if (output?.heapLimit !== undefined) return crashed('heap_limit', 'medium', 'V8 reached its heap limit.')
    const { limitBytes, lastBytes = 0 } = memory ?? {}
    const isNear = limitBytes !== undefined && lastBytes >= NEAR_LIMIT * limitBytes
    if (output?.allocationFailure !== undefined || isNear) {
      const own = ownAllocation(memory)
      if (own !== undefined) return { ...own, confidence: 'low' }
    }
    return crashed('unknown', 'low', 'It crashed; nothing tells how.')
  }
  return { reason: 'unknown', cause: 'unknown', confidence: 'low', summary: 'Nobody saw how it ended.' }
}

/** Its own allocations failed: which way memory went before. */
function ownAllocation(memory: Evidence['memory']): Finding | undefined {
  if (memory?.trend === 'growing') {
    return crashed('memory_leak', 'medium', 'It ran out of memory after growing steadily.')
  }
  if (memory?.trend === 'step') {
    return crashed('sudden_spike', 'medium', 'It ran out of memory after a sudden growth.')
  }
  return undefined
}

function outOfMemory(cause: 'abort' | 'error'): Finding {
  return crashed(cause, 'medium', 'An allocation of the program failed.')
}

interface OomMarks {
  /** The engine told an OOM just before the end. */
  readonly event: boolean
  /** The counter of the group rose just before the end. */
  readonly step: boolean
  /** The kernel names a child. */
  readonly child: boolean
  readonly any: boolean
}

function oomMarks(evidence: Evidence): OomMarks {
  const event = eventsWithin(evidence, RECENT_MS).some(({ action }) => action === 'oom')
  const step = (evidence.group?.recentKills ?? 0) > 0
  const child = evidence.kernel?.kills.some(({ whom }) => whom === 'child') ?? false
  return { event, step, child, any: event || step || child }
}

/** `stop`: asked to end first, as `docker stop` does. `kill`: SIGKILL at once. */
function killEvent(evidence: Evidence): 'stop' | 'kill' | undefined {
  const signals = (withinMs: number) =>
    eventsWithin(evidence, withinMs)
      .filter(({ action }) => action === 'kill')
      .map(({ signal }) => (signal === undefined ? undefined : signalName(signal)))
  if (signals(STOP_GRACE_MS).some((signal) => signal !== undefined && ASKED_TO_END.includes(signal))) {
    return 'stop'
  }
  return signals(RECENT_MS).includes('SIGKILL') ? 'kill' : undefined
}

function eventsWithin({ engine, ended }: Evidence, withinMs: number) {
  const from = ended.atMs - withinMs - (ended.by === 'sample' ? SAMPLE_DELAY_MS : 0)
  return (engine?.events ?? []).filter(({ atMs }) => atMs >= from)
}

function crashed(cause: CrashCause, confidence: Confidence, summary: string): Finding {
  return { reason: 'crashed', cause, confidence, summary }
}

function atMost(confidence: Confidence, most: Confidence): Confidence {
  return confidence === 'high' ? most : confidence
}
