import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from './folder.ts'

/**
 * Many small agents for benches: a real process tree each, at about a megabyte per process. The programs are copies of
 * a shell and of `sleep`, so that the kernel names them as it would name agents and their tools.
 */
export interface Fleet extends Disposable {
  /** Starts one agent of `processes` processes (itself included) that lives until it is ended. */
  start(processes: number): ChildProcess
  /** Starts one agent of a single process that ends by itself and resolves when it has ended. */
  live(seconds: number): Promise<void>
  /** Ends every agent that is still there, with its tools. */
  stop(): void
}

/**
 * What the agents of a fleet are called. A bench discovers this name only: a real agent on the same machine, or another
 * bench, would blur its figures.
 */
export const FLEET_COMMAND = 'bench-agent'

/** Any day longer than a bench. */
const FOREVER_SECONDS = 86_400

const CUT_OFF = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

export function createFleet(): Fleet {
  const folder = temporaryFolder('agent-exporter-fleet-')
  const program = (name: string, original: string) => {
    const path = join(folder.path, name)
    mkdirSync(dirname(path), { recursive: true })
    copyFileSync(original, path)
    chmodSync(path, 0o755)
    return path
  }
  const agent = program(join('tree', FLEET_COMMAND), firstOf('/bin/dash', '/bin/sh'))
  const shortLived = program(join('single', FLEET_COMMAND), firstOf('/bin/sleep', '/usr/bin/sleep'))
  const tool = program('tool', shortLived)
  const running = new Set<ChildProcess>()

  // A group of its own, so that ending it takes its tools along.
  const launch = (file: string, args: readonly string[]) => {
    const child = spawn(file, args, { stdio: 'ignore', detached: true, env: {} })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }
  const stop = () => {
    for (const { pid } of running) if (pid !== undefined) killGroup(pid)
  }
  // A bench that is cut off leaves nobody behind: hundreds of them would blur what is measured next.
  const leave = () => process.exit(1)
  process.once('exit', stop)
  for (const signal of CUT_OFF) process.once(signal, leave)
  return {
    start: (processes) =>
      processes === 1
        ? launch(shortLived, [String(FOREVER_SECONDS)])
        : launch(agent, ['-c', `${`${tool} ${FOREVER_SECONDS} & `.repeat(processes - 1)}wait`]),
    async live(seconds) {
      await once(launch(shortLived, [String(seconds)]), 'exit')
    },
    stop,
    [Symbol.dispose]() {
      stop()
      process.off('exit', stop)
      for (const signal of CUT_OFF) process.off(signal, leave)
      folder[Symbol.dispose]()
    },
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

function firstOf(...paths: readonly string[]): string {
  const path = paths.find((candidate) => existsSync(candidate))
  if (path === undefined) throw new Error(`none of these programs is here: ${paths.join(', ')}`)
  return path
}
