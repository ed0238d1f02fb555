import type { ProcessEntry, ProcessKey } from '../platform/proc/process.ts'

/**
 * All processes as they were first seen, and who of them names a number as parent, session leader or group leader:
 * the way from a process to its followers.
 */
export interface Kin {
  add(entry: ProcessEntry): void
  /** `undefined`: this one is not there, whoever bears its number. */
  remove(key: ProcessKey): ProcessEntry | undefined
  get(pid: number): ProcessEntry | undefined
  live(key: ProcessKey): ProcessEntry | undefined
  /** Live processes that named this pid when they were first seen; also processes of other agents or of none. */
  followers(pid: number): Iterable<ProcessEntry>
  /** Whether its parent is gone or is in another session. */
  isOrphan(entry: ProcessEntry): boolean
  size(): { readonly processes: number; readonly links: number }
}

const NOBODY: readonly ProcessEntry[] = []

export function createKin(): Kin {
  const processes = new Map<number, ProcessEntry>()
  const byPid = new Map<number, Set<ProcessEntry>>()

  function link(from: number, to: ProcessEntry): void {
    // 0 and 1 lead everybody; nobody ever belongs to an agent because of them.
    if (from <= 1 || from === to.pid) return
    const followers = byPid.get(from)
    if (followers === undefined) byPid.set(from, new Set([to]))
    else followers.add(to)
  }

  function unlink(from: number, to: ProcessEntry): void {
    const followers = byPid.get(from)
    if (followers?.delete(to) && followers.size === 0) byPid.delete(from)
  }

  function live({ pid, startTime }: ProcessKey): ProcessEntry | undefined {
    const entry = processes.get(pid)
    return entry?.startTime === startTime ? entry : undefined
  }

  return {
    add(entry) {
      processes.set(entry.pid, entry)
      link(entry.ppid, entry)
      link(entry.session, entry)
      link(entry.pgrp, entry)
    },
    remove(key) {
      const entry = live(key)
      if (entry === undefined) return undefined
      processes.delete(entry.pid)
      unlink(entry.ppid, entry)
      unlink(entry.session, entry)
      unlink(entry.pgrp, entry)
      return entry
    },
    get: (pid) => processes.get(pid),
    live,
    followers: (pid) => byPid.get(pid) ?? NOBODY,
    isOrphan: ({ ppid, session }) => ppid <= 1 || processes.get(ppid)?.session !== session,
    size: () => ({ processes: processes.size, links: byPid.size }),
  }
}

/**
 * Nobody is older than its parent or than the leader of its session: who names this number and was there before
 * meant an earlier bearer of it, and follows nobody here.
 */
export function isOlder(follower: ProcessKey, leader: ProcessKey): boolean {
  return follower.startTime < leader.startTime
}
