import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePort } from './child.ts'
import { BIN, cleanEnvironment } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

const RECORDER = join(import.meta.dirname, 'record-signals.ts')
const READY_WITHIN_MS = 120_000
/** Longer than the longest wait that is asked for. */
const ANSWER_WITHIN_MS = 90_000

/** An answer of the daemon; `undefined` from those who ask when there was none. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many routes, each read by whoever asked for it.
  readonly body: any
}

/** One data directory and port, and a built daemon on them that is killed and started again. */
export interface MortalDaemon extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  /** Every signal that any of its lives has sent: `SIGSTOP pid startTime`. */
  signals(): readonly { readonly signal: string; readonly pid: number; readonly startTime: string }[]
  /** Starts it. Does not wait. */
  launch(): void
  /** @throws Error with its output when it ended instead */
  ready(): Promise<void>
  kill(): Promise<void>
  /** SIGTERM and the end. */
  stop(): Promise<void>
  /** `undefined`: no answer, because it was killed or is not there. */
  ask(method: string, path: string, body?: unknown, key?: string): Promise<Answer | undefined>
}

export async function createMortalDaemon(
  config: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
): Promise<MortalDaemon> {
  const folder = temporaryFolder('agent-exporter-crash-')
  const dataDir = join(folder.path, 'data')
  const record = join(folder.path, 'signals')
  const configFile = join(folder.path, 'config.yaml')
  writeFileSync(configFile, stringify(config))
  writeFileSync(record, '')
  const address = `127.0.0.1:${await freePort()}`
  const url = `http://${address}`
  let child: ChildProcess | undefined
  let output = ''
  let token: string | undefined

  function launch(): void {
    const args = [`--web.listen-address=${address}`, `--data.dir=${dataDir}`, `--config.file=${configFile}`]
    child = spawn(process.execPath, ['--import', RECORDER, BIN, 'serve', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: folder.path,
      // Compiled once for all lives: most of a start is reading the program.
      env: {
        ...cleanEnvironment(),
        XDG_CONFIG_HOME: folder.path,
        ...env,
        RECORD_SIGNALS: record,
        NODE_COMPILE_CACHE: join(folder.path, 'compiled'),
      },
    })
    output = ''
    const note = (text: Buffer): void => {
      output = `${output}${text}`.slice(-20_000)
    }
    child.stdout!.on('data', note)
    child.stderr!.on('data', note)
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async function ask(
    method: string,
    path: string,
    body?: unknown,
    key?: string,
  ): Promise<Answer | undefined> {
    try {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      })
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
    } catch {
      return undefined
    }
  }

  return {
    url,
    dataDir,
    launch,
    ask,
    signals: () =>
      readFileSync(record, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [signal, pid, startTime] = line.split(' ')
          return { signal: signal!, pid: Number(pid), startTime: startTime! }
        }),
    async ready() {
      const end = performance.now() + READY_WITHIN_MS
      for (;;) {
        const answer = await fetch(`${url}/-/ready`).catch(() => undefined)
        await answer?.arrayBuffer().catch(() => undefined)
        if (answer?.ok) break
        const isOver = child?.exitCode !== null || child.signalCode !== null
        if (isOver || performance.now() > end) throw new Error(`the daemon is not ready\n${output}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      token ??= readFileSync(join(dataDir, 'control.token'), 'utf8').trim()
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
      folder[Symbol.dispose]()
    },
  }
}
