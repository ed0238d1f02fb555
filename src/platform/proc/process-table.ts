import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { uptime as systemUptime } from 'node:os'
import { decodeComm } from './comm.ts'
import { readKernelFacts } from './kernel-facts.ts'
import type { ProcessChanges, ProcessEntry, ProcessKey, ProcessTable } from './process.ts'
import { createStatLine, parseStat } from './stat.ts'
import { createStatusLines, parseStatus } from './status.ts'

/** A process younger than this is read at every pass: most programs call exec right after fork. */
const YOUNG_SECONDS = 10
/** Every other process is looked at once in this time, for a recycled number and for a late exec. */
const ROUND_MS = 10_000
/** However late a pass comes, it looks at no more than this many old processes (about 15 µs each). */
const MOST_CHECKS_PER_PASS = 1_000

const BUFFER_BYTES = 8 * 1024
const ZOMBIE = 0x5a
const ZERO = 0x30
const NINE = 0x39

export interface ProcessTableOptions {
  readonly root?: string
  readonly clockTicks?: number
  readonly monotonic?: () => number
  /** Seconds since boot, on the clock of the start times. */
  readonly uptime?: () => number
}

interface Row {
  entry: ProcessEntry
  /** Number of the last pass whose listing held this pid. */
  seenIn: number
}

/**
 * Keeps the list of all processes: one listing of `/proc` per pass, and a `stat` only for what is new, young, or
 * next in the round. A process that cannot be read (it just ended, or hidepid hides it) is not in the table.
 */
export function createProcessTable(options: ProcessTableOptions = {}): ProcessTable {
  const root = options.root ?? '/proc'
  const clockTicks = options.clockTicks ?? readKernelFacts(root).clockTicks
  const monotonic = options.monotonic ?? (() => performance.now())
  const uptime = options.uptime ?? systemUptime
  const rows = new Map<number, Row>()
  const young = new Set<number>()
  let round: number[] = []
  let pass = 0
  let lastPassAt: number | undefined
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  const stat = createStatLine()
  const status = createStatusLines()

  function readFile(pid: number, file: 'stat' | 'status'): number {
    try {
      const descriptor = openSync(`${root}/${pid}/${file}`, 'r')
      try {
        return readSync(descriptor, buffer, 0, BUFFER_BYTES, 0)
      } finally {
        closeSync(descriptor)
      }
    } catch {
      return 0
    }
  }

  /** The real uid; `/proc/<pid>` itself is owned by the effective one, which setuid programs change. */
  function readUid(pid: number): number | undefined {
    const length = readFile(pid, 'status')
    if (length === 0) return undefined
    parseStatus(buffer, length, status)
    return status.uid
  }

  /** The entry as it is now, `previous` itself when nothing changed, `undefined` when it cannot be read. */
  function readEntry(pid: number, previous: ProcessEntry | undefined): ProcessEntry | undefined {
    const length = readFile(pid, 'stat')
    if (length === 0 || !parseStat(buffer, length, stat)) return undefined
    const comm = decodeComm(buffer, stat.commStart, stat.commEnd)
    const startTime = stat.startTime!
    const ppid = stat.ppid!
    const pgrp = stat.pgrp!
    const session = stat.session!
    // A leader in this state may have other threads that live on (pthread_exit(3)).
    const ended = stat.state === ZOMBIE && (stat.threads ?? 0) <= 1
    const same = previous !== undefined && previous.startTime === startTime && previous.comm === comm
    if (
      same &&
      previous.ppid === ppid &&
      previous.pgrp === pgrp &&
      previous.session === session &&
      previous.ended === (ended || undefined)
    )
      return previous
    const uid = same ? previous.uid : readUid(pid)
    return { pid, startTime, ppid, pgrp, session, comm, uid, ...(ended ? { ended } : {}) }
  }

  function list(): string[] {
    return readdirSync(root)
  }

  return {
    get: (pid) => rows.get(pid)?.entry,
    groupLives,
    uidNow: readUid,
    *entries() {
      for (const row of rows.values()) yield row.entry
    },
    refresh(): ProcessChanges {
      const appeared: ProcessEntry[] = []
      const renamed: ProcessEntry[] = []
      const vanished: ProcessKey[] = []
      const now = monotonic()
      const oldest = (uptime() - YOUNG_SECONDS) * clockTicks
      pass++

      /** A relay leaves zombies by the hundred, and none of them ever calls exec. */
      const isYoung = (entry: ProcessEntry) => entry.startTime > oldest && entry.ended === undefined

      function add(pid: number): void {
        const entry = readEntry(pid, undefined)
        if (entry === undefined) return
        rows.set(pid, { entry, seenIn: pass })
        if (isYoung(entry)) young.add(pid)
        appeared.push(entry)
      }

      function check(pid: number, row: Row): void {
        const before = row.entry
        const entry = readEntry(pid, before)
        if (entry === before) return
        if (entry === undefined) {
          // Listed a moment ago and gone now, or hidden since: the next listing tells which.
          return
        }
        row.entry = entry
        if (entry.startTime !== before.startTime) {
          vanished.push(before)
          appeared.push(entry)
          if (isYoung(entry)) young.add(pid)
        } else if (entry.comm !== before.comm) {
          renamed.push(entry)
        }
      }

      // By index and forEach: an iterator makes an object or two per process and pass.
      const names = list()
      for (let i = 0; i < names.length; i++) {
        const pid = pidOf(names[i]!)
        if (pid === 0) continue
        const row = rows.get(pid)
        if (row === undefined) add(pid)
        else row.seenIn = pass
      }
      rows.forEach((row, pid) => {
        if (row.seenIn === pass) return
        rows.delete(pid)
        young.delete(pid)
        vanished.push(row.entry)
      })
      const fresh = new Set(appeared)
      for (const pid of young) {
        const row = rows.get(pid)!
        if (!fresh.has(row.entry)) check(pid, row)
        if (!isYoung(row.entry)) young.delete(pid)
      }

      const elapsed = lastPassAt === undefined ? 0 : now - lastPassAt
      lastPassAt = now
      let checks = Math.min(MOST_CHECKS_PER_PASS, Math.ceil((rows.size * elapsed) / ROUND_MS))
      while (checks > 0) {
        if (round.length === 0) {
          if (rows.size === 0) break
          round = [...rows.keys()].reverse()
        }
        const pid = round.pop()!
        const row = rows.get(pid)
        checks--
        if (row !== undefined && !young.has(pid) && !fresh.has(row.entry)) check(pid, row)
      }
      return { appeared, renamed, vanished }
    },
  }
}

/** Signal 0 only asks (kill(2)); a group of another user answers EPERM. */
function groupLives(pgrp: number): boolean {
  if (pgrp <= 1) return false
  try {
    process.kill(-pgrp, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The number a directory of `/proc` is named after, 0 for every other name. */
function pidOf(name: string): number {
  let pid = 0
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code < ZERO || code > NINE) return 0
    pid = pid * 10 + (code - ZERO)
  }
  return pid
}
