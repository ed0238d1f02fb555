import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A program a test has started. It is always ended by its own pid. */
export interface Child {
  readonly pid: number
  /** Everything it has written so far, both streams in order of arrival. */
  output(): string
  /** What it has written to stdout alone. */
  stdout(): string
  /** How it ended; undefined while it runs. */
  readonly ended: Ended | undefined
  /** Sends the signal and waits for the end; SIGKILL after `graceMs`. Answers how it ended and how long that took. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<Ended & { readonly tookMs: number }>
  /** Waits for it to end by itself. */
  exit(): Promise<Ended>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

interface StartOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Its own process group and session, as a daemon would have. */
  readonly detached?: true
}

/** Starts a program with its output captured and no stdin. Throws when it cannot be executed. */
export async function startChild(
  file: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Child> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let all = ''
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    all += text
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    all += text
  })
  let ended: Ended | undefined
  const exit = exitOf(child).then((how) => {
    ended = how
    return how
  })
  await once(child, 'spawn')
  const pid = child.pid as number
  return {
    pid,
    output: () => all,
    stdout: () => out,
    get ended() {
      return ended
    },
    exit: () => exit,
    async stop(signal = 'SIGTERM', graceMs = 10_000) {
      const from = performance.now()
      if (ended === undefined) child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const how = await exit
      clearTimeout(timer)
      return { ...how, tookMs: performance.now() - from }
    },
  }
}

/** `close` rather than `exit`: only then has all output arrived. */
function exitOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}

/** A loopback port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/**
 * Asks until the answer is something, for real parts that have no event to wait for. Throws with `what` after
 * `timeoutMs`; an error thrown by `ask` counts as "not yet" and is named at the end.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
  everyMs = 50,
): Promise<T> {
  const end = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (performance.now() > end) {
      throw new Error(`did not happen within ${timeoutMs} ms: ${what}`, last ? { cause: last } : undefined)
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
