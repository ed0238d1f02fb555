import type { AgentId } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { ConstraintError } from '../platform/store/failure.ts'
import type { Held } from './holds.ts'
import { type Action, type ActionEntry, type ActionFilter, isSettled } from './model.ts'
import type { ActionRecord } from './record.ts'
import type { ControlRepository, MarkName } from './repository.ts'
import type { Spool, SpoolLine } from './spool.ts'

/** A pause waits no longer than this for the disk (CONTROL.md section 5). */
const DURABLE_WITHIN_MS = 100
const RETRY_MS = 1_000
/** Settled records kept in memory for those who ask right after. */
const REMEMBERED = 2_000
/** Notes that wait for a database that is away. */
const MOST_NOTES = 10_000
/** Rows looked at for one page when the caller may not see all agents. */
const PAGE_ROWS = 500
const MOST_PAGES = 20

/** `late`: not on the disk in time; it follows when the disk takes it. */
export type Durability = 'durable' | 'late'

/** The rows of this room in the host's SQLite, and what has to happen when it does not take them. */
export interface Journal {
  /** Brings what the spool kept into the database. Rejects while that is not possible. */
  open(): Promise<void>
  /** Already in the database: found without asking it. */
  adopt(record: ActionRecord): void
  /** A new intent. Answers with who has the key when it is taken. Never rejects. */
  insert(record: ActionRecord): Promise<Durability | ActionRecord>
  /** All or none; never rejects. */
  save(record: ActionRecord | undefined, held?: Held): Promise<Durability>
  /** Refusals and dry runs: written within 100 ms, nobody waits. */
  note(record: ActionRecord): void
  mark(name: MarkName, value: unknown): void
  /** The newest state of a record, from memory or the database. */
  find(id: string): Promise<ActionRecord | undefined>
  /** The newest thing that was begun for a person under this episode, whatever life it was meant for. */
  byEpisode(agent: AgentId, action: Action, episode: string): Promise<ActionEntry | undefined>
  list(filter: ActionFilter, limit: number, before: string | undefined): Promise<readonly ActionEntry[]>
  /** Everything noted is written, as far as the database takes it. */
  flush(): Promise<void>
  /** Rows that are not in the database. */
  unsaved(): number
  stop(): Promise<void>
}

export interface JournalDeps {
  readonly clock: Clock
  readonly log: Log
  readonly repository: ControlRepository
  readonly spool: Spool
}

