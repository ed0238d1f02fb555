import type { Agent, AgentId, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Moment } from '../platform/moment.ts'
import { endLedger, epochUsage, type Ledger, openLedger, openNextEpoch, reviveLedger } from './ledger.ts'
import type { EpochUsage } from './model.ts'
import type { ClosedEpoch, UsageBatch } from './repository.ts'

/** The ledgers of all agents that live or lately ended, one per agent. */
export interface Book {
  get(id: AgentId): Ledger | undefined
  /** The ledger of this life; begun, continued from the store or carried over when there is none. */
  of(agent: Agent): Ledger
  /** Takes the next state of a ledger that `get` or `of` gave in this turn. */
  set(ledger: Ledger): void
  /** Undefined when the cause is known or nothing runs. */
  openEpoch(id: AgentId, by: string): Ledger | undefined
  /** The agent has ended: its ledger stays for late records. */
  end(agent: Agent): void
  /** Nobody asks for the agent any more. */
  drop(agent: Agent): void
  /** Ledgers of an earlier run; those whose agents are seen again go on. */
  restore(ledgers: readonly Ledger[]): void
  /** By now every agent that lives has been seen: the others ended while nobody looked. */
  endUnseen(): void
  /** Forgets ended ledgers of agents that are not known any more. */
  prune(isKnown: (id: AgentId, incarnation: Incarnation) => boolean): void
  list(): Iterable<Ledger>
}

export interface BookOptions {
  readonly clock: Clock
  readonly bootId: string
  readonly note: (changes: Partial<UsageBatch>) => void
  /** Told once for each epoch, when it has ended. */
  readonly onEpochEnded: (usage: EpochUsage, ledger: Ledger) => void
}

export function momentOf({ clock, bootId }: Pick<BookOptions, 'clock' | 'bootId'>): Moment {
  return { bootId, bootMs: clock.sinceBoot(), wallMs: clock.now() }
}

const lifeKey = (agent: AgentId, incarnation: Incarnation) => `${agent}\n${incarnation}`

export function createBook({ clock, bootId, note, onEpochEnded }: BookOptions): Book {
  const ledgers = new Map<AgentId, Ledger>()
  const restored = new Map<string, Ledger>()
  /** Agents that go by another id in this turn. */
  const departing = new Map<Incarnation, Ledger>()
  const now = () => momentOf({ clock, bootId })

  function set(ledger: Ledger): void {
    ledgers.set(ledger.agent, ledger)
    note({ ledgers: [ledger] })
  }

  function closed(ledger: Ledger, at: Moment): ClosedEpoch {
    return { usage: epochUsage(ledger, at), role: ledger.role, closedAtMs: at.wallMs }
  }

  function finish(ledger: Ledger): Ledger {
    if (ledger.endedAtMs !== undefined) return ledger
    const at = now()
    const epoch = closed(ledger, at)
    const ended = endLedger(ledger, at)
    note({ ledgers: [ended], epochs: [epoch] })
    onEpochEnded(epoch.usage, ended)
    return ended
  }

  /** The same life under another id, or an agent that only registered itself and now has a process. */
  function inherited(agent: Agent, held: Ledger | undefined): Ledger | undefined {
    const departed = departing.get(agent.incarnation)
    if (departed !== undefined) departing.delete(agent.incarnation)
    const bound = held?.endedAtMs === undefined && isCooperative(held) && agent.runtime !== 'cooperative'
    return departed ?? (bound ? held : undefined)
  }

  function begin(agent: Agent, held: Ledger | undefined): Ledger {
    const key = lifeKey(agent.id, agent.incarnation)
    const kept = restored.get(key)
    restored.delete(key)
    const old = inherited(agent, held)
    if (held !== undefined && held !== old) finish(held)
    // The row under the old name is closed; its epoch goes on under the new one.
    if (old !== undefined) note({ ledgers: [endLedger(old, now())] })
    const { id, incarnation, info, startedAtMs } = agent
    const life = { agent: id, incarnation, role: info.role, startedAtMs }
    const from = kept ?? old
    return from === undefined ? openLedger(life, now()) : { ...from, ...life }
  }

  return {
    get: (id) => ledgers.get(id),
    set,
    of(agent) {
      const held = ledgers.get(agent.id)
      if (held?.incarnation === agent.incarnation) {
        if (held.endedAtMs === undefined || agent.endedAtMs !== undefined) return held
        set(reviveLedger(held, now()))
        return ledgers.get(agent.id) ?? held
      }
      const begun = begin(agent, held)
      set(begun)
      return begun
    },
    openEpoch(id, by) {
      const ledger = ledgers.get(id)
      const at = now()
      const next = ledger && openNextEpoch(ledger, by, at)
      if (ledger === undefined || next === undefined) return undefined
      const epoch = closed(ledger, at)
      note({ epochs: [epoch] })
      set(next)
      onEpochEnded(epoch.usage, ledger)
      return next
    },
    end({ id, incarnation, info }) {
      const ledger = ledgers.get(id)
      if (ledger?.incarnation !== incarnation) return
      ledgers.set(id, finish({ ...ledger, role: info.role ?? ledger.role }))
    },
    drop({ id, incarnation }) {
      const ledger = ledgers.get(id)
      if (ledger?.incarnation !== incarnation) return
      ledgers.delete(id)
      departing.set(incarnation, ledger)
      queueMicrotask(() => {
        if (!departing.delete(incarnation)) return
        finish(ledger)
      })
    },
    restore(stored) {
      for (const ledger of stored) restored.set(lifeKey(ledger.agent, ledger.incarnation), ledger)
    },
    endUnseen() {
      for (const ledger of restored.values()) finish(ledger)
      restored.clear()
    },
    prune(isKnown) {
      for (const [id, ledger] of ledgers) {
        if (isKnown(id, ledger.incarnation)) continue
        finish(ledger)
        ledgers.delete(id)
      }
    },
    list: () => ledgers.values(),
  }
}

/** See `cooperativeIncarnation` in the room of the agents. */
function isCooperative(ledger: Ledger | undefined): boolean {
  return ledger?.incarnation.startsWith('registration:') === true
}
