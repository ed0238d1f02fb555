import type { Agent, Runtime } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Effect, Rung, RuntimeDriver, Target } from '../runtimes/model.ts'
import type { ControlConfig } from './guard.ts'
import { type HoldBoard, joined, releaseHold, without } from './holds.ts'
import type { ActingLock, Action, ActionEntry, KillSwitch, RefusalReason } from './model.ts'
import type { ActionRecord } from './record.ts'

/** How long a driver may try; a terminate has its grace besides. */
const EFFECT_WITHIN_MS = 5_000
const LAST_STEP_MS = 5_000
/** After its own deadline a driver is given up: the next effect on the agent must not wait for ever. */
const SLACK_MS = 2_000
const IDENTIFY_WITHIN_MS = 2_000

/** Stands for all of what has no processes that we know: to its driver only counts whether there is any. */
export const WHOLE: ProcessKey = { pid: 0, startTime: 0 }

/** `recovery`: the daemon ended in the midst of it; whatever is stopped now is taken for stopped by us. */
export type Mode = 'first' | 'recovery'

/** What was done. Without `rung` no driver was asked, because nothing had to be done. */
export interface Performed {
  readonly effect: Omit<Effect, 'rung'> & { readonly rung?: Rung }
  /** What the target's `stopped` was when the driver was asked. */
  readonly stopped: readonly ProcessKey[]
  /** Why it would not go on, when it was halted. */
  readonly halted: RefusalReason
  /** Of a resume that was given up: what its driver says when it answers after all. */
  readonly late?: Promise<Driven>
}

/** As much of an agent as an effect needs to know. */
export type Life = Pick<Agent, 'id' | 'incarnation' | 'runtime' | 'endedAtMs'>

export interface EffectDeps<A extends Life> {
  readonly clock: Clock
  readonly agents: { get(id: string): A | undefined }
  readonly runtimes: Partial<Record<Runtime, RuntimeDriver>>
  readonly target: (
    agent: A,
    stopped: readonly ProcessKey[],
    stoppedByOthers: readonly ProcessKey[],
  ) => Target
  readonly board: HoldBoard
  readonly killSwitch: Pick<KillSwitch, 'isEngaged'>
  readonly lock: Pick<ActingLock, 'isHeld'>
  readonly config: () => ControlConfig
}

export type Driven = Omit<Effect, 'rung'> & { readonly rung?: Rung }
type Silence = Driven & { readonly unanswered: true }

/**
 * Does it, to that incarnation and no other. Call it in the agent's lane: kill switch, lock and incarnation are looked
 * at again here, under the same lock as the effect.
 */
