import type { ProcessEntry } from '../platform/proc/process.ts'

/** Who names a number as parent, session leader or group leader: the way from a process to its followers. */
export interface Kin {
  add(entry: ProcessEntry): void
  remove(entry: ProcessEntry): void
  /** Live processes that named this pid when they were first seen; also processes of other agents or of none. */
  followers(pid: number): Iterable<number>
  size(): number
}

const NOBODY: readonly number[] = []

export function createKin(): Kin {
  const byPid = new Map<number, Set<number>>()

  function link(from: number, to: number): void {
    // 0 and 1 lead everybody; nobody ever belongs to an agent because of them.
    if (from <= 1 || from === to) return
    const followers = byPid.get(from)
    if (followers === undefined) byPid.set(from, new Set([to]))
    else followers.add(to)
  }

  function unlink(from: number, to: number): void {
    const followers = byPid.get(from)
    if (followers?.delete(to) && followers.size === 0) byPid.delete(from)
  }

  return {
    add({ pid, ppid, session, pgrp }) {
      link(ppid, pid)
      link(session, pid)
      link(pgrp, pid)
    },
    remove({ pid, ppid, session, pgrp }) {
      unlink(ppid, pid)
      unlink(session, pid)
      unlink(pgrp, pid)
    },
    followers: (pid) => byPid.get(pid) ?? NOBODY,
    size: () => byPid.size,
  }
}
