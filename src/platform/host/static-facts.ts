import { Worker } from 'node:worker_threads'

/** What does not change while the daemon runs. For `doctor` and the info family; never sampled. */
export interface StaticFacts {
  readonly distribution: string
  readonly kernel: string
  readonly architecture: string
  readonly cpuModel: string
  readonly cpuCores: number
  readonly memoryTotalBytes: number
  readonly virtual: boolean | undefined
}

/** Shells that hang are not worth waiting for: these facts are decoration. */
const TIMEOUT_MS = 10_000

/**
 * Reads the static facts with systeminformation in a worker that ends afterwards: the library spawns shells and
 * parses synchronously, which must not happen on the loop of the daemon.
 *
 * @returns `undefined` when the worker fails or takes longer than `timeoutMs`.
 */
export function readStaticFacts(timeoutMs = TIMEOUT_MS): Promise<StaticFacts | undefined> {
  const file = import.meta.url.endsWith('.ts') ? './static-facts.worker.ts' : './static-facts.worker.js'
  const worker = new Worker(new URL(file, import.meta.url))
  return new Promise((resolve) => {
    const finish = (facts: StaticFacts | undefined) => {
      clearTimeout(timer)
      void worker.terminate()
      resolve(facts)
    }
    const timer = setTimeout(() => finish(undefined), timeoutMs)
    worker.once('message', finish)
    worker.once('error', () => finish(undefined))
    worker.once('exit', () => finish(undefined))
  })
}
