import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, type Ended, eventually, startChild } from './child.ts'
import { BIN, cleanEnvironment } from './daemon.ts'
import { temporaryFolder } from './folder.ts'
import { endMarked, MARK } from './left-behind.ts'

/** Of bsdutils, which every Debian has: gives a command a terminal of its own. */
const SCRIPT = '/usr/bin/script'
/** The control token of a world without a daemon. */
export const TOKEN = 'A'.repeat(43)

/** Where a command is started with `agent-exporter run`. */
export interface World extends Disposable {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
}

/** A folder with a control token and the address of a daemon that is not there. Whatever runs in it ends with it. */
export function world(extra: NodeJS.ProcessEnv = {}): World {
  const folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  writeFileSync(join(dataDir, 'control.token'), `${TOKEN}\n`, { mode: 0o600 })
  const env = {
    ...cleanEnvironment(),
    XDG_CONFIG_HOME: folder.path,
    AGENT_EXPORTER_DATA_DIR: dataDir,
    AGENT_EXPORTER_URL: 'http://127.0.0.1:9',
    [MARK]: folder.path,
    ...extra,
  }
  return {
    path: folder.path,
    env,
    [Symbol.dispose]() {
      endMarked(folder.path)
      folder[Symbol.dispose]()
    },
  }
}

export const startRun = (env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Child> =>
  startChild(process.execPath, [BIN, 'run', ...args], { env })

export async function finishRun(
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<Ended & { readonly output: string; readonly stdout: string }> {
  const child = await startRun(env, args)
  const ended = await child.exit()
  return { ...ended, output: child.output(), stdout: child.stdout() }
}

export const isRunning = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
/** A field of a line of `/proc/<pid>/stat`, numbered as in proc(5). */
export const field = (stat: string, number: number): string =>
  stat.slice(stat.lastIndexOf(')') + 2).split(' ')[number - 3]!
export const pidIn = (file: string) =>
  eventually(`${file} is written`, () =>
    existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) || undefined : undefined,
  )

/** A command on a terminal of its own. */
export interface TerminalRun {
  type(text: string): void
  text(): string
  readonly pid: number
  readonly exit: Promise<number | null>
}

/** Runs one line of a shell on a terminal. */
export function onTerminal(env: NodeJS.ProcessEnv, line: string): TerminalRun {
  const terminal = spawn(SCRIPT, ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  let text = ''
  terminal.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  const exit = new Promise<number | null>((resolve) => terminal.once('close', resolve))
  return {
    type: (what) => void terminal.stdin.write(what),
    text: () => text,
    pid: terminal.pid as number,
    exit,
  }
}

/** The line of a shell that runs a command as an agent. */
export const runLine = (command: string): string => `${process.execPath} ${BIN} run ${command}`
