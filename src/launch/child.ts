import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Ended } from './outcome.ts'
import { findProgram } from './program.ts'

export interface ChildOptions {
  readonly command: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly cwd: string
  /** `boot id:pid namespace`, when the child is to know its own incarnation. */
  readonly space: string | undefined
  /** `shared`: our process group, as a terminal needs it. `own`: a session of its own. */
  readonly session: 'shared' | 'own'
  /** File to write its number to before it begins: a control group of its own. */
  readonly door: string | undefined
  /** `closed`: the command does not begin before `begin()`. */
  readonly gate: 'open' | 'closed'
}

/** The command while it runs. Its pid is that of the bootstrap, which becomes the command. */
export interface RunningChild {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Lets a gated command begin. */
  begin(): void
  /** Sends a signal to the child alone; nothing when it has ended. */
  signal(signal: NodeJS.Signals): void
  /** Sends a signal to the child's process group, as a terminal would; only in a session of its own. */
  signalGroup(signal: NodeJS.Signals): void
}

const SHELL = '/bin/sh'
const SHELL_NAME = 'agent-exporter'
const ENV = '/usr/bin/env'
/** Names that a shell hands on; it drops all others, such as the functions that bash exports. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
const GATE = 3

/**
 * Learns its own start time (field 22; its name is `(sh)`, so the fields are words), says who it is and becomes
 * the command. Pid and start time outlive exec(2), nothing but builtins runs before, and nobody else can set the
 * variable: a parent does not know the start time of a child that it has not started yet.
 * Arguments: space, gate, door, the command.
 */
const BOOTSTRAP = `_ae_is() { export AGENT_EXPORTER_INCARNATION="$_ae_space:$1:\${22}"; }
_ae_space=$1 _ae_gate=$2 _ae_door=$3
shift 3
if [ -n "$_ae_door" ]; then { echo $$ >"$_ae_door"; } 2>/dev/null; fi
if [ "$_ae_gate" = closed ]; then read -r _ae_word <&${GATE} || exit 125; exec ${GATE}<&-; fi
if [ -n "$_ae_space" ] && read -r _ae_stat </proc/self/stat; then _ae_is $_ae_stat; fi
exec "$@"`

/** Starts the command. @throws the system's error when not even a shell can be started. */
export async function startChild(options: ChildOptions): Promise<RunningChild> {
  const { cwd, session, gate } = options
  const [file, args, environment] = existsSync(SHELL) ? bootstrapped(options) : plain(options)
  const child: ChildProcess = spawn(file, args, {
    cwd,
    env: environment,
    detached: session === 'own',
    stdio: ['inherit', 'inherit', 'inherit', ...(gate === 'closed' ? (['pipe'] as const) : [])],
  })
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  await once(child, 'spawn')
  const pid = child.pid as number
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  return {
    pid,
    ended,
    begin() {
      const door = child.stdio[GATE] as Writable | null | undefined
      // The child may have been killed in the meantime.
      door?.on('error', () => {})
      door?.end('\n')
    },
    signal(signal) {
      if (isRunning()) child.kill(signal)
    },
    signalGroup(signal) {
      if (!isRunning()) return
      try {
        process.kill(-pid, signal)
      } catch {
        child.kill(signal)
      }
    },
  }
}

type Start = readonly [file: string, args: string[], environment: NodeJS.ProcessEnv]

function bootstrapped({ command, environment, cwd, space, gate, door }: ChildOptions): Start {
  const kept: NodeJS.ProcessEnv = {}
  const others: string[] = []
  for (const [name, value] of Object.entries(environment)) {
    if (VARIABLE.test(name)) kept[name] = value
    else others.push(`${name}=${value}`)
  }
  const words = spelled(command, environment, cwd)
  const through = others.length > 0 && !words[0]!.includes('=') && existsSync(ENV) ? [ENV, ...others] : []
  return [SHELL, ['-c', BOOTSTRAP, SHELL_NAME, space ?? '', gate, door ?? '', ...through, ...words], kept]
}

function plain({ command, environment }: ChildOptions): Start {
  return [command[0]!, command.slice(1), environment]
}

/** The command as it was typed, so that it sees its own name; a shell would take a leading dash for an option. */
function spelled(command: readonly string[], environment: NodeJS.ProcessEnv, cwd: string): readonly string[] {
  const [name, ...rest] = command
  if (!name!.startsWith('-')) return command
  const search = findProgram(name!, environment['PATH'], cwd)
  return search.found ? [search.path, ...rest] : command
}
