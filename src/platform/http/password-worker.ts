import { Worker } from 'node:worker_threads'
import { Problem } from '../problem.ts'
import type { ComparePassword } from './basic-auth.ts'

/** A cost-10 round takes about 70 ms, so more waiting than this means somebody is guessing. */
const MAX_WAITING = 16

interface Answer {
  readonly id: number
  readonly same: boolean
}

interface Waiter {
  readonly resolve: (same: boolean) => void
  readonly reject: (error: Error) => void
}

/** bcrypt in one worker thread, started at the first question: guessing cannot slow the sample clock. */
export function createPasswordWorker(): { readonly compare: ComparePassword; close(): Promise<void> } {
  const waiting = new Map<number, Waiter>()
  let worker: Worker | undefined
  let lastId = 0

  function fail(error: Error): void {
    worker = undefined
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  function start(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './bcrypt.worker.ts' : './bcrypt.worker.js'
    const started = new Worker(new URL(file, import.meta.url))
    started.unref()
    started.on('message', ({ id, same }: Answer) => {
      waiting.get(id)?.resolve(same)
      waiting.delete(id)
    })
    started.on('error', fail)
    return started
  }

  return {
    compare(password, hash) {
      if (waiting.size >= MAX_WAITING) {
        return Promise.reject(new Problem('AE_TOO_MANY_REQUESTS', 'Too many passwords are being checked.'))
      }
      worker ??= start()
      const id = ++lastId
      worker.postMessage({ id, password, hash })
      return new Promise((resolve, reject) => void waiting.set(id, { resolve, reject }))
    },
    async close() {
      const running = worker
      fail(new Problem('AE_NOT_READY', 'The exporter is stopping.'))
      await running?.terminate()
    },
  }
}
