import type { Clock } from '../platform/clock.ts'
import type { EventLog, HouseEvent } from './model.ts'

/** How far back a stream can be resumed. */
const KEPT_EVENTS = 1_000

/** The last events in memory. A listener that throws costs only itself. */
export function createEventLog(
  clock: Pick<Clock, 'now'>,
  onListenerError: (error: unknown) => void,
  kept = KEPT_EVENTS,
): EventLog {
  const run = clock.now()
  const events: HouseEvent[] = []
  const listeners = new Set<(event: HouseEvent) => void>()
  let sequence = 0

  return {
    publish(event) {
      const published: HouseEvent = { ...event, id: `${run}-${++sequence}`, atMs: clock.now() }
      events.push(published)
      if (events.length > kept) events.shift()
      for (const listener of listeners) {
        try {
          listener(published)
        } catch (error) {
          onListenerError(error)
        }
      }
      return published
    },

    after(id) {
      if (id === undefined) return []
      const at = events.findIndex((event) => event.id === id)
      // An id of another run, or one that is forgotten: what is left is better than silence.
      return events.slice(at + 1)
    },

    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
