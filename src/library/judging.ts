import { answered, judge, msToTermination, type Verdict } from '../exhaustion/judge.ts'
import type { ActionTaken } from '../exhaustion/model.ts'
import { reasonOf } from '../exhaustion/record.ts'
import { type Crossings, createCrossings, msToCrossing } from '../exhaustion/schedule.ts'
import type { Clock } from '../platform/clock.ts'
import { type Account, type Numbers, numbersOf } from './account.ts'
import type { Book } from './book.ts'
import { type Deeds, isEnded, type Settled } from './deeds.ts'

/** Judges agents, and orders what follows. */
export interface Judging {
  judge(agentId: string): void
  /** Judges it, ends it when nobody answered in time, and asks again for a pause that is owed. */
  check(agentId: string): void
  /** A person answers an intervention that waits for it. */
  approve(agentId: string, settled: Settled): void
  reject(agentId: string): 'rejected' | 'nothing to reject'
  /** From now on thresholds of time are watched. */
  start(): void
  stop(): void
  rest(agentId: string): void
}

export interface JudgingOptions {
  readonly clock: Clock
  readonly book: Book
  readonly deeds: Deeds
  readonly isBusy: (agentId: string) => boolean
}

export function createJudging({ clock, book, deeds, isBusy }: JudgingOptions): Judging {
  let crossings: Crossings<string> | undefined

  function judgeNow(agentId: string): void {
    const account = book.accounts.get(agentId)
    const { section } = book
    if (account === undefined || isEnded(account) || !section.enabled) {
      crossings?.set(agentId, undefined)
      return
    }
    const now = book.now()
    const numbers = numbersOf(account, section, now)
    const held = account.pause?.by === 'budget' || (isBusy(agentId) && account.intervention?.owes === 'pause')
    const [state, verdicts] = judge(account.state, { ...numbers, held }, section, now)
    if (state !== account.state) book.keep({ ...account, state })
    for (const verdict of verdicts) follow(agentId, verdict, numbers)
    // What followed may have paused it: then no time passes for it.
    const runs = book.accounts.get(agentId)?.pause === undefined
    const { used, limits } = numbers
    const left = runs ? msToCrossing(used, limits, section.warningThresholdPercent) : undefined
    const end = msToTermination(state, section, now)
    // An end that is overdue is tried again at the next check.
    const due = [left, end === 0 ? undefined : end].filter((ms) => ms !== undefined)
    crossings?.set(agentId, due.length === 0 ? undefined : Math.min(...due))
  }

  function follow(
    agentId: string,
    { kind, from, to, triggeredBy }: Verdict,
    { used, limits }: Numbers,
  ): void {
    const account = book.accounts.get(agentId)
    if (account === undefined) return
    const { pauseOnIntervention, requireConfirmationOnIntervention } = book.section
    const isIntervention = kind === 'entered' && to === 'intervention'
    const owes = !pauseOnIntervention ? 'nothing' : requireConfirmationOnIntervention ? 'approval' : 'pause'
    let actionTaken: ActionTaken = 'allowed'
    if (kind === 'entered' && to === 'warning') actionTaken = 'warned'
    if (isIntervention && owes === 'approval') actionTaken = 'pending_approval'
    const reason = reasonOf(triggeredBy, used, limits)
    const eventId = book.note(account, {
      actor: 'budget',
      reason: kind === 'recovered' ? `clear of the limits again; ${reason}` : reason,
      triggeredBy,
      previousPhase: from,
      actionTaken,
      countsAs: kind === 'recovered' ? undefined : isIntervention ? 'intervention' : 'warning',
    })
    book.keep({ ...account, intervention: isIntervention ? { eventId, owes } : undefined })
    pauseIfOwed(agentId)
  }

  function causeOf({ state }: Account, numbers: Numbers) {
    const triggeredBy = state.triggeredBy ?? 'manual'
    return {
      actor: 'budget',
      reason: reasonOf(triggeredBy, numbers.used, numbers.limits),
      triggeredBy,
    } as const
  }

  function pauseIfOwed(agentId: string, settled?: Settled): void {
    const account = book.accounts.get(agentId)
    if (account?.intervention?.owes !== 'pause') return
    deeds.pause(agentId, causeOf(account, numbersOf(account, book.section, book.now())), settled)
  }

  function endIfDue(agentId: string): void {
    const account = book.accounts.get(agentId)
    const { section } = book
    if (account === undefined || isEnded(account) || isBusy(agentId)) return
    if (msToTermination(account.state, section, book.now()) !== 0) return
    const cause = causeOf(account, numbersOf(account, section, book.now()))
    deeds.terminate(agentId, { ...cause, reason: `nobody answered the intervention; ${cause.reason}` })
  }

  function check(agentId: string): void {
    book.turn(() => {
      judgeNow(agentId)
      if (!book.section.enabled) return
      if (!isBusy(agentId)) pauseIfOwed(agentId)
      endIfDue(agentId)
    })
  }

  return {
    judge: (agentId) => book.turn(() => judgeNow(agentId)),
    check,

    approve(agentId, settled) {
      const account = book.accounts.get(agentId)
      if (account?.intervention?.owes !== 'approval') return settled('not done')
      const { intervention } = account
      book.turn(() => {
        book.keep({
          ...account,
          state: answered(account.state),
          intervention: { ...intervention, owes: 'pause' },
        })
        pauseIfOwed(agentId, settled)
      })
    },

    reject(agentId) {
      const account = book.accounts.get(agentId)
      if (account?.intervention?.owes !== 'approval') return 'nothing to reject'
      const { intervention } = account
      book.keep({
        ...account,
        state: answered(account.state),
        intervention: { ...intervention, owes: 'nothing' },
      })
      book.amend(intervention.eventId, 'refused')
      return 'rejected'
    },

    start() {
      crossings ??= createCrossings(clock, check)
    },
    stop() {
      crossings?.stop()
      crossings = undefined
    },
    rest: (agentId) => crossings?.set(agentId, undefined),
  }
}
