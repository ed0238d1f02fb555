import { readdirSync, readFileSync } from 'node:fs'

/** One look at every process of a tree, made without any of the code that is being judged. */
export interface TreeLook {
  /** Processes that have not ended. */
  readonly living: readonly number[]
  /** Those of them that may still run code of their own. */
  readonly running: readonly number[]
  /** User and system time of the living, in clock ticks, by pid and start time. */
  readonly ticks: ReadonlyMap<string, number>
}

/** Knows the processes of a tree by a mark in the environment that all of them inherit. */
export interface TreeOracle {
  look(): TreeLook
}

/** SIGSTOP is signal 19: bit 18 of a mask in `/proc/<pid>/status`. */
const STOP_BIT = 1n << 18n

/** @param mark what stands in the environment: `NAME=value`, a value that nobody else has */
export function createTreeOracle(mark: string): TreeOracle {
  /** Whether it bears the mark, by pid and start time: a process that ended has no environment any more. */
  const known = new Map<string, boolean>()

  function isOurs(pid: string, key: string): boolean {
    const before = known.get(key)
    if (before !== undefined) return before
    const text = read(`/proc/${pid}/environ`)
    // In the midst of an exec, or ended: asked again.
    if (text === undefined || text === '') return false
    const ours = text.split('\0').includes(mark)
    known.set(key, ours)
    return ours
  }

  return {
    look() {
      const living: number[] = []
      const running: number[] = []
      const ticks = new Map<string, number>()
      for (const pid of readdirSync('/proc')) {
        if (!/^\d+$/.test(pid)) continue
        const stat = fieldsOf(`/proc/${pid}/stat`)
        if (stat === undefined) continue
        const key = `${pid}:${stat[19]}`
        if (!isOurs(pid, key)) continue
        const tasks = tasksOf(pid)
        if (tasks.every((task) => task === 'ended')) continue
        living.push(Number(pid))
        if (tasks.includes('running')) running.push(Number(pid))
        ticks.set(key, Number(stat[11]) + Number(stat[12]))
      }
      return { living, running, ticks }
    },
  }
}

/** Processes that are in both looks and used CPU time in between, and those that are new. */
export function movedBetween(before: TreeLook, after: TreeLook): readonly string[] {
  return [...after.ticks].filter(([key, ticks]) => before.ticks.get(key) !== ticks).map(([key]) => key)
}

function tasksOf(pid: string): ('running' | 'stopped' | 'ended')[] {
  let names: string[]
  try {
    names = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return names.map((tid) => {
    const state = fieldsOf(`/proc/${pid}/task/${tid}/stat`)?.[0]
    if (state === undefined || state === 'Z' || state === 'X') return 'ended'
    if (state === 'T' || state === 't') return 'stopped'
    return state === 'D' && isStopPending(`/proc/${pid}/task/${tid}/status`) ? 'stopped' : 'running'
  })
}

function isStopPending(path: string): boolean {
  const mask = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(read(path) ?? '')?.[1]
  return mask !== undefined && (BigInt(`0x${mask}`) & STOP_BIT) !== 0n
}

/** Fields of a `stat` file from the state on. */
function fieldsOf(path: string): string[] | undefined {
  return read(path)
    ?.replace(/^.*\) /s, '')
    .split(' ')
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
