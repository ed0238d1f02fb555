import { randomBytes } from 'node:crypto'
import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Moment } from '../platform/moment.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Action, ActionEntry, ActionRequest, HoldCause, Trigger } from './model.ts'

/** What an effect says about the next one: only a `failure` counts towards the failure stop. */
export type Result = 'success' | 'failure' | 'neutral'

/** A line of the journal with what only this room needs of it. */
export interface ActionRecord {
  readonly entry: ActionEntry
  readonly key: string
  /** Whether the key is taken: false for refusals, dry runs and what may be tried again. */
  readonly claimsKey: boolean
  /** When it was asked for; of an approval, when it was approved. */
  readonly admitted: Moment
  /** When the effect was let go; absent when it never was. */
  readonly started: Moment | undefined
  readonly ended: Moment | undefined
  readonly result: Result | undefined
  readonly graceMs: number | undefined
  readonly optIn: boolean
  /** Holds that a resume took away. */
  readonly released: readonly HoldCause[]
  /** Who was stopped before the intent: after a crash in the midst of it everybody else was stopped by us. */
  readonly stoppedBefore: readonly ProcessKey[] | undefined
  /** Who belonged to it when it was asked for: its root may end before the rest of it does. Of trees that are stopped. */
  readonly processes?: readonly ProcessKey[] | undefined
  /** Monotonic milliseconds; means nothing after a restart and is not stored. */
  readonly crossedAtMs: number | undefined
}

/** At most one effect for each: who, on which life of which agent, what, for which episode. */
export function keyOf(
  request: {
    readonly trigger: Trigger
    readonly agent: AgentId
    readonly action: Action
    readonly episode: string
  },
  incarnation: Incarnation,
): string {
  return `${request.trigger}|${request.agent}|${incarnation}|${request.action}|${request.episode}`
}

/** The request that a record was made from, for asking the guard again. */
export function requestOf({ entry, optIn, graceMs, crossedAtMs }: ActionRecord): ActionRequest {
  const { action, agent, incarnation, trigger, episode, actor, reason, hold, size, extraBudget } = entry
  return {
    ...{ action, agent, trigger, episode, actor, reason, hold },
    ...(incarnation === undefined ? {} : { incarnation }),
    ...(size === undefined ? {} : { size }),
    ...(extraBudget === undefined ? {} : { extraBudget }),
    ...(optIn ? { optIn } : {}),
    ...(graceMs === undefined ? {} : { graceMs }),
    ...(crossedAtMs === undefined ? {} : { crossedAtMs }),
  }
}

export function changed(
  record: ActionRecord,
  entry: Partial<ActionEntry>,
  more: Partial<ActionRecord> = {},
): ActionRecord {
  return { ...record, ...more, entry: { ...record.entry, ...entry } }
}

export function momentOf(clock: Clock, bootId: string): Moment {
  return { bootId, bootMs: clock.sinceBoot(), wallMs: clock.now() }
}

/**
 * Ids whose order as text is the order of the journal, also when the wall clock goes back.
 * @param after the newest id there is
 */
export function createIds(now: () => number): { next(): string; after(id: string): void } {
  const TIME_DIGITS = 9
  const SEQUENCE_DIGITS = 3
  const SEQUENCES = 36 ** SEQUENCE_DIGITS
  let last = 0
  let sequence = 0
  return {
    next() {
      const time = now()
      sequence = time > last ? 0 : sequence + 1
      last = Math.max(last, time)
      if (sequence >= SEQUENCES) {
        sequence = 0
        last++
      }
      const digits = (value: number, width: number) => value.toString(36).padStart(width, '0')
      return `${digits(last, TIME_DIGITS)}${digits(sequence, SEQUENCE_DIGITS)}${randomBytes(4).toString('hex')}`
    },
    after(id) {
      const time = Number.parseInt(id.slice(0, TIME_DIGITS), 36)
      const order = Number.parseInt(id.slice(TIME_DIGITS, TIME_DIGITS + SEQUENCE_DIGITS), 36)
      if (!(time > last)) return
      last = time
      // With a clock that went back the next ids share this millisecond, and must come after this one.
      sequence = Number.isNaN(order) ? 0 : order
    },
  }
}
