import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { Problem } from '../platform/problem.ts'
import type { Ledger } from './ledger.ts'
import type { Deliverable } from './model.ts'
import type { ClosedEpoch, KeyUse, UsageBatch } from './repository.ts'

/**
 * Makes changes durable, many requests with one write: while a write is under way, everything that changes gathers
 * for the next. Ledgers are absolute totals, so only the last state of each is written and nothing is lost by that.
 */
export interface UsageWriter {
  /** Written with the next batch; nobody waits. */
  note(changes: Partial<UsageBatch>): void
  /** Settles when these changes, and all noted before, are durable. @throws Problem AE_STORE_UNAVAILABLE */
  write(changes: Partial<UsageBatch>): Promise<void>
  /**
   * The last write failed: whoever would count something is told before anything was counted, so that a retry
   * counts once. @throws Problem AE_STORE_UNAVAILABLE
   */
  admit(): void
  /** A key whose request was counted and is not durable yet. */
  pendingKey(slot: string): KeyUse | undefined
  stop(): Promise<void>
}

export interface UsageWriterOptions {
  readonly clock: Clock
  readonly log: Log
  readonly put: (batch: UsageBatch) => Promise<void>
}

/** A store that was away is tried again this often. */
const RETRY_MS = 1_000

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** What gathers for one write. */
interface Gathering {
  readonly ledgers: Map<string, Ledger>
  readonly keys: Map<string, KeyUse>
  readonly epochs: ClosedEpoch[]
  readonly deliverables: Deliverable[]
  readonly waiters: Waiter[]
}

const ledgerSlot = ({ agent, incarnation }: Ledger) => `${agent}\n${incarnation}`
export const keySlot = ({ caller, agent, key }: Pick<KeyUse, 'caller' | 'agent' | 'key'>): string =>
  JSON.stringify([caller, agent, key])

const gather = (): Gathering => ({
  ledgers: new Map(),
  keys: new Map(),
  epochs: [],
  deliverables: [],
  waiters: [],
})

export function createUsageWriter({ clock, log, put }: UsageWriterOptions): UsageWriter {
  let next = gather()
  let current: Gathering | undefined
  let down: unknown
  let retry: Timer | undefined

  function note({ ledgers = [], keys = [], epochs = [], deliverables = [] }: Partial<UsageBatch>): void {
    for (const ledger of ledgers) next.ledgers.set(ledgerSlot(ledger), ledger)
    for (const key of keys) next.keys.set(keySlot(key), key)
    next.epochs.push(...epochs)
    next.deliverables.push(...deliverables)
    if (current === undefined && retry === undefined) void pump()
  }

  const isEmpty = ({ ledgers, keys, epochs, deliverables }: Gathering) =>
    ledgers.size + keys.size + epochs.length + deliverables.length === 0

  async function pump(): Promise<void> {
    // Whatever else happens in this turn joins the first write.
    current = gather()
    await Promise.resolve()
    for (;;) {
      current = next
      next = gather()
      if (!(await attempt(current))) break
      if (isEmpty(next) && next.waiters.length === 0) break
    }
    current = undefined
  }

  async function attempt(batch: Gathering): Promise<boolean> {
    const { ledgers, keys, epochs, deliverables, waiters } = batch
    try {
      if (!isEmpty(batch)) {
        await put({ ledgers: [...ledgers.values()], keys: [...keys.values()], epochs, deliverables })
      }
    } catch (error) {
      failed(batch, error)
      for (const { reject } of waiters) reject(error)
      return false
    }
    if (down !== undefined) log.info('usage is kept again')
    down = undefined
    for (const { resolve } of waiters) resolve()
    return true
  }

  /** What was counted stays counted, and its key with it: a retry with the key gets its answer and adds nothing. */
  function failed(batch: Gathering, error: unknown): void {
    if (down === undefined) log.warn('usage is not kept at the moment', { error: String(error) })
    down = error
    const isAway = error instanceof Problem && error.code === 'AE_STORE_UNAVAILABLE'
    const later = next
    next = {
      ledgers: new Map([...batch.ledgers, ...later.ledgers]),
      // A row that breaks a rule of its table would break every write after it.
      keys: new Map([...(isAway ? batch.keys : []), ...later.keys]),
      epochs: [...(isAway ? batch.epochs : []), ...later.epochs],
      deliverables: [...(isAway ? batch.deliverables : []), ...later.deliverables],
      waiters: later.waiters,
    }
    retry = clock.setTimer(RETRY_MS, () => {
      retry = undefined
      if (current === undefined) void pump()
    })
  }

  function cancelRetry(): void {
    retry?.cancel()
    retry = undefined
  }

  return {
    note,
    write(changes) {
      return new Promise((resolve, reject) => {
        next.waiters.push({ resolve, reject })
        note(changes)
      })
    },
    admit() {
      if (down === undefined) return
      throw down instanceof Problem ? down : new Problem('AE_STORE_UNAVAILABLE', 'Usage cannot be kept now.')
    },
    pendingKey: (slot) => next.keys.get(slot) ?? current?.keys.get(slot),
    async stop() {
      cancelRetry()
      if (isEmpty(next) && current === undefined) return
      await new Promise<void>((resolve, reject) => {
        next.waiters.push({ resolve, reject })
        if (current === undefined) void pump()
      }).catch(() => {})
      cancelRetry()
    },
  }
}
