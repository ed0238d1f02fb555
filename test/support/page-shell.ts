import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Child, startChild } from './child.ts'
import { BIN, cleanEnvironment } from './daemon.ts'
import { temporaryFolder } from './folder.ts'
import { endMarked, MARK } from './left-behind.ts'

/** Stands in for an agent program: says where it runs, with what in its environment, and stays. */
const IDLE_AGENT =
  '#!/bin/sh\n[ -z "$AGENT_ENV" ] || { env >"$AGENT_ENV.part" && mv "$AGENT_ENV.part" "$AGENT_ENV"; }\nsleep 600 & wait\n'

/** A block that takes longer hangs; one of several commands takes a tenth of it on a busy machine. */
const LIMIT_MS = 240_000

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * A reader at a shell who types what a page says: in a folder and a home of his own, with the built program as
 * `agent-exporter` and programs that idle in the place of agents.
 */
export interface PageShell extends AsyncDisposable {
  readonly folder: string
  readonly home: string
  readonly env: NodeJS.ProcessEnv
  /** A block, to its end. */
  run(
    text: string,
    extra?: NodeJS.ProcessEnv,
    options?: { readonly input?: string; readonly cwd?: string },
  ): Ran
  /** A block, started and left alone. */
  start(text: string, extra?: NodeJS.ProcessEnv, cwd?: string): Promise<Child>
  /** Ends what was started: the shell and its children, one process group; `run` ends the tree of its command. */
  end(child: Child): Promise<void>
}

/** @param enter what stands before every command, such as `nsenter` */
export function createPageShell(
  environment: NodeJS.ProcessEnv,
  agents: readonly string[] = ['claude'],
  enter: readonly string[] = [],
): PageShell {
  const temporary = temporaryFolder()
  const folder = temporary.path
  const bin = join(folder, 'bin')
  const home = join(folder, 'home')
  mkdirSync(bin)
  mkdirSync(home)
  for (const name of agents) writeFileSync(join(bin, name), IDLE_AGENT, { mode: 0o755 })
  writeFileSync(join(bin, 'agent-exporter'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`, {
    mode: 0o755,
  })
  const path = `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`
  const env = { ...cleanEnvironment(), PATH: path, HOME: home, [MARK]: folder, ...environment }
  const started: Child[] = []
  const [file = 'env', ...before] = [...enter, 'env']

  async function end(child: Child): Promise<void> {
    try {
      process.kill(-child.pid, 'SIGTERM')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await child.exit()
  }

  return {
    folder,
    home,
    env,
    run(text, extra = {}, { input = '', cwd = folder } = {}) {
      const { status, stdout, stderr } = spawnSync(file, [...before, 'sh', '-ec', text], {
        ...{ cwd, env: { ...env, ...extra }, input, timeout: LIMIT_MS },
        encoding: 'utf8',
      })
      return { status, stdout, stderr }
    },
    async start(text, extra = {}, cwd = folder) {
      const child = await startChild(file, [...before, 'sh', '-ec', text], {
        env: { ...env, ...extra },
        cwd,
        detached: true,
      })
      started.push(child)
      return child
    },
    end,
    async [Symbol.asyncDispose]() {
      for (const child of started) await end(child)
      endMarked(folder)
      temporary[Symbol.dispose]()
    },
  }
}
