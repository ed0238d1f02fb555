import type { AgentId, Incarnation } from '../agents/model.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { HoldCause, HoldFacts } from './model.ts'

export interface Hold extends HoldFacts {
  readonly cause: HoldCause
  /** The entry of the journal that says why. */
  readonly actionId: string
}

/** Why one agent is held, at most one hold of each cause. */
export type HoldSet = ReadonlyMap<HoldCause, Hold>

export const NO_HOLDS: HoldSet = new Map()

/** The first hold of a cause stays: it says since when. */
export function addHold(holds: HoldSet, hold: Hold): HoldSet {
  return holds.has(hold.cause) ? holds : new Map(holds).set(hold.cause, hold)
}

/** All of the agent is stopped now, whatever was known before. */
export function verified(holds: HoldSet): HoldSet {
  return new Map([...holds].map(([cause, { partial: _, ...hold }]) => [cause, hold]))
}

/** What is left after a release by one cause, or by a person (`all`), and what went. */
export function releaseHold(
  holds: HoldSet,
  by: HoldCause | 'all',
): { readonly left: HoldSet; readonly released: readonly HoldCause[] } {
  if (by === 'all') return { left: NO_HOLDS, released: [...holds.keys()] }
  if (!holds.has(by)) return { left: holds, released: [] }
  const left = new Map(holds)
  left.delete(by)
  return { left, released: [by] }
}

/** The holds of one life of an agent, and what has to be continued when the last goes. */
export interface Held {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly holds: HoldSet
  readonly stopped: readonly ProcessKey[]
  readonly stoppedByOthers: readonly ProcessKey[]
}

export function notHeld(agent: AgentId, incarnation: Incarnation): Held {
  return { agent, incarnation, holds: NO_HOLDS, stopped: [], stoppedByOthers: [] }
}

/** Nothing is held of it any more. */
export function emptied(held: Held): Held {
  return { ...held, holds: NO_HOLDS, stopped: [], stoppedByOthers: [] }
}

/** Processes of both lists, each once. */
export function joined(one: readonly ProcessKey[], other: readonly ProcessKey[]): readonly ProcessKey[] {
  return [...new Map([...one, ...other].map((key) => [`${key.pid}:${key.startTime}`, key])).values()]
}

export function without(some: readonly ProcessKey[], those: readonly ProcessKey[]): readonly ProcessKey[] {
  const gone = new Set(those.map(({ pid, startTime }) => `${pid}:${startTime}`))
  return some.filter(({ pid, startTime }) => !gone.has(`${pid}:${startTime}`))
}

/** Processes that are in both lists. */
export function both(some: readonly ProcessKey[], those: readonly ProcessKey[]): readonly ProcessKey[] {
  return without(some, without(some, those))
}

/** Who is held now. The journal's rows in memory; `settle` writes both. */
export interface HoldBoard {
  of(incarnation: Incarnation): Held | undefined
  put(held: Held): void
  list(): Iterable<Held>
}

export function createHoldBoard(): HoldBoard {
  const board = new Map<Incarnation, Held>()
  return {
    of: (incarnation) => board.get(incarnation),
    put(held) {
      if (held.holds.size === 0) board.delete(held.incarnation)
      else board.set(held.incarnation, held)
    },
    list: () => board.values(),
  }
}
