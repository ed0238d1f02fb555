import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { removePidFile, writePidFile } from './pid-files.ts'

/** A program of the stack that is to be started. */
export interface PartPlan {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Answers 200 once it is ready; undefined for what has no page. */
  readonly ready: string | undefined
}

/** A program of the stack that was started. */
export interface Part {
  readonly name: string
  readonly logFile: string
  /** How it ended; never rejects. */
  readonly end: Promise<string>
  readonly ended: string | undefined
  stop(): Promise<void>
  /** At once; for whoever asks a second time. */
  kill(): void
}

/** The exporter brings what it does to an end before it goes. */
const GRACE_MS = 15_000
const READY_MS = 60_000
const LOOK_EVERY_MS = 50
const LAST_LINES = 15

/** Starts a program of its own session, so that Ctrl+C reaches the script alone, which stops one after the other. */
export function startPart(plan: PartPlan, folder: string): Part {
  const { name } = plan
  const logs = join(folder, 'logs')
  const pids = join(folder, 'run')
  mkdirSync(logs, { recursive: true, mode: 0o700 })
  const logFile = join(logs, `${name}.log`)
  // A file and no pipe: it goes on writing when the script was killed.
  const log = openSync(logFile, 'w', 0o600)
  const child = spawn(plan.file, plan.args, {
    cwd: folder,
    env: plan.env,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  if (child.pid !== undefined) writePidFile(pids, name, child.pid)
  let ended: string | undefined
  const end = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`cannot be started (${error.message})`))
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `ended with ${code}` : `ended by ${signal}`),
    )
  }).then((how) => {
    ended = how
    removePidFile(pids, name)
    return how
  })
  return {
    name,
    logFile,
    end,
    get ended() {
      return ended
    },
    async stop() {
      if (ended === undefined) child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
      await end
      clearTimeout(timer)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/**
 * Waits until the page answers 200.
 * @throws Error when the part ends before, or takes too long.
 */
export async function waitUntilReady(part: Part, url: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + READY_MS
  for (;;) {
    signal.throwIfAborted()
    if (part.ended !== undefined) throw new Error(`${part.name} ${part.ended}`)
    if (await answers(url)) return
    if (performance.now() > until) {
      throw new Error(`${part.name} is not ready after ${READY_MS / 1_000} s (${url})`)
    }
    await sleep(LOOK_EVERY_MS)
  }
}

/** What it said last. */
export function lastLines(part: Part): string {
  const lines = readFileSync(part.logFile, 'utf8').trimEnd().split('\n').slice(-LAST_LINES)
  return [`The last lines of ${part.logFile}:`, ...lines.map((line) => `  ${line}`)].join('\n')
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}
