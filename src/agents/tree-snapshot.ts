import {
  createProcessSample,
  type ProcessKey,
  type ProcessReader,
  type ProcessTable,
} from '../platform/proc/process.ts'
import type { TargetProcess, TreeSnapshot } from '../runtimes/model.ts'
import type { Membership } from './membership.ts'
import { isDead } from './process-reading.ts'
import type { Member, Tree } from './tree.ts'

export interface SnapshotParts {
  readonly membership: Pick<Membership, 'leaders' | 'memberOf'>
  readonly reader: ProcessReader
  readonly table: Pick<ProcessTable, 'entries' | 'get' | 'groupLives'>
}

/**
 * Makes snapshots of trees for those who act on them. Call it after a pass of the table. Every process of the tree
 * is read again, because the table keeps the session and group of old processes for seconds.
 *
 * @returns what to call with a tree and those within it that are stopped and ended with it
 */
export function createSnapshots({
  membership,
  reader,
  table,
}: SnapshotParts): (tree: Tree, inner?: readonly Tree[]) => TreeSnapshot {
  const sample = createProcessSample()

  /** The process as it is now; as first seen where it may not be read; `undefined` when it has ended. */
  function look(member: Member): TargetProcess | undefined {
    const { pid, startTime } = member
    // A relay leaves zombies by the hundred until somebody waits for them.
    if (hasEnded(member)) return undefined
    const outcome = reader.read(member, 'core', sample)
    if (outcome === 'gone' || (outcome === 'ok' && isDead(sample))) return undefined
    const { ppid, pgrp, session } = outcome === 'ok' ? sample : member
    return { pid, startTime, ppid, pgrp, session }
  }

  function hasEnded({ pid, startTime }: ProcessKey): boolean {
    const entry = table.get(pid)
    return entry?.startTime === startTime && entry.ended !== undefined
  }

  /** The group a process outside of the tree is in, read now: nothing is kept open for it. */
  function groupOf(key: ProcessKey & { readonly pgrp: number }): number | undefined {
    const outcome = reader.read(key, 'core', sample)
    const dead = outcome === 'gone' || (outcome === 'ok' && isDead(sample))
    const pgrp = outcome === 'ok' ? sample.pgrp : key.pgrp
    if (membership.memberOf(key.pid) === undefined) reader.forget(key)
    return dead ? undefined : pgrp
  }

  function ownGroups(trees: ReadonlySet<Tree>, processes: readonly TargetProcess[]): number[] {
    const groups = new Set<number>()
    for (const tree of trees)
      for (const pid of membership.leaders(tree)) if (table.groupLives?.(pid)) groups.add(pid)
    if (groups.size === 0) return []
    // A process changes its group only within its session (setpgid(2)): nobody else has to be read again.
    const sessions = new Set(processes.map(({ session }) => session))
    for (const entry of table.entries()) {
      if (!groups.has(entry.pgrp) && !sessions.has(entry.session)) continue
      const member = membership.memberOf(entry.pid)
      if (entry.ended !== undefined || (member?.kind === 'worker' && trees.has(member.tree))) continue
      const group = groupOf(entry)
      if (group !== undefined) groups.delete(group)
    }
    return [...groups]
  }

  return (tree, inner = []) => {
    const trees = new Set([tree, ...inner])
    const processes: TargetProcess[] = []
    const services: number[] = []
    for (const { members } of trees) {
      for (const member of members.values()) {
        if (member.kind === 'service') services.push(member.pid)
        const process = member.kind === 'worker' ? look(member) : undefined
        if (process !== undefined) processes.push(process)
      }
    }
    return { root: tree.root, processes, groups: ownGroups(trees, processes), services }
  }
}
