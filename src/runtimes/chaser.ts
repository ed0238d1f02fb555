import { Worker } from 'node:worker_threads'
import type { Clock } from '../platform/clock.ts'
import type { Quarry } from '../platform/proc/chase.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { ChaseReply, ChaseRequest } from './chaser.worker.ts'

/** Stops what outruns every pass: who forks and exits in sessions of its own, known by its environment alone. */
export interface Chaser {
  /** Starts what takes a while to start. */
  warmUp(): void
  /**
   * Stops who turns up, until nobody did for `quietMs`.
   *
   * @returns who was stopped; nobody also when it could not look
   */
  chase(quarry: Quarry, quietMs: number): Promise<readonly ProcessKey[]>
}

export interface ChaserOptions {
  readonly procRoot: string
  readonly clock: Pick<Clock, 'setTimer'>
}

const MOST_MS = 100
/** On top of that, for a worker that starts and for a busy host; then it is taken for hung. */
const PATIENCE_MS = 900

/** One thread of its own, made when the first tree is stopped: environments take a lock of the process they are of. */
export function createChaser({ procRoot, clock }: ChaserOptions): Chaser {
  let worker: Worker | undefined
  let lastId = 0
  const waiting = new Map<number, (caught: readonly ProcessKey[]) => void>()

  function onEnd(ended: Worker): void {
    if (ended !== worker) return
    worker = undefined
    for (const settle of [...waiting.values()]) settle([])
  }

  function start(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './chaser.worker.ts' : './chaser.worker.js'
    const started = new Worker(new URL(file, import.meta.url), {
      workerData: { root: procRoot },
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    })
    started.unref()
    started.on('message', ({ id, caught }: ChaseReply) => waiting.get(id)?.(caught))
    started.on('error', () => onEnd(started))
    started.on('exit', () => onEnd(started))
    return started
  }

  return {
    warmUp() {
      worker ??= start()
    },

    async chase(quarry, quietMs) {
      worker ??= start()
      const asked = worker
      const id = ++lastId
      const request: ChaseRequest = { id, quarry, quietMs, mostMs: MOST_MS }
      return new Promise((settle) => {
        const late = clock.setTimer(MOST_MS + PATIENCE_MS, () => {
          // Stuck in a read; it ends when the kernel lets it go.
          onEnd(asked)
          void asked.terminate()
        })
        waiting.set(id, (caught) => {
          waiting.delete(id)
          late.cancel()
          if (waiting.size === 0) asked.unref()
          settle(caught)
        })
        // Somebody awaits the answer: the process stays alive for it, and only for it.
        asked.ref()
        asked.postMessage(request)
      })
    },
  }
}