export function createEffect<A extends Life>(
  deps: EffectDeps<A>,
): (record: ActionRecord, mode: Mode) => Promise<Performed> {
  const { clock, agents, runtimes, board, killSwitch, lock, config } = deps

  function whyNot(): RefusalReason | undefined {
    if (!lock.isHeld()) return 'second_daemon'
    if (killSwitch.isEngaged()) return 'kill_switch'
    return undefined
  }

  return async function perform(record, mode) {
    let halted: RefusalReason = 'kill_switch'
    const { entry } = record
    const agent = agents.get(entry.agent)
    if (agent === undefined || agent.incarnation !== entry.incarnation || agent.endedAtMs !== undefined) {
      return plain({ outcome: 'gone', touched: false })
    }
    const driver = runtimes[agent.runtime]
    if (driver === undefined) return plain(failed('unsupported: no driver for this runtime'))
    const held = board.of(agent.incarnation)
    let target = deps.target(agent, held?.stopped ?? [], held?.stoppedByOthers ?? [])
    const identity = await within(driver.identify(target), IDENTIFY_WITHIN_MS, 'unknown' as const)
    // A terminate of what has ended is left to the driver: its tree may outlive the process it is named after.
    if (identity === 'gone' && entry.action !== 'terminate') return plain({ outcome: 'gone', touched: false })
    if (identity === 'unknown' && entry.action !== 'resume')
      return plain(failed('missing_data: it could not be read'))
    if (identity !== 'unknown' && identity !== 'gone' && identity !== agent.incarnation) {
      return plain(failed('other_incarnation: it was started anew'))
    }
    if (mode === 'recovery' && entry.action !== 'resume') target = await presumed(agent, target, record)
    const reason = whyNot()
    if (reason !== undefined && (entry.action !== 'resume' || reason === 'second_daemon')) {
      halted = reason
      return { ...(await leave(driver, target, mode, entry.action)), halted }
    }
    let abandoned = false
    const mayGoOn = () => {
      const why = abandoned ? 'kill_switch' : whyNot()
      if (why === undefined) return true
      halted = why
      return false
    }
    const limitMs = EFFECT_WITHIN_MS + (entry.action === 'terminate' ? graceOf(record) + LAST_STEP_MS : 0)
    const options = { deadlineMs: clock.monotonic() + limitMs, mayGoOn }
    const answer = drive().catch((error: unknown) => silent(String(error)))
    const late = silent('the driver did not answer in time')
    const effect = await within<Driven | Silence>(answer, limitMs + SLACK_MS, late)
    abandoned = true
    if (!('unanswered' in effect)) {
      const notBegun = effect.outcome === 'halted' && !effect.touched
      return notBegun
        ? { ...(await leave(driver, target, mode, entry.action)), halted }
        : { effect, stopped: target.stopped, halted }
    }
    const seen = { ...(await looked(agent, driver, target, record, effect)), halted }
    return entry.action === 'resume' && seen.effect.outcome !== 'done' ? { ...seen, late: answer } : seen

    function drive(): Promise<Driven> {
      switch (entry.action) {
        case 'pause':
          return pause(driver!, target, entry, options)
        case 'resume':
          return resume(driver!, target, entry, options)
        case 'terminate':
          return driver!.terminate(target, { ...options, graceMs: graceOf(record) })
        case 'resize':
          return entry.size === undefined || driver!.resize === undefined
            ? Promise.resolve(failed('unsupported: it cannot be resized'))
            : driver!.resize(target, entry.size, options)
      }
    }
  }

  function graceOf({ graceMs }: ActionRecord): number {
    return graceMs ?? config().grace
  }

  async function pause(
    driver: RuntimeDriver,
    target: Target,
    entry: ActionEntry,
    options: Parameters<RuntimeDriver['pause']>[1],
  ): Promise<Driven> {
    const holds = board.of(target.incarnation)?.holds
    if (holds !== undefined && (await driver.observe(target)) === 'paused') {
      const others = [...holds.keys()].filter((cause) => cause !== entry.hold)
      return {
        outcome: 'noop',
        touched: false,
        detail: `held already: ${[...others, entry.hold].join(', ')}`,
      }
    }
    return driver.pause(target, options)
  }

  async function resume(
    driver: RuntimeDriver,
    target: Target,
    entry: ActionEntry,
    options: Parameters<RuntimeDriver['resume']>[1],
  ): Promise<Driven> {
    const holds = board.of(target.incarnation)?.holds
    if (holds === undefined) return { outcome: 'noop', touched: false, detail: 'it is not held' }
    const { left, released } = releaseHold(holds, releasedBy(entry))
    if (left.size > 0) {
      const own = released.length === 0 ? `not held by ${entry.hold}; ` : ''
      return { outcome: 'noop', touched: false, detail: `${own}held by ${[...left.keys()].join(', ')}` }
    }
    return driver.resume(target, options)
  }

  /** How far it came before the crash is not known: whoever was not stopped before may be stopped by us. */
  async function presumed(agent: A, target: Target, record: ActionRecord): Promise<Target> {
    const tree = await target.snapshot?.().catch(() => undefined)
    const all = tree?.processes.map(({ pid, startTime }) => ({ pid, startTime })) ?? [WHOLE]
    const others = without(record.stoppedBefore ?? [], target.stopped)
    return deps.target(agent, joined(target.stopped, without(all, others)), others)
  }

  /**
   * Not begun. After a crash it may be half done already: then it stays held, for a person to resume. A pause that was
   * over when the crash came needs nothing more to be one.
   */
  async function leave(
    driver: RuntimeDriver,
    target: Target,
    mode: Mode,
    action: Action,
  ): Promise<Omit<Performed, 'halted'>> {
    if (mode === 'first') return { effect: { outcome: 'halted', touched: false }, stopped: [] }
    const seen = await driver.observe(target)
    const begun = seen !== 'running'
    const outcome = action === 'pause' && seen === 'paused' ? 'done' : 'halted'
    return { effect: { outcome, touched: begun }, stopped: begun ? target.stopped : [] }
  }

  /**
   * The driver did not say what it did. Who does not run now was stopped by us as far as anybody can tell: it is held,
   * so that it is listed and can be resumed. Who runs although it was held is free: the resume did its work.
   */
  async function looked(
    agent: A,
    driver: RuntimeDriver,
    target: Target,
    record: ActionRecord,
    { unanswered: _, ...effect }: Silence,
  ): Promise<Omit<Performed, 'halted'>> {
    const { action } = record.entry
    if (action === 'resize') return { effect, stopped: target.stopped }
    const seen = await within(
      driver.observe(target).catch(() => 'unknown' as const),
      IDENTIFY_WITHIN_MS,
      'unknown' as const,
    )
    if (action === 'resume') {
      const { stopped } = target
      if (seen === 'running') return { effect: { ...effect, outcome: 'done' }, stopped }
      return { effect: seen === 'partial' ? { ...effect, outcome: 'partial' } : effect, stopped }
    }
    if (seen === 'running' || seen === 'gone') return { effect, stopped: target.stopped }
    const { stopped, stoppedByOthers } = await presumed(agent, target, record)
    // What was to be verified was seen, only not by the driver.
    const outcome = action === 'pause' && seen === 'paused' ? 'done' : 'partial'
    return { effect: { ...effect, outcome, stopped, stoppedByOthers }, stopped }
  }

  async function within<T>(work: Promise<T>, ms: number, otherwise: T): Promise<T> {
    let cancel = (): void => {}
    const late = new Promise<T>((resolve) => {
      const timer = clock.setTimer(ms, () => resolve(otherwise))
      cancel = () => timer.cancel()
    })
    try {
      return await Promise.race([work, late])
    } finally {
      cancel()
    }
  }
}

/** A person's resume takes away every hold; everybody else only its own. */
export function releasedBy({
  trigger,
  hold,
}: Pick<ActionEntry, 'trigger' | 'hold'>): ActionEntry['hold'] | 'all' {
  return trigger === 'human' ? 'all' : hold
}

function silent(detail: string): Silence {
  return { outcome: 'failed', touched: true, detail, unanswered: true }
}

function failed(detail: string): Driven {
  return { outcome: 'failed', touched: false, detail }
}

function plain(effect: Driven): Performed {
  return { effect, stopped: [], halted: 'kill_switch' }
}
