import { parentPort, workerData } from 'node:worker_threads'
import { chase, type Quarry } from '../platform/proc/chase.ts'
import type { ProcessKey } from '../platform/proc/process.ts'

export interface ChaseRequest {
  readonly id: number
  readonly quarry: Quarry
  readonly quietMs: number
  readonly mostMs: number
}

export interface ChaseReply {
  readonly id: number
  readonly caught: readonly ProcessKey[]
}

const { root } = workerData as { root: string }

/** A message to the main thread and back takes longer than the life of what is stopped here. */
function seize({ pid }: ProcessKey): boolean {
  try {
    process.kill(pid, 'SIGSTOP')
    return true
  } catch {
    return false
  }
}

parentPort?.on('message', ({ id, quarry, quietMs, mostMs }: ChaseRequest) => {
  const caught = chase(quarry, { root, quietMs, mostMs, seize })
  parentPort?.postMessage({ id, caught } satisfies ChaseReply)
})
