import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Whoever has not ended by then hangs; a busy machine takes a tenth of it. */
const GRACE_MS = 60_000
/** Nothing takes as long as this even where ten others want the same core. */
const PATIENCE_MS = 60_000
/**
 * One turn of waiting counts as this at most: while a machine lets us not run for seconds, nothing else runs on it, and
 * a question that is slow to ask is asked as often as on a quick machine.
 */
const LONGEST_TURN_MS = 1_000

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
    async stop(signal = 'SIGTERM', graceMs = GRACE_MS) {
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

/** Below those that the kernel gives to connections: none of the many of a test run takes one before it is used. */
const PORTS = { from: 20_000, to: 32_000 }

/** Whoever was given one may not listen on it yet. */
const given = new Set<number>()

/** A loopback port that nobody listens on at this moment; another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    if (given.has(port)) continue
    given.add(port)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue
      throw error
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

/**
 * Asks until the answer is something, for real parts that have no event to wait for. Throws with `what` after
 * `timeoutMs` of patience; an error thrown by `ask` counts as "not yet" and is named at the end.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = PATIENCE_MS,
  everyMs = 50,
): Promise<T> {
  let waitedMs = 0
  let last: unknown
  for (;;) {
    const from = performance.now()
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (waitedMs >= timeoutMs) {
      throw new Error(`did not happen within ${timeoutMs} ms: ${what}`, last ? { cause: last } : undefined)
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
    waitedMs += Math.min(performance.now() - from, Math.max(everyMs, LONGEST_TURN_MS))
  }
}
