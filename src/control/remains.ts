import type { Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Effect, RuntimeDriver, TreeSnapshot } from '../runtimes/model.ts'
import { createEffect, type EffectDeps, type Life, type Performed } from './effect.ts'
import { emptied, type Held, joined, notHeld, without } from './holds.ts'
import type { Journal } from './journal.ts'
import type { ActionEntry } from './model.ts'
import { type ActionRecord, keyOf } from './record.ts'

/** A resume is watched for a second; a loaded machine needs more. */
const LET_GO_WITHIN_MS = 10_000

/** The processes of a life that were written down, whatever became of its root. */
export interface Followed {
  snapshot(): Promise<TreeSnapshot | undefined>
  close(): void
}

/** Finds what is left of lives whose first process has ended: no registry knows them. */
export interface PastLives {
  /**
   * Its first process has ended, its container was stopped or started anew: it cannot come back. Also of another boot.
   * False where nobody can tell.
   */
  isOver(incarnation: Incarnation): boolean
  follow(incarnation: Incarnation, keys: readonly ProcessKey[]): Followed | undefined
}

export interface RemainsDeps
  extends Pick<EffectDeps<Life>, 'clock' | 'runtimes' | 'killSwitch' | 'lock' | 'config' | 'board'> {
  readonly clock: Clock
  readonly log: Log
  readonly pastLives: PastLives
  readonly journal: Pick<Journal, 'save'>
  readonly ids: { next(): string }
  readonly moment: () => Moment
}

/**
 * What is left of a tree whose first process ended before the rest. It is no agent any more, so a hold on it could be
 * seen and released by nobody: what we stopped of it goes on, unless it was to be ended; then it is.
 */
export interface Remains {
  /** Ends them as the interrupted terminate wanted; `undefined` when nothing is left. */
  end(record: ActionRecord): Promise<Performed | undefined>
  /** Lets go what we stopped, writes that down and takes the holds away. */
  letGo(held: Held): Promise<void>
  /** The same for a pause that was interrupted: whoever was not stopped before was stopped by us. */
  undo(record: ActionRecord): Promise<void>
}

export function createRemains(deps: RemainsDeps): Remains {
  const { clock, log, pastLives, board, journal, lock } = deps
  const driver: RuntimeDriver | undefined = deps.runtimes.process

  async function continued(held: Held): Promise<Effect | undefined> {
    const { agent, incarnation, stopped, stoppedByOthers } = held
    if (driver === undefined || stopped.length === 0 || !lock.isHeld()) return undefined
    const followed = pastLives.follow(incarnation, stopped)
    if (followed === undefined) return undefined
    try {
      const { snapshot } = followed
      if ((await snapshot()) === undefined) return undefined
      const target = { agent, incarnation, runtime: 'process', stopped, stoppedByOthers, snapshot } as const
      const deadlineMs = clock.monotonic() + LET_GO_WITHIN_MS
      return await driver.resume(target, { deadlineMs, mayGoOn: () => true })
    } finally {
      followed.close()
    }
  }

  async function letGo(held: Held): Promise<void> {
    const free = emptied(held)
    board.put(free)
    const effect = await continued(held)
    if (effect?.touched !== true) {
      await journal.save(undefined, free)
      return
    }
    log.warn('what was left of an ended agent was continued', { agent: held.agent, outcome: effect.outcome })
    await journal.save(recordOf(held, effect, deps.ids.next(), deps.moment()), free)
  }

  return {
    letGo,

    async end(record) {
      const { agent: id, incarnation } = record.entry
      if (incarnation === undefined || !pastLives.isOver(incarnation)) return undefined
      const followed = pastLives.follow(incarnation, knownOf(record))
      if (followed === undefined) return undefined
      try {
        if ((await followed.snapshot()) === undefined) return undefined
        const perform = createEffect<Life>({
          ...deps,
          agents: { get: () => ({ id, incarnation, runtime: 'process', endedAtMs: undefined }) },
          target: (life, stopped, stoppedByOthers) => ({
            ...{ agent: life.id, incarnation, runtime: 'process', stopped, stoppedByOthers },
            snapshot: followed.snapshot,
          }),
        })
        return await perform(record, 'recovery')
      } finally {
        followed.close()
      }
    },

    async undo(record) {
      const { agent, incarnation } = record.entry
      if (incarnation === undefined || !pastLives.isOver(incarnation)) return
      const held = board.of(incarnation) ?? notHeld(agent, incarnation)
      const others = without(joined(held.stoppedByOthers, record.stoppedBefore ?? []), held.stopped)
      const followed = pastLives.follow(incarnation, knownOf(record))
      const tree = await followed?.snapshot()
      followed?.close()
      const left = tree?.processes.map(({ pid, startTime }) => ({ pid, startTime })) ?? []
      await letGo({ ...held, stopped: without(joined(held.stopped, left), others), stoppedByOthers: others })
    },
  }

  function knownOf({ processes, entry: { incarnation } }: ActionRecord): readonly ProcessKey[] {
    return joined(processes ?? [], (incarnation && board.of(incarnation)?.stopped) || [])
  }
}

function recordOf(
  { agent, incarnation, holds }: Held,
  effect: Effect,
  id: string,
  now: Moment,
): ActionRecord {
  const request = { agent, action: 'resume', trigger: 'human', episode: `remains:${id}` } as const
  const status = effect.outcome === 'gone' ? 'noop' : effect.outcome === 'halted' ? 'failed' : effect.outcome
  return {
    entry: {
      ...request,
      ...({
        id,
        at: now.wallMs,
        lastAt: now.wallMs,
        incarnation,
        hold: 'human',
        status,
      } satisfies Partial<ActionEntry>),
      ...{ actor: 'journal', reason: 'its first process has ended; what is left of it goes on' },
      ...{ attempt: 1, durable: true, refusal: undefined, detail: effect.detail, rung: effect.rung },
      verifiedAt: status === 'done' ? now.wallMs : undefined,
      ...{ durationMs: undefined, count: 1, size: undefined, extraBudget: undefined },
    },
    key: keyOf(request, incarnation),
    claimsKey: true,
    admitted: now,
    started: undefined,
    ended: now,
    result: 'neutral',
    graceMs: undefined,
    optIn: false,
    released: [...holds.keys()],
    stoppedBefore: undefined,
    crossedAtMs: undefined,
  }
}
