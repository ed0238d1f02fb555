import { closeSync, openSync, readSync } from 'node:fs'
import { type Activity, createActivity } from './activity.ts'
import { type CommCache, createCommCache } from './comm.ts'
import { createStatusLines, createStatusPlaces, type StatusLines, type StatusPlaces } from './status.ts'

/** At most three per process, 8,000 in all (each costs about 4.5 KB of kernel memory), half of what we may open. */
const MOST_DESCRIPTORS = 8_000
const SHARE_OF_LIMIT = 0.5

/**
 * A kept process is displaced only when it was not read for this long. Without it, sweeping more processes
 * than the budget holds in a circle would evict each one just before its turn and keep none.
 */
const IDLE_AFTER_MS = 30_000

export type HotFile = 'stat' | 'status' | 'io'

/** Results of `read` that are not a length. */
export const GONE = -1
export const DENIED = -2
const FAILED = -3

/** What is kept for one process. `-1` = not open. */
export interface KeptProcess {
  readonly pid: number
  readonly startTime: number
  readonly directory: string
  readonly comm: CommCache
  readonly statusPlaces: StatusPlaces
  /** The last status, when it was read, and what `stat` showed then. */
  readonly statusLines: StatusLines
  readonly activity: Activity
  statusReadAt: number
  stat: number
  status: number
  io: number
  /** Monotonic time before which a file that answered EACCES is not tried again. */
  ioRetryAt: number
  fdsRetryAt: number
  usedAt: number
  /** How many of its files are open; only then it is in the list of candidates to be closed. */
  files: number
  older: KeptProcess | undefined
  newer: KeptProcess | undefined
}

export interface DescriptorCache {
  /** The record of this incarnation, made when it is new; a record of another start time is dropped. */
  enter(pid: number, startTime: number, now: number): KeptProcess
  /** Reads the whole file into `buffer`: its length, or `GONE`, `DENIED`, `FAILED`. */
  read(process: KeptProcess, file: HotFile, buffer: Buffer): number
  forget(pid: number, startTime: number): void
  closeFiles(process: KeptProcess): void
  close(): void
  readonly open: number
  readonly budget: number
}

/** Descriptors we may keep: `min(8000, limit / 2)`, where `limit` is the soft RLIMIT_NOFILE. */
export function descriptorBudget(openFileLimit: number): number {
  return Math.min(MOST_DESCRIPTORS, Math.floor(openFileLimit * SHARE_OF_LIMIT))
}

interface Failure {
  readonly code?: string
}

function outcomeOf(error: unknown): number {
  const code = (error as Failure).code
  if (code === 'ESRCH' || code === 'ENOENT' || code === 'ENOTDIR') return GONE
  if (code === 'EACCES' || code === 'EPERM') return DENIED
  return FAILED
}

function isOutOfDescriptors(error: unknown): boolean {
  const code = (error as Failure).code
  return code === 'EMFILE' || code === 'ENFILE'
}

/**
 * Keeps `/proc/<pid>/…` files open and reads them at position 0. An open file is bound to the process, not to
 * its number: after the end it answers ESRCH, so it can never show the next process with that number.
 */
export function createDescriptorCache(options: { root: string; budget: number }): DescriptorCache {
  const { root, budget } = options
  const processes = new Map<number, KeptProcess>()
  // Processes that keep something open, the least recently used at the head.
  let head: KeptProcess | undefined
  let tail: KeptProcess | undefined
  let open = 0

  function unlink(process: KeptProcess): void {
    if (process.older === undefined) head = process.newer
    else process.older.newer = process.newer
    if (process.newer === undefined) tail = process.older
    else process.newer.older = process.older
    process.older = undefined
    process.newer = undefined
  }

  function append(process: KeptProcess): void {
    process.older = tail
    if (tail === undefined) head = process
    else tail.newer = process
    tail = process
  }

  function shut(process: KeptProcess, file: HotFile): void {
    const descriptor = process[file]
    if (descriptor === -1) return
    process[file] = -1
    open--
    process.files--
    if (process.files === 0) unlink(process)
    closeSync(descriptor)
  }

  function closeFiles(process: KeptProcess): void {
    shut(process, 'stat')
    shut(process, 'status')
    shut(process, 'io')
  }

  function drop(process: KeptProcess): void {
    closeFiles(process)
    processes.delete(process.pid)
  }

  /** Closes the files of the process that was read longest ago, sparing `current`. */
  function closeOldest(current: KeptProcess, idleBefore: number): boolean {
    const candidate = head === current ? current.newer : head
    if (candidate === undefined || candidate.usedAt > idleBefore) return false
    closeFiles(candidate)
    return true
  }

  function openFile(process: KeptProcess, file: HotFile): number {
    const path = `${process.directory}/${file}`
    try {
      return openSync(path, 'r')
    } catch (error) {
      // Others in this process may have used up the limit: give one of ours back and try once more.
      if (!isOutOfDescriptors(error) || !closeOldest(process, Number.POSITIVE_INFINITY)) throw error
      return openSync(path, 'r')
    }
  }

  function read(process: KeptProcess, file: HotFile, buffer: Buffer): number {
    const kept = process[file]
    try {
      if (kept !== -1) return readSync(kept, buffer, 0, buffer.length, 0)
      const descriptor = openFile(process, file)
      let length = FAILED
      try {
        length = readSync(descriptor, buffer, 0, buffer.length, 0)
      } finally {
        const room = open < budget || closeOldest(process, process.usedAt - IDLE_AFTER_MS)
        if (length > 0 && room) {
          process[file] = descriptor
          open++
          if (process.files === 0) append(process)
          process.files++
        } else {
          closeSync(descriptor)
        }
      }
      return length
    } catch (error) {
      const outcome = outcomeOf(error)
      if (outcome !== DENIED) shut(process, file)
      return outcome
    }
  }

  return {
    get open() {
      return open
    },
    budget,
    enter(pid, startTime, now) {
      let process = processes.get(pid)
      if (process !== undefined && process.startTime !== startTime) {
        drop(process)
        process = undefined
      }
      if (process === undefined) {
        process = {
          pid,
          startTime,
          directory: `${root}/${pid}`,
          comm: createCommCache(),
          statusPlaces: createStatusPlaces(),
          statusLines: createStatusLines(),
          activity: createActivity(),
          statusReadAt: Number.NEGATIVE_INFINITY,
          stat: -1,
          status: -1,
          io: -1,
          ioRetryAt: 0,
          fdsRetryAt: 0,
          usedAt: now,
          files: 0,
          older: undefined,
          newer: undefined,
        }
        processes.set(pid, process)
      } else if (process.files > 0 && process !== tail) {
        unlink(process)
        append(process)
      }
      process.usedAt = now
      return process
    },
    read,
    forget(pid, startTime) {
      const process = processes.get(pid)
      if (process !== undefined && process.startTime === startTime) drop(process)
    },
    closeFiles,
    close() {
      for (const process of processes.values()) closeFiles(process)
      processes.clear()
      head = undefined
      tail = undefined
    },
  }
}
