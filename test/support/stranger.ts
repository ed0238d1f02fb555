import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cleanEnvironment } from './daemon.ts'

/** A process whose name, arguments and environment are the test's to choose. */
export interface Stranger extends AsyncDisposable {
  readonly pid: number
  readonly child: ChildProcess
  /** SIGKILL to its process group, which is its own. */
  stop(): Promise<void>
}

export interface StrangerOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly cwd?: string
}

/** Starts the program in a process group of its own and waits until it runs. */
export async function startStranger(
  file: string,
  args: readonly string[],
  options: StrangerOptions = {},
): Promise<Stranger> {
  const { env, ...rest } = options
  const child = spawn(file, args, {
    ...rest,
    env: { ...cleanEnvironment(), ...env },
    stdio: 'ignore',
    detached: true,
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await once(child, 'spawn')
  const pid = child.pid as number
  const stop = async () => {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await ended
  }
  return { pid, child, stop, [Symbol.asyncDispose]: stop }
}

/** A shell that makes itself `sleep` with these assignments; `printf` escapes give bytes that are not UTF-8. */
export function startMarked(script: string, options: StrangerOptions = {}): Promise<Stranger> {
  return startStranger('/bin/sh', ['-c', `${script}\nexec sleep 600`], options)
}
