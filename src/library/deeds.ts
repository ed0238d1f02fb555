import { randomUUID } from 'node:crypto'
import { FRESH, terminate } from '../exhaustion/judge.ts'
import { triggerName } from '../exhaustion/limits.ts'
import type { Thresholds } from '../exhaustion/model.ts'
import { endLedger, openNextEpoch, setLedgerPaused } from '../usage/ledger.ts'
import type { Account } from './account.ts'
import type { Lanes } from './actor.ts'
import type { Book, Cause } from './book.ts'
import type { ActionOrder, ActionResult } from './model.ts'
import type { Waiting } from './waiting.ts'

type Action = ActionOrder['action']

/** Whether it was done. */
export type Settled = (done: 'done' | 'not done') => void

/** What is done to agents: ordered, and true only when the order was carried out. */
export interface Deeds {
  /** Done too when the agent was paused before. */
  pause(agentId: string, cause: Cause, settled?: Settled): void
  resume(agentId: string, cause: Cause, extra: Extra | undefined, settled?: Settled): void
  terminate(agentId: string, cause: Cause, settled?: Settled): void
}

/** What a resume grants: as it was asked for, and by the names of the limits. */
export interface Extra {
  readonly asked: Readonly<Record<string, number>>
  readonly budget: Thresholds
}

export interface DeedsOptions {
  readonly book: Book
  readonly lanes: Lanes
  readonly waiting: Waiting
  /** Something about the agent is another: look at it again. */
  readonly judge: (agentId: string) => void
}

export function isEnded({ state }: Account): boolean {
  return state.phase === 'termination'
}

export function createDeeds({ book, lanes, waiting, judge }: DeedsOptions): Deeds {
  /** One order, from the question whether it is wanted to what came of it. */
  function act(
    action: Action,
    agentId: string,
    cause: Cause,
    extraBudget: Extra['asked'] | undefined,
    wanted: (account: Account) => boolean,
    done: (account: Account) => void,
    settled: Settled = () => {},
  ): void {
    let life: string | undefined
    const subject = (): Account | undefined => {
      const account = book.accounts.get(agentId)
      return account?.ledger.incarnation === (life ?? account?.ledger.incarnation) ? account : undefined
    }
    lanes.run(
      agentId,
      () => {
        const account = subject()
        life = account?.ledger.incarnation
        if (account === undefined || isEnded(account) || !wanted(account)) return undefined
        const { actor, reason, triggeredBy } = cause
        return {
          ...{ action, agentId, agentType: account.type, actor, reason },
          triggeredBy: triggerName(triggeredBy),
          ...(extraBudget === undefined ? {} : { extraBudget }),
        }
      },
      (result) =>
        book.turn(() => {
          // It may have been removed, or another life begun under its name, while the order was carried out.
          const account = subject()
          if (result?.outcome === 'done' && account !== undefined) done(account)
          else if (result !== undefined && account !== undefined) failed(action, account, cause, result)
          settled(result?.outcome === 'done' ? 'done' : 'not done')
        }),
    )
  }

  function failed(action: Action, account: Account, { actor, reason }: Cause, result: ActionResult): void {
    const agentId = account.ledger.agent
    book.tell('refused', { agentId, action, reason, actor, result })
    const { intervention, pause } = account
    if (action === 'pause' && actor === 'budget' && result.outcome !== 'done') {
      book.amend(intervention?.eventId, result.outcome)
    }
    if (pause === undefined) waiting.settle(agentId, 'resumed')
  }

  function paused(account: Account, cause: Cause): void {
    const now = book.now()
    const { actor, reason, triggeredBy } = cause
    const { intervention, state, pause } = account
    const next: Account = {
      ...account,
      ledger: setLedgerPaused(account.ledger, 'paused', now),
      // Who paused it first is told; the budget holds it from now on if it asks for that too.
      pause: pause === undefined ? { atMs: now.wallMs, reason, by: actor } : { ...pause, by: actor },
      intervention: actor === 'budget' && intervention ? { ...intervention, owes: 'nothing' } : intervention,
    }
    book.keep(next)
    if (actor === 'budget') book.amend(intervention?.eventId, 'paused')
    if (pause !== undefined) return
    if (actor === 'caller') {
      const previousPhase = state.phase
      book.note(next, {
        ...{ actor, reason, triggeredBy, previousPhase, actionTaken: 'paused', countsAs: 'intervention' },
      })
    }
    book.tell('paused', { agentId: account.ledger.agent, reason, actor })
  }

  return {
    pause(agentId, cause, settled) {
      const isHeld = (account: Account) => account.pause !== undefined
      act(
        'pause',
        agentId,
        cause,
        undefined,
        (account) => !isHeld(account),
        (account) => paused(account, cause),
        (outcome) => {
          const account = book.accounts.get(agentId)
          const isAlready = outcome === 'not done' && account !== undefined && isHeld(account)
          if (isAlready && cause.actor === 'budget') paused(account, cause)
          settled?.(isAlready ? 'done' : outcome)
          judge(agentId)
        },
      )
    },

    resume(agentId, cause, extra, settled) {
      act(
        'resume',
        agentId,
        cause,
        extra?.asked,
        ({ pause, state }) => pause !== undefined || state.phase === 'intervention',
        (account) => {
          const { state: before, pause, ledger } = account
          const now = book.now()
          const renews = pause?.by === 'budget' || before.phase === 'intervention' || extra !== undefined
          const running = setLedgerPaused(ledger, 'running', now)
          const opened = (renews ? openNextEpoch(running, randomUUID(), now) : undefined) ?? running
          const next: Account = {
            ...account,
            ledger: opened,
            state: renews ? FRESH : before,
            pause: undefined,
            extra: extra === undefined ? account.extra : { epoch: opened.epoch, budget: extra.budget },
            intervention: renews ? undefined : account.intervention,
          }
          book.keep(next)
          const previousPhase = before.phase
          book.note(next, { ...cause, previousPhase, actionTaken: 'resumed', countsAs: undefined })
          book.tell('resumed', { agentId, reason: cause.reason, actor: cause.actor })
          waiting.settle(agentId, 'resumed')
          judge(agentId)
        },
        settled,
      )
    },

    terminate(agentId, cause, settled) {
      act(
        'terminate',
        agentId,
        cause,
        undefined,
        () => true,
        (account) => {
          const [state] = terminate(account.state, cause.triggeredBy)
          const ledger = endLedger(account.ledger, book.now())
          const next: Account = { ...account, state, ledger, pause: undefined, intervention: undefined }
          book.keep(next)
          const previousPhase = account.state.phase
          book.note(next, { ...cause, previousPhase, actionTaken: 'terminated', countsAs: 'termination' })
          book.tell('terminated', { agentId, reason: cause.reason, actor: cause.actor })
          waiting.settle(agentId, 'over')
          judge(agentId)
        },
        settled,
      )
    },
  }
}
