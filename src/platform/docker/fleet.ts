import type { Unsubscribe } from '../bus.ts'
import type { ContainerChange, ContainerInfo } from './container.ts'

/** What is known of the containers, and who wants to hear of changes. */
export interface ContainerFleet {
  readonly containers: ReadonlyMap<string, ContainerInfo>
  readonly running: Set<string>
  put(container: ContainerInfo): void
  remove(id: string): void
  tell(change: ContainerChange): void
  on(listener: (change: ContainerChange) => void): Unsubscribe
}

/** `onError` gets what a listener threw: it costs only that listener. */
export function createFleet(onError: (error: unknown) => void): ContainerFleet {
  const containers = new Map<string, ContainerInfo>()
  const listeners = new Set<(change: ContainerChange) => void>()

  function tell(change: ContainerChange): void {
    for (const listener of listeners) {
      try {
        listener(change)
      } catch (error) {
        onError(error)
      }
    }
  }

  return {
    containers,
    running: new Set(),
    tell,
    put(container) {
      const previous = containers.get(container.id)
      if (previous !== undefined && JSON.stringify(previous) === JSON.stringify(container)) return
      containers.set(container.id, container)
      tell(
        previous === undefined ? { kind: 'appeared', container } : { kind: 'changed', container, previous },
      )
    },
    remove(id) {
      const container = containers.get(id)
      if (container === undefined) return
      containers.delete(id)
      tell({ kind: 'removed', container })
    },
    on(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
