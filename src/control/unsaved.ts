import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { ConstraintError } from '../platform/store/failure.ts'
import type { Held } from './holds.ts'
import type { ActionRecord } from './record.ts'
import type { ControlRepository, MarkName } from './repository.ts'
import type { Spool, SpoolLine } from './spool.ts'

const RETRY_MS = 1_000

/** What the database has not taken: the newest state of each, tried again until it does. */
export interface Unsaved {
  /** The database does not take it in time: until it does, the spool file has it. */
  keep(line: SpoolLine): void
  /**
   * An older state that still waits must not be written over this one. The file outlives a crash until all of it is
   * in the database, so it gets the newer state first: the last line about somebody is never older than its row.
   */
  supersede(line: SpoolLine): void
  /** It is in the database now, unless something newer waits. */
  taken(line: SpoolLine): void
  /** Tried at once. */
  mark(name: MarkName, value: unknown): void
  count(): number
  /** Brings what the spool kept into the database. Rejects while that is not possible. */
  replay(): Promise<void>
  /** Everything once more. Rejects with the first that is not taken. */
  write(): Promise<void>
  /** Nothing is tried again by itself any more. */
  cancelRetry(): void
}

export interface UnsavedDeps {
  readonly clock: Clock
  readonly log: Log
  readonly repository: Pick<ControlRepository, 'put' | 'saved' | 'held' | 'mark'>
  readonly spool: Spool
  readonly mayRetry: () => boolean
}

export function createUnsaved({ clock, log, repository, spool, mayRetry }: UnsavedDeps): Unsaved {
  /** By id, by incarnation and by name. */
  const records = new Map<string, ActionRecord>()
  const holds = new Map<string, Held>()
  const marks = new Map<MarkName, unknown>()
  /** Whose state is in the spool file, by id and incarnation. */
  const spooled = new Set<string>()
  let retryTimer: Timer | undefined

  function count(): number {
    return records.size + holds.size + marks.size
  }

  function append(line: SpoolLine): boolean {
    if (line.record !== undefined) spooled.add(line.record.entry.id)
    if (line.held !== undefined) spooled.add(line.held.incarnation)
    return spool.append(line)
  }

  function taken({ record, held }: SpoolLine): void {
    if (record !== undefined && records.get(record.entry.id) === record) records.delete(record.entry.id)
    if (held !== undefined && holds.get(held.incarnation) === held) holds.delete(held.incarnation)
    if (count() === 0) clearSpool()
  }

  function clearSpool(): void {
    spool.clear()
    spooled.clear()
  }

  function retry(): void {
    retryTimer = undefined
    void write()
      .catch(() => {})
      .finally(() => {
        if (count() > 0 && mayRetry()) retryTimer ??= clock.setTimer(RETRY_MS, retry)
      })
  }

  async function write(): Promise<void> {
    const now = clock.now()
    for (const id of [...records.keys()]) {
      // Read now: while the one before it was written, it may have been settled and written itself.
      const record = records.get(id)
      if (record === undefined) continue
      await putRecord(record)
      taken({ record })
    }
    const held = [...holds.values()]
    if (held.length > 0) await repository.put([repository.held(held, now)])
    for (const one of held) taken({ held: one })
    for (const name of [...marks.keys()]) {
      if (!marks.has(name)) continue
      const value = marks.get(name)
      await repository.put([repository.mark(name, value)])
      if (marks.get(name) === value) marks.delete(name)
    }
  }

  /** A key that somebody took meanwhile must not keep the row out: what was done is written down. */
  async function putRecord(record: ActionRecord): Promise<void> {
    try {
      await repository.put([repository.saved([record], clock.now())])
    } catch (error) {
      if (!(error instanceof ConstraintError)) throw error
      await repository.put([repository.saved([{ ...record, claimsKey: false }], clock.now())])
    }
  }

  return {
    keep(line) {
      const { record, held } = line
      if (record !== undefined) records.set(record.entry.id, record)
      if (held !== undefined) holds.set(held.incarnation, held)
      if (!append(line)) log.error('an action is in memory only: neither database nor spool file takes it')
      retryTimer ??= clock.setTimer(RETRY_MS, retry)
    },

    supersede(line) {
      const { record, held } = line
      if (spooled.has(record?.entry.id ?? '') || spooled.has(held?.incarnation ?? '')) append(line)
      if (record !== undefined && records.has(record.entry.id)) records.set(record.entry.id, record)
      if (held !== undefined && holds.has(held.incarnation)) holds.set(held.incarnation, held)
    },

    taken,
    mark(name, value) {
      marks.set(name, value)
      retryTimer?.cancel()
      retry()
    },
    count,

    async replay() {
      for (const { record, held } of spool.read()) {
        if (record !== undefined) await putRecord(record)
        if (held !== undefined) await repository.put([repository.held([held], clock.now())])
      }
      if (count() === 0) clearSpool()
    },

    write,
    cancelRetry: () => retryTimer?.cancel(),
  }
}
