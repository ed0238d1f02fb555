import { type ActionEntry, type ActionRequest, type Control, isSettled } from '../control/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { isFinal } from './wanted.ts'

/** One thing that is asked for until it is done, or never will be. */
export interface Ask {
  readonly state: 'asking' | 'owed' | 'over'
  readonly tries: number
  /** Monotonic; of one that is owed. */
  readonly againAtMs: number
}

export interface AskingOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Log
  readonly control: Pick<Control, 'request' | 'settled'>
  /** Aborts when the daemon stops. */
  readonly signal: AbortSignal
}

/** What was asked for in one excursion. */
export interface Asking {
  /** Asks unless it is being asked for, was done, or was asked for a moment ago. `done` hears of the success. */
  ask(request: ActionRequest, done?: () => void): void
  /** It makes no sense in this excursion. */
  giveUp(action: ActionRequest['action']): void
  isUnderWay(): boolean
}

const FIRST_AGAIN_MS = 1_000
const LAST_AGAIN_MS = 30_000
/** Whoever does not want to be acted on seldom changes his mind, and every line of the journal says the same. */
const REHEARSE_AGAIN_MS = 600_000

/** A refusal stays owed: it is asked again while the reason lasts, less and less often. */
export function createAsking({ clock, log, control, signal }: AskingOptions): Asking {
  const asks = new Map<ActionRequest['action'], Ask>()

  async function outcome(request: ActionRequest): Promise<ActionEntry | undefined> {
    try {
      let entry = await control.request(request)
      if (!isSettled(entry)) entry = await control.settled(entry.id, signal)
      return isSettled(entry) ? entry : undefined
    } catch (error) {
      if (!signal.aborted) {
        const { agent, action } = request
        log.warn('an action for memory could not be asked for', { agent, action, error: String(error) })
      }
      return undefined
    }
  }

  return {
    ask(request, done) {
      const { action } = request
      const before = asks.get(action)
      if (before?.state === 'asking' || before?.state === 'over' || signal.aborted) return
      if (before !== undefined && clock.monotonic() < before.againAtMs) return
      const tries = (before?.tries ?? 0) + 1
      asks.set(action, { state: 'asking', tries, againAtMs: Number.POSITIVE_INFINITY })
      void outcome(request).then((entry) => {
        const isDone = entry?.status === 'done' || entry?.status === 'noop'
        const isOver = isDone || isFinal(entry?.refusal)
        const againAtMs = clock.monotonic() + againAfterMs(entry, tries)
        asks.set(action, { state: isOver ? 'over' : 'owed', tries, againAtMs })
        if (isDone) done?.()
      })
    },
    giveUp(action) {
      asks.set(action, { state: 'over', tries: asks.get(action)?.tries ?? 0, againAtMs: 0 })
    },
    isUnderWay: () => [...asks.values()].some(({ state }) => state === 'asking'),
  }
}

function againAfterMs(entry: ActionEntry | undefined, tries: number): number {
  if (entry?.status === 'dry_run') return REHEARSE_AGAIN_MS
  return Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** (tries - 1))
}
