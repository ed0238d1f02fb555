import type { ProcessIdentity } from '../platform/proc/process.ts'
import { type Launcher, launcher } from './launcher.ts'
import { type AgentId, type Incarnation, isAgentId } from './model.ts'

/** What a command line says: which agent program runs, and where its name was found. */
export interface CommandMatch {
  /** The entry of `commands` that matched. */
  readonly vendor: string
  readonly how: 'program' | 'script' | 'module' | 'launched' | 'comm'
}

/** What the environment of a process says about the agent it belongs to. */
export interface Marker {
  readonly id: AgentId
  readonly role: string | undefined
  readonly workspace: string | undefined
  /** The life of the agent that was meant; only `agent-exporter run` and its like can know it. */
  readonly incarnation: Incarnation | undefined
}

/** Packages that are called otherwise than the command they bring (npm and PyPI). */
const PACKAGE_COMMANDS: Readonly<Record<string, string>> = {
  'claude-code': 'claude',
  'gemini-cli': 'gemini',
  'opencode-ai': 'opencode',
  'aider-chat': 'aider',
  'openhands-ai': 'openhands',
}

/** `sudo env nohup npx …`: more than this many launchers in a row is nobody's command line. */
const MAX_LAUNCHERS = 8
const SCRIPT_SUFFIX = /\.(js|mjs|cjs|ts|py|pyz|sh|exe|cmd)$/
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/
/** The kernel cuts a process's name to 15 bytes (TASK_COMM_LEN − 1). */
const COMM_BYTES = 15

/**
 * Says whether a process is one of the known agent programs. Only what is *run* counts: an editor that opens a
 * file called `claude`, `grep claude` and `tail -f claude.log` are not agents.
 *
 * @param argv reduced by the reader to basenames; empty when it could not be read
 * @param comm the kernel's name, which a program may set itself (`process.title`); believed only where the
 *   command line says nothing better
 */
export function matchCommand(
  argv: readonly string[],
  comm: string,
  commands: ReadonlySet<string>,
): CommandMatch | undefined {
  let words = argv
  let how: CommandMatch['how'] = 'program'
  for (let depth = 0; depth < MAX_LAUNCHERS; depth++) {
    const program = words[0]
    if (program === undefined || program === '') return depth === 0 ? matchComm(comm, commands) : undefined
    const vendor = commandOf(program, commands)
    if (vendor !== undefined) return { vendor, how }
    const by = launcher(program.replace(SCRIPT_SUFFIX, ''))
    if (by === undefined) return undefined
    const launched = behind(by, words)
    if (launched === undefined)
      return depth === 0 && by.runs === 'script' ? matchComm(comm, commands) : undefined
    const first = commandOf(launched.words[0]!, commands)
    if (first !== undefined) return { vendor: first, how: launched.how }
    // `node cli.js` of a program that calls itself `claude`.
    if (launched.how === 'script' && launcher(launched.words[0]!.replace(SCRIPT_SUFFIX, '')) === undefined) {
      return matchComm(comm, commands)
    }
    how = 'launched'
    words = launched.words
  }
  return undefined
}

function commandOf(word: string, commands: ReadonlySet<string>): string | undefined {
  // A package may carry a version: `claude-code@latest`.
  const name = word.replace(/(?<=.)@[^@]*$/, '').replace(SCRIPT_SUFFIX, '')
  const command = Object.hasOwn(PACKAGE_COMMANDS, name) ? PACKAGE_COMMANDS[name]! : name
  return commands.has(command) ? command : undefined
}

function matchComm(comm: string, commands: ReadonlySet<string>): CommandMatch | undefined {
  for (const command of commands) {
    if (command.slice(0, COMM_BYTES) === comm) return { vendor: command, how: 'comm' }
  }
  return undefined
}

interface Launched {
  readonly words: readonly string[]
  readonly how: 'script' | 'module' | 'launched'
}

/** The command line that this launcher runs, `undefined` when it runs none that can be named. */
function behind(by: Launcher, words: readonly string[]): Launched | undefined {
  let skips = by.skips ?? 0
  let verbSeen = false
  for (let i = 1; i < words.length; i++) {
    const word = words[i]!
    if (by.source?.includes(word)) return only(words[i + 1])
    if (by.module === word)
      return i + 1 < words.length ? { words: words.slice(i + 1), how: 'module' } : undefined
    if (by.valued?.includes(word)) i++
    else if (word.startsWith('-') || word === '') continue
    else if (by.assignments && ASSIGNMENT.test(word)) continue
    else if (by.verbs?.includes(word)) verbSeen = true
    else if (by.needsVerb && !verbSeen) return undefined
    else if (skips > 0) skips--
    else return { words: words.slice(i), how: by.runs === 'script' ? 'script' : 'launched' }
  }
  return undefined
}

/** Source text is code, not a command line: it counts only when it is one word. */
function only(source: string | undefined): Launched | undefined {
  return source === undefined || /\s/.test(source.trim())
    ? undefined
    : { words: [source.trim()], how: 'launched' }
}

/** Reads the `AGENT_EXPORTER_*` variables. An id that is not one names nobody. */
export function readMarker(environment: ProcessIdentity['environment']): Marker | undefined {
  const id = environment['AGENT_EXPORTER_AGENT']
  if (!isAgentId(id)) return undefined
  return {
    id,
    role: environment['AGENT_EXPORTER_ROLE'],
    workspace: environment['AGENT_EXPORTER_WORKSPACE'],
    incarnation: environment['AGENT_EXPORTER_INCARNATION'],
  }
}
