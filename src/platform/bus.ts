/** Events by name and what they carry; each room adds its own names by intersection in `app.ts`. */
export type EventMap = Record<string, unknown>

export type Unsubscribe = () => void

/**
 * Typed events between rooms. Delivery is in order and not re-entrant: what a handler emits is delivered
 * after every handler of the current event has run. A throwing handler costs only itself.
 */
export interface Bus<Events extends EventMap> {
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): Unsubscribe
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void
}

export function createBus<Events extends EventMap>(
  onHandlerError: (error: unknown, event: string) => void,
): Bus<Events> {
  const handlers = new Map<keyof Events, Set<(event: never) => void>>()
  const queue: { name: keyof Events; event: unknown }[] = []
  let delivering = false

  function deliver(): void {
    delivering = true
    try {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        for (const handler of handlers.get(item.name) ?? []) {
          try {
            handler(item.event as never)
          } catch (error) {
            onHandlerError(error, String(item.name))
          }
        }
      }
    } finally {
      delivering = false
    }
  }

  return {
    on(name, handler) {
      const set = handlers.get(name) ?? new Set()
      handlers.set(name, set)
      set.add(handler as (event: never) => void)
      return () => void set.delete(handler as (event: never) => void)
    },
    emit(name, event) {
      queue.push({ name, event })
      if (!delivering) deliver()
    },
  }
}