export function createJournal({ clock, log, repository, spool }: JournalDeps): Journal {
  const open = new Map<string, ActionRecord>()
  const remembered = new Map<string, ActionRecord>()
  let notes = new Map<string, ActionRecord>()
  let noteTimer: Timer | undefined
  /** What the database has not taken, by id and incarnation; the newest state of each. */
  const unsavedRecords = new Map<string, ActionRecord>()
  const unsavedHolds = new Map<string, Held>()
  const unsavedMarks = new Map<MarkName, unknown>()
  /** Whose state is in the spool file, by id and incarnation. */
  const spooled = new Set<string>()
  let retryTimer: Timer | undefined
  let stopped = false

  function remember(record: ActionRecord): void {
    const { id } = record.entry
    if (!isSettled(record.entry)) {
      open.set(id, record)
      return
    }
    open.delete(id)
    remembered.delete(id)
    remembered.set(id, record)
    if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value!)
  }

  /** Settles with `late` when it takes too long; what happens afterwards is the business of `write`. */
  function inTime(write: Promise<boolean>): Promise<boolean | 'late'> {
    return new Promise((resolve) => {
      const timer = clock.setTimer(DURABLE_WITHIN_MS, () => resolve('late'))
      void write.then((written) => {
        timer.cancel()
        resolve(written)
      })
    })
  }

  function keep(line: SpoolLine): void {
    if (line.record !== undefined) unsavedRecords.set(line.record.entry.id, line.record)
    if (line.held !== undefined) unsavedHolds.set(line.held.incarnation, line.held)
    if (!spooledToo(line)) log.error('an action is in memory only: neither database nor spool file takes it')
    retryTimer ??= clock.setTimer(RETRY_MS, retry)
  }

  function spooledToo(line: SpoolLine): boolean {
    if (line.record !== undefined) spooled.add(line.record.entry.id)
    if (line.held !== undefined) spooled.add(line.held.incarnation)
    return spool.append(line)
  }

  /**
   * An older state that still waits must not be written over this one. The file outlives a crash until all of it is
   * in the database, so it gets the newer state first: the last line about somebody is never older than its row.
   */
  function supersede(record: ActionRecord | undefined, held: Held | undefined): void {
    if (spooled.has(record?.entry.id ?? '') || spooled.has(held?.incarnation ?? '')) {
      spooledToo({ ...(record === undefined ? {} : { record }), ...(held === undefined ? {} : { held }) })
    }
    if (record !== undefined && unsavedRecords.has(record.entry.id))
      unsavedRecords.set(record.entry.id, record)
    if (held !== undefined && unsavedHolds.has(held.incarnation)) unsavedHolds.set(held.incarnation, held)
  }

  function taken(record: ActionRecord | undefined, held: Held | undefined): void {
    if (record !== undefined && unsavedRecords.get(record.entry.id) === record) {
      unsavedRecords.delete(record.entry.id)
    }
    if (held !== undefined && unsavedHolds.get(held.incarnation) === held)
      unsavedHolds.delete(held.incarnation)
    if (unsaved() === 0) clearSpool()
  }

  function clearSpool(): void {
    spool.clear()
    spooled.clear()
  }

  function unsaved(): number {
    return unsavedRecords.size + unsavedHolds.size + unsavedMarks.size
  }

  function retry(): void {
    retryTimer = undefined
    void writeUnsaved()
      .catch(() => {})
      .finally(() => {
        if (unsaved() > 0 && !stopped) retryTimer ??= clock.setTimer(RETRY_MS, retry)
      })
  }

  async function writeUnsaved(): Promise<void> {
    const now = clock.now()
    for (const id of [...unsavedRecords.keys()]) {
      // Read now: while the one before it was written, it may have been settled and written itself.
      const record = unsavedRecords.get(id)
      if (record === undefined) continue
      await putRecord(record)
      taken(record, undefined)
    }
    const held = [...unsavedHolds.values()]
    if (held.length > 0) await repository.put([repository.held(held, now)])
    for (const one of held) taken(undefined, one)
    for (const name of [...unsavedMarks.keys()]) {
      if (!unsavedMarks.has(name)) continue
      const value = unsavedMarks.get(name)
      await repository.put([repository.mark(name, value)])
      if (unsavedMarks.get(name) === value) unsavedMarks.delete(name)
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

  async function flush(): Promise<void> {
    noteTimer?.cancel()
    noteTimer = undefined
    if (notes.size === 0) return
    const taken = notes
    notes = new Map()
    try {
      await repository.put([repository.saved([...taken.values()], clock.now())])
    } catch (error) {
      log.warn('refusals were not written down; trying again', { error: String(error) })
      notes = new Map([...taken, ...notes])
      while (notes.size > MOST_NOTES) notes.delete(notes.keys().next().value!)
      if (!stopped) noteTimer ??= clock.setTimer(RETRY_MS, () => void flush())
    }
  }

  return {
    unsaved,
    flush,
    adopt: remember,
    async open() {
      for (const { record, held } of spool.read()) {
        if (record !== undefined) await putRecord(record)
        if (held !== undefined) await repository.put([repository.held([held], clock.now())])
      }
      if (unsaved() === 0) clearSpool()
    },

    async insert(record) {
      remember(record)
      let conflict = false
      const write = repository.put([repository.inserted(record, clock.now())]).then(
        () => true,
        (error: unknown) => {
          conflict = error instanceof ConstraintError
          return false
        },
      )
      const written = await inTime(write)
      if (written === true) return 'durable'
      if (conflict) {
        open.delete(record.entry.id)
        const other = await repository.byKey(record.key).catch(() => undefined)
        if (other !== undefined) return open.get(other.entry.id) ?? other
      }
      keep({ record })
      if (written === 'late') void write.then((done) => done && taken(record, undefined))
      return 'late'
    },

    async save(record, held) {
      if (record !== undefined) remember(record)
      supersede(record, held)
      const now = clock.now()
      const write = repository
        .put([
          ...(record === undefined ? [] : [repository.saved([record], now)]),
          ...(held === undefined ? [] : [repository.held([held], now)]),
        ])
        .then(
          () => {
            taken(record, held)
            return true
          },
          () => false,
        )
      const written = await inTime(write)
      if (written === true) return 'durable'
      keep({ ...(record === undefined ? {} : { record }), ...(held === undefined ? {} : { held }) })
      if (written === 'late') void write.then((done) => done && taken(record, held))
      return 'late'
    },

    note(record) {
      remember(record)
      notes.set(record.entry.id, record)
      noteTimer ??= clock.setTimer(DURABLE_WITHIN_MS, () => void flush())
    },

    mark(name, value) {
      unsavedMarks.set(name, value)
      retryTimer?.cancel()
      retry()
    },

    async find(id) {
      return open.get(id) ?? remembered.get(id) ?? (await repository.find(id))
    },

    async byEpisode(agent, action, episode) {
      const isIt = ({ entry }: ActionRecord): boolean =>
        entry.agent === agent &&
        entry.action === action &&
        entry.episode === episode &&
        entry.trigger === 'human' &&
        entry.status !== 'refused' &&
        entry.status !== 'dry_run'
      const known = [...open.values()].find(isIt) ?? [...remembered.values()].findLast(isIt)
      return (known ?? (await repository.byEpisode(agent, action, episode)))?.entry
    },

    async list(filter, limit, before) {
      await flush()
      const found: ActionEntry[] = []
      let cursor = before
      try {
        for (let page = 0; page < MOST_PAGES && found.length < limit; page++) {
          const rows = await repository.page(filter, filter.visible ? PAGE_ROWS : limit, cursor)
          for (const row of rows) {
            if (found.length < limit && (filter.visible?.(row.agent) ?? true)) found.push(newest(row))
          }
          cursor = rows.at(-1)?.id
          if (rows.length < (filter.visible ? PAGE_ROWS : limit)) break
        }
        return found
      } catch (error) {
        log.warn('the journal cannot be read; answering from memory', { error: String(error) })
        return fromMemory(filter, limit, before)
      }
    },

    async stop() {
      stopped = true
      retryTimer?.cancel()
      await flush()
      await writeUnsaved().catch(() => {})
      noteTimer?.cancel()
    },
  }

  function newest(entry: ActionEntry): ActionEntry {
    return (open.get(entry.id) ?? remembered.get(entry.id))?.entry ?? entry
  }

  function fromMemory(filter: ActionFilter, limit: number, before: string | undefined): ActionEntry[] {
    const { agent, action, status, sinceMs, visible } = filter
    return [...remembered.values(), ...open.values()]
      .map(({ entry }) => entry)
      .filter(
        (entry) =>
          (agent === undefined || entry.agent === agent) &&
          (action === undefined || entry.action === action) &&
          (status === undefined || entry.status === status) &&
          (sinceMs === undefined || entry.at >= sinceMs) &&
          (before === undefined || entry.id < before) &&
          (visible?.(entry.agent) ?? true),
      )
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .slice(0, limit)
  }
}
