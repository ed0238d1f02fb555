import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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
 * Reads the static facts with systeminformation in a short-lived process: the library spawns shells and parses
 * synchronously, which must not happen on the loop of the daemon, and its memory is not kept.
 *
 * @returns `undefined` when that fails or takes longer than `timeoutMs`.
 */
export function readStaticFacts(timeoutMs = TIMEOUT_MS): Promise<StaticFacts | undefined> {
  const file = import.meta.url.endsWith('.ts') ? './static-facts.worker.ts' : './static-facts.worker.js'
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: 'ignore',
    execArgv: [],
    env: { PATH: process.env['PATH'] },
  })
  child.unref()
  child.channel?.unref()
  return new Promise((resolve) => {
    const finish = (facts: StaticFacts | undefined) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      resolve(facts)
    }
    const timer = setTimeout(() => finish(undefined), timeoutMs)
    timer.unref()
    child.once('message', (facts) => finish(facts as StaticFacts))
    child.once('error', () => finish(undefined))
    child.once('exit', () => finish(undefined))
  })
}
