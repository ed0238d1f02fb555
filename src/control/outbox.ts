import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../platform/store/store.ts'
import { isSettled } from './model.ts'
import type { ActionRecord } from './record.ts'
import type { ControlRepository } from './repository.ts'
import type { ControlCopyTables } from './tables.ts'

const CONFIRM_EVERY_MS = 30_000
const PAGE = 500
/** Clocks are set back a little now and then; copying a row twice does no harm. */
const OVERLAP_MS = 60_000

export type CopyStore = Pick<Store<ControlCopyTables>, 'enqueue' | 'flush'>

/** The copy of the journal in a database that many hosts share. What was lost on the way is copied again. */
export interface Outbox {
  add(record: ActionRecord): void
  /** Copies what is newer than `sinceMs`, where the last run came to. */
  start(sinceMs: number): Promise<void>
  stop(): void
}

export interface OutboxDeps {
  readonly clock: Clock
  readonly log: Log
  readonly copy: CopyStore
  readonly repository: Pick<ControlRepository, 'copyRow' | 'changedSince'>
  /** Remembers that everything changed before this is there. */
  readonly confirmed: (ms: number) => void
}

export function createOutbox({ clock, log, copy, repository, confirmed }: OutboxDeps): Outbox {
  let cursor = 0
  /** Not everything since the cursor was taken: it has to be read from the journal again. */
  let gap = false
  let waiting = false
  let timer: Timer | undefined

  function add(record: ActionRecord): void {
    const row = repository.copyRow(record, clock.now())
    if (copy.enqueue('control_actions_copy', row, { key: ['daemon_id', 'id'] }) === 'dropped') gap = true
    waiting = true
  }

  async function copyAgain(): Promise<void> {
    gap = false
    let after = ''
    for (;;) {
      const page = await repository.changedSince(Math.max(0, cursor - OVERLAP_MS), after, PAGE)
      for (const record of page) if (isSettled(record.entry)) add(record)
      after = page.at(-1)?.entry.id ?? after
      if (page.length < PAGE || gap) return
      await copy.flush()
    }
  }

  async function confirm(): Promise<void> {
    if (gap) await copyAgain()
    if (!waiting) return
    const until = clock.now()
    waiting = false
    try {
      await copy.flush()
    } catch (error) {
      waiting = true
      throw error
    }
    if (gap) return
    cursor = until
    confirmed(until)
  }

  function schedule(): void {
    timer = clock.setTimer(CONFIRM_EVERY_MS, () => {
      confirm()
        .catch((error: unknown) =>
          log.warn('the journal was not copied; trying again', { error: String(error) }),
        )
        .finally(schedule)
    })
  }

  return {
    add,
    async start(sinceMs) {
      cursor = sinceMs
      schedule()
      try {
        await copyAgain()
      } catch (error) {
        gap = true
        log.warn('the journal was not copied; trying again', { error: String(error) })
      }
    },
    stop: () => timer?.cancel(),
  }
}
