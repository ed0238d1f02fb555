import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './child.ts'
import { cleanEnvironment } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

/** What an agent of the test does; see agent-shapes.js. */
export type Shape = 'idle' | 'cpu' | 'resident' | 'threads' | 'tree' | 'wrapper' | 'spent' | 'passing'

/** How many processes of each shape announce themselves before it counts as started. */
const ANNOUNCED: Readonly<Record<Shape, number>> = {
  idle: 1,
  cpu: 1,
  resident: 1,
  threads: 1,
  tree: 7,
  wrapper: 2,
  spent: 1,
  passing: 4,
}

/** A running agent-like process tree, started by `node <folder>/claude`. */
export interface AgentProcess extends AsyncDisposable {
  /** The process a daemon should identify as the agent. */
  readonly pid: number
  /** Every process of the tree by role (root, link3…link0, forker, orphan). `forker` ends by itself after 3 s, unless it stays. */
  readonly pids: Readonly<Record<string, number>>
  /** SIGKILL to each process by its pid, then waits until none is left. */
  stop(): Promise<void>
}

interface AgentOptions {
  /** AGENT_EXPORTER_AGENT: the agent's id instead of one derived from the process. */
  readonly id?: string
  readonly role?: string
  /** Who would end by itself does not: the test ends it once it has seen what it must. */
  readonly stays?: true
}

/** Starts an agent of the shape and waits until it is in its final state. */
export async function startAgent(shape: Shape, options: AgentOptions = {}): Promise<AgentProcess> {
  const folder = temporaryFolder()
  const script = join(folder.path, 'claude')
  const pidFile = join(folder.path, 'pids')
  copyFileSync(join(import.meta.dirname, 'agent-shapes.js'), script)
  const child = spawn(process.execPath, [script, shape, pidFile], {
    stdio: 'ignore',
    cwd: folder.path,
    env: {
      ...cleanEnvironment(),
      UV_THREADPOOL_SIZE: shape === 'threads' ? '20' : '4',
      ...(options.id && { AGENT_EXPORTER_AGENT: options.id }),
      ...(options.role && { AGENT_EXPORTER_ROLE: options.role }),
      ...(options.stays && { SHAPE_STAYS: '1' }),
    },
  })
  const reaped = new Promise((resolve) => child.once('exit', resolve))
  let pids: Record<string, number> = {}
  const read = () => {
    const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n') : []
    return Object.fromEntries(
      lines.filter(Boolean).map((line) => [line.split(' ')[1], Number(line.split(' ')[0])]),
    )
  }
  const stop = async () => {
    pids = { ...pids, ...read(), ...(child.pid !== undefined && { root: child.pid }) }
    const living = () => Object.values(pids).filter((pid) => belongsTo(pid, script))
    await eventually('every process of the agent is gone', () => {
      for (const pid of living()) kill(pid)
      return living().length === 0 || undefined
    })
    await reaped
    folder[Symbol.dispose]()
  }
  try {
    await eventually(`an agent of shape ${shape} is up`, () => {
      pids = read()
      return Object.keys(pids).length >= ANNOUNCED[shape] || undefined
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: pids['root'] as number, pids, stop, [Symbol.asyncDispose]: stop }
}

/** Still the process we started: a recycled pid has another command line, and one that has ended has none. */
function belongsTo(pid: number, script: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(script)
  } catch {
    return false
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
