import type { ProcessKey } from '../platform/proc/process.ts'
import type { StateReader } from './task-state.ts'

export type Signal = 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'

/**
 * `gone`: nobody bears the number, or another process does. `denied`: of another user. `refused`: it is one that
 * is never signalled. `halted`: it may not go on.
 */
export type Sent = 'sent' | 'gone' | 'denied' | 'refused' | 'halted'

/** The only place of this room that sends signals. */
export interface Signals {
  /** Checks the start time in the turn in which it sends. */
  toProcess(key: ProcessKey, signal: Signal, mayGoOn: () => boolean): Sent
  /**
   * To a group that a snapshot has just found to be the tree's alone. Its number cannot be given to another group
   * while a process of it lives (pid allocation, setpgid(2)), so there is no start time to check.
   */
  toGroup(pgrp: number, signal: Signal, mayGoOn: () => boolean): Sent
  /** Whether the process is init, we ourselves, or one of our ancestors. */
  isProtected(pid: number): boolean
}

/** `kill(2)`; throws with a code as `process.kill` does. */
export type Kill = (pid: number, signal: Signal) => void

export interface SignalsOptions {
  readonly states: Pick<StateReader, 'whoIs'>
  readonly ownPid: number
  readonly kill: Kill
}

/** A list of parents that changes while it is read could show a ring. */
const MOST_ANCESTORS = 256

export function createSignals({ states, ownPid, kill }: SignalsOptions): Signals {
  /** Read each time: we may have been given to another parent. */
  function isAncestor(pid: number): boolean {
    let at: number | undefined = ownPid
    for (let depth = 0; at !== undefined && at > 1 && depth < MOST_ANCESTORS; depth++) {
      if (at === pid) return true
      at = states.whoIs(at)?.ppid
    }
    return false
  }

  /** 0 and negative numbers mean groups and everybody (kill(2)), 1 is init; threads of the kernel ignore signals. */
  const isProtected = (pid: number) => !Number.isSafeInteger(pid) || pid < 2 || isAncestor(pid)

  function send(pid: number, signal: Signal): Sent {
    try {
      kill(pid, signal)
      return 'sent'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'denied' : 'gone'
    }
  }

  return {
    isProtected,
    toProcess({ pid, startTime }, signal, mayGoOn) {
      if (isProtected(pid)) return 'refused'
      if (!mayGoOn()) return 'halted'
      return states.whoIs(pid)?.startTime === startTime ? send(pid, signal) : 'gone'
    },
    toGroup(pgrp, signal, mayGoOn) {
      if (isProtected(pgrp) || states.whoIs(ownPid)?.pgrp === pgrp) return 'refused'
      return mayGoOn() ? send(-pgrp, signal) : 'halted'
    },
  }
}
