import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './child.ts'
import { cleanEnvironment } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

/**
 * `burning`: children and an orphaned grandchild. `forking`: children that come and go. `mixed`: both. `relay`: a
 * process that forks and exits for ever. `escape`: the same in a session of its own. `hop`: the same in a new session
 * at each step. `session`: an orphan in a session
 * of its own. `leap`: the same, but only once it is told to, and too fast to be followed. `deaf`: ignores SIGTERM.
 * `halfDeaf`: only its child does. `sleeping`: one of it is stopped already. `idle`: one process.
 */
export type HostileKind =
  | 'burning'
  | 'forking'
  | 'mixed'
  | 'relay'
  | 'escape'
  | 'hop'
  | 'session'
  | 'leap'
  | 'deaf'
  | 'halfDeaf'
  | 'sleeping'
  | 'idle'

/** Processes of each kind that are there until it was met, zombies not counted. */
const FEWEST: Readonly<Record<HostileKind, number>> = {
  burning: 6,
  forking: 2,
  mixed: 6,
  relay: 1,
  escape: 2,
  hop: 1,
  session: 3,
  leap: 1,
  deaf: 2,
  halfDeaf: 2,
  sleeping: 2,
  idle: 1,
}

export interface HostileTree extends AsyncDisposable {
  readonly pid: number
  readonly startTime: number
  /** Grows many times a second while any process of the tree runs. */
  work(): number
  /**
   * Says that whoever follows the tree has met all of it: only now those end whose children become orphans, and the
   * relay in a session of its own begins. Never said, they stay.
   */
  met(): void
  /** Tells a tree of kind `leap` to do it. */
  leap(): void
  /** Processes of the tree that have not ended, by their command line: not what anybody believes of them. */
  living(): number[]
  /** Ends every process of it, in whatever state. */
  end(): Promise<void>
}

const SCRIPT = join(import.meta.dirname, 'hostile-tree.pl')

export interface HostileOptions {
  /** The program it pretends to be. */
  readonly argv0?: string
  /** In a group of its own, as a job of a shell would be; else in ours. */
  readonly detached?: boolean
  /** Variables that every process of it inherits. */
  readonly env?: Readonly<Record<string, string>>
  /** It knows the agent and the life it belongs to, as one started by `agent-exporter run` does. */
  readonly agent?: string
}

/** The shell's own number and start time are those of the program it becomes. Arguments: the program. */
const NAME_ITSELF = `name() { export AGENT_EXPORTER_INCARNATION="$SPACE:$1:\${22}"; }
read -r stat </proc/self/stat
name $stat
exec "$@"`

/** Starts a tree and waits until all of it is there. Needs perl, which every Debian has. */
export async function startTree(kind: HostileKind, options: HostileOptions = {}): Promise<HostileTree> {
  const folder = temporaryFolder()
  const file = join(folder.path, 'work')
  writeFileSync(file, '')
  const { agent } = options
  const command = ['perl', SCRIPT, kind, file]
  const [program = '', ...args] = agent === undefined ? command : ['sh', '-c', NAME_ITSELF, 'sh', ...command]
  const named = agent === undefined ? {} : { AGENT_EXPORTER_AGENT: agent, SPACE: spaceOf() }
  const child = spawn(program, args, {
    stdio: 'ignore',
    detached: options.detached ?? true,
    env: { ...cleanEnvironment(), ...named, ...options.env },
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
  })
  const reaped = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve, reject) => child.once('spawn', () => resolve(undefined)).once('error', reject))
  const living = () => processesOf(file)
  let ended = false
  const end = async () => {
    if (ended) return
    ended = true
    await eventually(
      'every process of the tree is gone',
      () => {
        const pids = living()
        // A relay is only ever caught as a whole: its group may be ended, for it is the tree's alone.
        for (const pid of pids) endProcess(pid)
        return pids.length === 0 || undefined
      },
      30_000,
      5,
    )
    await reaped
    folder[Symbol.dispose]()
  }
  try {
    await eventually(
      `a tree of kind ${kind} is up`,
      () => living().length >= FEWEST[kind] || undefined,
      30_000,
      10,
    )
  } catch (error) {
    await end()
    throw error
  }
  const pid = child.pid!
  const startTime = Number(fieldsOf(pid)?.[19])
  const met = () => writeFileSync(`${file}.met`, '')
  const leap = () => writeFileSync(`${file}.leap`, '')
  const work = () => statSync(file).size
  return { pid, startTime, work, met, leap, living, end, [Symbol.asyncDispose]: end }
}

export interface TerminalJob extends HostileTree {
  /** Its person types `fg`. */
  bringBack(): void
}

/** A job in the foreground of an interactive shell that has a terminal and controls jobs. */
export async function startInTerminal(): Promise<TerminalJob> {
  const folder = temporaryFolder()
  const file = join(folder.path, 'work')
  writeFileSync(file, '')
  const child = spawn('script', ['-qfec', 'bash --norc -i', '/dev/null'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: cleanEnvironment(),
  })
  const reaped = new Promise((resolve) => child.once('exit', resolve))
  const living = () => processesOf(file)
  const end = async () => {
    for (const pid of living()) endProcess(pid)
    // The shell leaves with its terminal.
    child.kill('SIGKILL')
    await reaped
    await eventually('the job is gone', () => living().length === 0 || undefined)
    folder[Symbol.dispose]()
  }
  child.stdin.write(`perl ${SCRIPT} terminal ${file}\n`)
  const pid = await eventually('the job runs', () => (statSync(file).size > 0 ? living()[0] : undefined))
  const startTime = Number(fieldsOf(pid)?.[19])
  const met = () => {}
  const leap = () => {}
  const bringBack = () => void child.stdin.write('fg\n')
  const work = () => statSync(file).size
  return { pid, startTime, work, met, leap, bringBack, living, end, [Symbol.asyncDispose]: end }
}

/** What an incarnation begins with: boot and pid namespace. */
function spaceOf(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  return `${boot}:${statSync('/proc/self/ns/pid').ino}`
}

/** Fields of `/proc/<pid>/stat` from the state on. */
function fieldsOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return undefined
  }
}

function processesOf(file: string): number[] {
  const found: number[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').includes(file)) found.push(Number(name))
    } catch {
      // Ended meanwhile.
    }
  }
  return found
}

/** By group where the group is the tree's own, since a relay is gone before its number is known. */
function endProcess(pid: number): void {
  const group = Number(fieldsOf(pid)?.[2])
  const own = Number(fieldsOf(process.pid)?.[2])
  try {
    if (group > 1 && group !== own) process.kill(-group, 'SIGKILL')
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
