import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import type { ProcessKey } from '../platform/proc/process.ts'
import { createStatLine, parseStat, type StatLine } from '../platform/proc/stat.ts'
import type { TargetProcess } from './model.ts'

/**
 * `stopped`: no task of it can run user code. `dead`: ended, at most its parent has not waited for it.
 * `unknown`: it is there and could not be read; never taken for stopped.
 */
export type Standing = 'running' | 'stopped' | 'dead' | 'unknown'

/** One process as it stands now. */
export interface ProcessState extends ProcessKey {
  readonly standing: Standing
  readonly ppid: number
  readonly pgrp: number
  /** Device number of its terminal, 0 without one. */
  readonly terminal: number
  /** Group in the foreground of that terminal. */
  readonly foregroundGroup: number
  /** User and system time of all its threads in clock ticks. */
  readonly cpuTicks: number
}

/** Reads processes for those who stop them: nothing is kept, and a number without its start time is nobody. */
export interface StateReader {
  /** The process that bears this number now; `undefined`: there is none, or it may not be read. */
  whoIs(pid: number): TargetProcess | undefined
  /** `dead` also when the number belongs to another process by now. */
  read(key: ProcessKey): ProcessState
  /** User the files of the process belong to: its own, or root where it may not be looked into (proc(5)). */
  ownerOf(pid: number): number | undefined
}

const BUFFER_BYTES = 8 * 1024
const SIGSTOP_BIT = 18n

/** Whether `status` shows SIGSTOP among the signals pending for the process (`ShdPnd`, hexadecimal, signal n is bit n-1). */
export function stopIsPending(status: string): boolean {
  const mask = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return mask !== undefined && ((BigInt(`0x${mask}`) >> SIGSTOP_BIT) & 1n) === 1n
}

/**
 * What the letters of all tasks say together. The leader may be a zombie while other threads run, so only all
 * tasks prove anything. `D` counts as stopped when the stop is pending: the task stops before it returns to user
 * code (proc_pid_stat(5), CONTROL 3).
 *
 * @param isStopPending asked only for a task in `D`
 */
export function standingOf(
  states: Iterable<{ readonly tid: number; readonly state: string }>,
  isStopPending: (tid: number) => boolean,
): 'running' | 'stopped' | 'dead' {
  let stopped = 0
  for (const { tid, state } of states) {
    if (state === 'Z' || state === 'X') continue
    if (state !== 'T' && state !== 't' && !(state === 'D' && isStopPending(tid))) return 'running'
    stopped++
  }
  return stopped > 0 ? 'stopped' : 'dead'
}

export function createStateReader(procRoot: string): StateReader {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  const line = createStatLine()

  /** Length of the file, or the code of the error. */
  function readFile(path: string): number | string {
    let descriptor: number | undefined
    try {
      descriptor = openSync(path, 'r')
      return readSync(descriptor, buffer, 0, BUFFER_BYTES, 0)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'EIO'
    } finally {
      if (descriptor !== undefined) closeSync(descriptor)
    }
  }

  /** The parsed line, or whether its process is gone or only not readable. */
  function readStat(path: string): StatLine | 'gone' | 'unreadable' {
    const length = readFile(path)
    if (length === 'ENOENT' || length === 'ESRCH' || length === 0) return 'gone'
    if (typeof length === 'string') return 'unreadable'
    return parseStat(buffer, length, line) ? line : 'unreadable'
  }

  function* tasksOf(pid: number): Generator<{ tid: number; state: string }> {
    for (const name of readdirSync(`${procRoot}/${pid}/task`)) {
      const stat = readStat(`${procRoot}/${pid}/task/${name}/stat`)
      if (stat === 'gone') continue
      yield { tid: Number(name), state: stat === 'unreadable' ? '?' : String.fromCharCode(stat.state!) }
    }
  }

  function isStopPending(pid: number, tid: number): boolean {
    const length = readFile(`${procRoot}/${pid}/task/${tid}/status`)
    return typeof length === 'number' && stopIsPending(buffer.toString('latin1', 0, length))
  }

  function standing(pid: number, leader: string, threads: number): Standing {
    // One look is enough for the usual process that runs: its leader does.
    if (leader !== 'Z' && leader !== 'X' && leader !== 'T' && leader !== 't' && leader !== 'D')
      return 'running'
    if ((leader === 'Z' || leader === 'X') && threads <= 1) return 'dead'
    try {
      return standingOf(tasksOf(pid), (tid) => isStopPending(pid, tid))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return code === 'ENOENT' || code === 'ESRCH' ? 'dead' : 'unknown'
    }
  }

  function stat(pid: number): StatLine | 'gone' | 'unreadable' {
    return readStat(`${procRoot}/${pid}/stat`)
  }

  return {
    whoIs(pid) {
      const found = stat(pid)
      if (typeof found === 'string') return undefined
      const { startTime, ppid, pgrp, session } = found
      return { pid, startTime: startTime!, ppid: ppid!, pgrp: pgrp!, session: session! }
    },
    ownerOf(pid) {
      try {
        return statSync(`${procRoot}/${pid}`).uid
      } catch {
        return undefined
      }
    },
    read({ pid, startTime }) {
      const nothing = { pid, startTime, ppid: 0, pgrp: 0, terminal: 0, foregroundGroup: -1, cpuTicks: 0 }
      const found = stat(pid)
      if (found === 'unreadable') return { ...nothing, standing: 'unknown' }
      if (found === 'gone' || found.startTime !== startTime) return { ...nothing, standing: 'dead' }
      const leader = String.fromCharCode(found.state!)
      const { ppid, pgrp, terminal, foregroundGroup, userTicks, systemTicks, threads } = found
      return {
        pid,
        startTime,
        ppid: ppid!,
        pgrp: pgrp!,
        terminal: terminal!,
        foregroundGroup: foregroundGroup!,
        cpuTicks: userTicks! + systemTicks!,
        standing: standing(pid, leader, threads!),
      }
    },
  }
}
