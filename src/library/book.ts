import { randomUUID } from 'node:crypto'
import type { ActionTaken, Phase, ResourceLabel } from '../exhaustion/model.ts'
import type { CountsAs } from '../exhaustion/repository.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Moment } from '../platform/moment.ts'
import { type Account, numbersOf, snapshotOf } from './account.ts'
import { eventAnswer, type History } from './history.ts'
import type { Section } from './input.ts'
import type { ActionOrder, ServiceEvents } from './model.ts'
import type { Saver } from './persistence.ts'

/** Who wants something done, and why. */
export interface Cause {
  readonly actor: ActionOrder['actor']
  readonly reason: string
  readonly triggeredBy: ResourceLabel
}

export interface Note extends Cause {
  readonly previousPhase: Phase
  readonly actionTaken: ActionTaken
  readonly countsAs: CountsAs | undefined
}

/** The accounts of all agents, what happened to them, and who is told of it. */
export interface Book {
  readonly section: Section
  readonly accounts: ReadonlyMap<string, Account>
  now(): Moment
  /** Takes another state of an agent. */
  keep(account: Account): void
  remove(account: Account): void
  /** Writes down what happened, and tells it at the end of the turn. @returns the id of the event */
  note(account: Account, note: Note): string
  /** Now it is known what was really done. */
  amend(eventId: string | undefined, actionTaken: ActionTaken): void
  /** Told at the end of the turn. */
  tell<Name extends keyof ServiceEvents>(name: Name, event: ServiceEvents[Name]): void
  /** What is told meanwhile is told afterwards, in its order: listeners see what came of it. */
  turn<Result>(work: () => Result): Result
}

export interface BookOptions {
  readonly clock: Clock
  readonly bootId: string
  readonly section: () => Section
  readonly history: History
  readonly saver: Saver
  readonly bus: Pick<Bus<ServiceEvents>, 'emit'>
  readonly accounts: readonly Account[]
}

export function createBook({ clock, bootId, section, history, saver, bus, ...stored }: BookOptions): Book {
  const accounts = new Map(stored.accounts.map((account) => [account.ledger.agent, account]))
  const told: (() => void)[] = []
  let depth = 0
  const now = (): Moment => ({ bootId, bootMs: clock.sinceBoot(), wallMs: clock.now() })
  const keyOf = ({ ledger }: Account) => `agent:${ledger.agent}`

  return {
    get section() {
      return section()
    },
    accounts,
    now,
    keep(account) {
      accounts.set(account.ledger.agent, account)
      saver.save({ key: keyOf(account), kind: 'agent', account })
    },
    remove(account) {
      accounts.delete(account.ledger.agent)
      saver.save({ key: keyOf(account), kind: 'agent', account, removedAtMs: clock.now() })
    },
    note(account, { actor, reason, triggeredBy, previousPhase, actionTaken, countsAs }) {
      const at = now()
      const id = randomUUID()
      const event = {
        ...{ id, actor, reason, triggeredBy, previousPhase, actionTaken, countsAs },
        epoch: account.ledger.epoch,
        phase: account.state.phase,
        metrics: snapshotOf(account, numbersOf(account, section(), at)),
        atMs: at.wallMs,
      }
      history.put(event)
      saver.save({ key: `event:${id}`, kind: 'event', event })
      told.push(() => bus.emit('phase', { event: eventAnswer(history.event(id) ?? event) }))
      return id
    },
    amend(eventId, actionTaken) {
      const event = eventId === undefined ? undefined : history.event(eventId)
      if (event === undefined || event.actionTaken === actionTaken) return
      const amended = { ...event, actionTaken }
      history.put(amended)
      saver.save({ key: `event:${event.id}`, kind: 'event', event: amended })
    },
    tell(name, event) {
      told.push(() => bus.emit(name, event))
    },
    turn(work) {
      depth++
      try {
        return work()
      } finally {
        if (--depth === 0) for (const tell of told.splice(0)) tell()
      }
    },
  }
}
