import type { RequestListener } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Listener } from './listener.ts'

/**
 * How long running requests may take to end once the server stops. From SIGTERM to the end it is 5 s in all, and the
 * store may take 2 s of them for its last rows.
 */
const DRAIN_MS = 3_000

interface LifecycleOptions {
  readonly clock: Clock
  /** One per address; called when the server opens. */
  readonly createListeners: (handler: RequestListener) => readonly Listener[]
  readonly handler: RequestListener
  /** Told when draining begins, before anything is closed. */
  readonly onDrain: () => void
  /** Runs after the last connection is closed. */
  readonly onClosed: () => Promise<void>
}

export interface Lifecycle {
  open(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Opens all listeners or none, counts running requests, and lets them end before everything is closed. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  let listeners: readonly Listener[] = []
  let running = 0
  let onIdle: (() => void) | undefined
  let closing: Promise<void> | undefined

  const counted: RequestListener = (request, response) => {
    running += 1
    response.once('close', () => {
      running -= 1
      if (running === 0) onIdle?.()
    })
    options.handler(request, response)
  }

  function drained(): Promise<void> {
    if (running === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = options.clock.setTimer(DRAIN_MS, resolve)
      onIdle = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  async function close(): Promise<void> {
    options.onDrain()
    for (const listener of listeners) listener.stopAccepting()
    await drained()
    await Promise.all(listeners.map((listener) => listener.close()))
    await options.onClosed()
  }

  return {
    async open() {
      listeners = options.createListeners(counted)
      const urls: string[] = []
      try {
        for (const listener of listeners) urls.push(await listener.open())
      } catch (error) {
        await Promise.all(listeners.map((listener) => listener.close()))
        throw error
      }
      return urls
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
