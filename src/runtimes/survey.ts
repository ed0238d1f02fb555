import type { ProcessKey } from '../platform/proc/process.ts'
import type { Cage } from './freezer.ts'
import type { TreeSnapshot } from './model.ts'
import type { ProcessState, StateReader } from './task-state.ts'

/** Processes by number and start time. */
export interface KeySet {
  add(key: ProcessKey): void
  has(key: ProcessKey): boolean
}

export function createKeySet(keys: readonly ProcessKey[] = []): KeySet {
  const starts = new Map(keys.map(({ pid, startTime }) => [pid, startTime]))
  return {
    add: ({ pid, startTime }) => void starts.set(pid, startTime),
    has: ({ pid, startTime }) => starts.get(pid) === startTime,
  }
}

export const keyOf = ({ pid, startTime }: ProcessKey): ProcessKey => ({ pid, startTime })

/** How the processes of one snapshot stand: one full scan. */
export interface Survey {
  /** Parents before children; the dead are left out. */
  readonly alive: readonly ProcessState[]
  /** What may still run user code. */
  readonly running: readonly ProcessState[]
  /** Groups that hold something running, and groups of which no live process was seen. */
  readonly restless: readonly number[]
  readonly unseen: readonly number[]
}

export function survey(tree: TreeSnapshot, states: Pick<StateReader, 'read'>): Survey {
  const alive = tree.processes.map((key) => states.read(key)).filter(({ standing }) => standing !== 'dead')
  const running = alive.filter(({ standing }) => standing !== 'stopped')
  const runningGroups = new Set(running.map(({ pgrp }) => pgrp))
  const seenGroups = new Set(alive.map(({ pgrp }) => pgrp))
  return {
    alive,
    running,
    restless: tree.groups.filter((pgrp) => runningGroups.has(pgrp)),
    // A relay that forks and exits faster than it can be read is never seen; its group is.
    unseen: tree.groups.filter((pgrp) => !seenGroups.has(pgrp)),
  }
}

/** With those who share the control group of the tree and were never met: it is the tree's alone. */
export function withCaged(
  tree: TreeSnapshot,
  cage: Pick<Cage, 'pids'> | undefined,
  states: Pick<StateReader, 'whoIs'>,
): TreeSnapshot {
  const known = new Set(tree.processes.map(({ pid }) => pid))
  const others = (cage?.pids() ?? []).filter((pid) => !known.has(pid))
  if (others.length === 0) return tree
  return { ...tree, processes: [...tree.processes, ...others.flatMap((pid) => states.whoIs(pid) ?? [])] }
}

/** Children before their parents, whatever order they were remembered in. */
export function childrenFirst<Process extends ProcessKey & { readonly ppid: number }>(
  processes: readonly Process[],
): Process[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]))
  const depthOf = (process: Process): number => {
    let depth = 0
    let at = byPid.get(process.ppid)
    while (at !== undefined && depth <= processes.length) {
      depth++
      at = byPid.get(at.ppid)
    }
    return depth
  }
  const depths = new Map(processes.map((process) => [process, depthOf(process)]))
  return [...processes].sort((a, b) => depths.get(b)! - depths.get(a)!)
}

/** `pid 7, pid 9 and 3 more`, for people. */
export function namePids(keys: readonly ProcessKey[]): string {
  const named = keys.slice(0, MOST_NAMED).map(({ pid }) => `pid ${pid}`)
  const more = keys.length - named.length
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ')
}

const MOST_NAMED = 5
