import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { ActionRecord } from './record.ts'
import type { ControlRepository } from './repository.ts'

const WRITTEN_WITHIN_MS = 100
const RETRY_MS = 1_000
/** Notes that wait for a database that is away; the oldest are given up first. */
const MOST_NOTES = 10_000

/** Refusals and dry runs: rows that nobody waits for, many written at once. */
export interface Notes {
  add(record: ActionRecord): void
  /** Writes them now. Never rejects: what is not taken stays. */
  flush(): Promise<void>
  /** Nothing is written by itself any more. */
  cancel(): void
}

export interface NotesDeps {
  readonly clock: Clock
  readonly log: Log
  readonly repository: Pick<ControlRepository, 'put' | 'saved'>
  readonly mayRetry: () => boolean
}

export function createNotes({ clock, log, repository, mayRetry }: NotesDeps): Notes {
  let notes = new Map<string, ActionRecord>()
  let timer: Timer | undefined

  async function flush(): Promise<void> {
    timer?.cancel()
    timer = undefined
    if (notes.size === 0) return
    const taken = notes
    notes = new Map()
    try {
      await repository.put([repository.saved([...taken.values()], clock.now())])
    } catch (error) {
      log.warn('refusals were not written down; trying again', { error: String(error) })
      notes = new Map([...taken, ...notes])
      while (notes.size > MOST_NOTES) notes.delete(notes.keys().next().value!)
      if (mayRetry()) timer ??= clock.setTimer(RETRY_MS, () => void flush())
    }
  }

  return {
    add(record) {
      notes.set(record.entry.id, record)
      timer ??= clock.setTimer(WRITTEN_WITHIN_MS, () => void flush())
    },
    flush,
    cancel: () => timer?.cancel(),
  }
}
