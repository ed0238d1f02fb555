import type { AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { ConstraintError } from '../platform/store/failure.ts'
import type { Held } from './holds.ts'
import { createKnown } from './known.ts'
import type { Action, ActionEntry, ActionFilter } from './model.ts'
import { createNotes } from './notes.ts'
import type { ActionRecord } from './record.ts'
import type { ControlRepository, MarkName } from './repository.ts'
import type { Spool, SpoolLine } from './spool.ts'
import { createUnsaved } from './unsaved.ts'

/** A pause waits no longer than this for the disk (CONTROL.md section 5). */
const DURABLE_WITHIN_MS = 100
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
  let stopped = false
  const mayRetry = () => !stopped
  const known = createKnown()
  const notes = createNotes({ clock, log, repository, mayRetry })
  const unsaved = createUnsaved({ clock, log, repository, spool, mayRetry })

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

  return {
    open: unsaved.replay,
    adopt: known.remember,

    async insert(record) {
      known.remember(record)
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
        known.forget(record.entry.id)
        const other = await repository.byKey(record.key).catch(() => undefined)
        if (other !== undefined) return known.open(other.entry.id) ?? other
      }
      unsaved.keep({ record })
      if (written === 'late') void write.then((done) => done && unsaved.taken({ record }))
      return 'late'
    },

    async save(record, held) {
      if (record !== undefined) known.remember(record)
      const line: SpoolLine = {
        ...(record === undefined ? {} : { record }),
        ...(held === undefined ? {} : { held }),
      }
      unsaved.supersede(line)
      const now = clock.now()
      const write = repository
        .put([
          ...(record === undefined ? [] : [repository.saved([record], now)]),
          ...(held === undefined ? [] : [repository.held([held], now)]),
        ])
        .then(
          () => {
            unsaved.taken(line)
            return true
          },
          () => false,
        )
      const written = await inTime(write)
      if (written === true) return 'durable'
      unsaved.keep(line)
      if (written === 'late') void write.then((done) => done && unsaved.taken(line))
      return 'late'
    },

    note(record) {
      known.remember(record)
      notes.add(record)
    },

    mark: unsaved.mark,
    find: async (id) => known.find(id) ?? (await repository.find(id)),

    async byEpisode(agent, action, episode) {
      const record = known.byEpisode(agent, action, episode)
      return (record ?? (await repository.byEpisode(agent, action, episode)))?.entry
    },

    async list(filter, limit, before) {
      await notes.flush()
      const found: ActionEntry[] = []
      let cursor = before
      try {
        for (let page = 0; page < MOST_PAGES && found.length < limit; page++) {
          const rows = await repository.page(filter, filter.visible ? PAGE_ROWS : limit, cursor)
          for (const row of rows) {
            if (found.length < limit && (filter.visible?.(row.agent) ?? true)) found.push(known.newest(row))
          }
          cursor = rows.at(-1)?.id
          if (rows.length < (filter.visible ? PAGE_ROWS : limit)) break
        }
        return found
      } catch (error) {
        log.warn('the journal cannot be read; answering from memory', { error: String(error) })
        return known.list(filter, limit, before)
      }
    },

    flush: notes.flush,
    unsaved: unsaved.count,

    async stop() {
      stopped = true
      unsaved.cancelRetry()
      await notes.flush()
      await unsaved.write().catch(() => {})
      notes.cancel()
    },
  }
}
