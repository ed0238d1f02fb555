import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Subject } from './crash-clients.ts'
import { cleanEnvironment } from './daemon.ts'

/** A process by number and start time, as the kernel tells it now. */
export interface Life {
  readonly pid: number
  readonly startTime: string
}

/** A small tree that is cheap to start: a shell in a group of its own with two children. */
export interface SmallTree extends Subject {
  readonly root: Life
  readonly child: ChildProcess
  /** Ends whoever is left of it. */
  end(): void
}

interface Stat {
  readonly state: string
  readonly ppid: number
  readonly group: number
  readonly startTime: string
}

function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, ppid: Number(fields[1]), group: Number(fields[2]), startTime: fields[19]! }
  } catch {
    return undefined
  }
}

/** A shell with two children, one of them in a session of its own. */
export function startSmallTree(): Promise<SmallTree> {
  const child = spawn('sh', ['-c', 'sleep 7200 & setsid sleep 7200 & wait'], {
    ...{ stdio: 'ignore', detached: true, env: cleanEnvironment() },
  })
  return treeBelow(child, 3)
}

/** Waits until so many processes are there, and knows them for good. */
export async function treeBelow(child: ChildProcess, size: number): Promise<SmallTree> {
  await new Promise((resolve, reject) => child.once('spawn', () => resolve(undefined)).once('error', reject))
  const pid = child.pid!
  const root = { pid, startTime: statOf(pid)!.startTime }
  const seen = new Map<number, string>([[pid, root.startTime]])
  for (let tries = 0; seen.size < size && tries < 500; tries++) {
    for (const name of readdirSync('/proc')) {
      const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
      if (stat !== undefined && seen.has(stat.ppid)) seen.set(Number(name), stat.startTime)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const living = () =>
    [...seen].flatMap(([number, startTime]) => {
      const stat = statOf(number)
      if (stat === undefined || stat.startTime !== startTime || stat.state === 'Z' || stat.state === 'X')
        return []
      return [{ life: { pid: number, startTime }, state: stat.state }]
    })
  return {
    root,
    child,
    life: `${root.pid}:${root.startTime}`,
    living,
    end() {
      for (const { life } of living()) {
        try {
          process.kill(life.pid, 'SIGKILL')
        } catch {
          // It has just ended.
        }
      }
    },
  }
}
