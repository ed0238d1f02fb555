import { execFile } from 'node:child_process'
import { cleanText } from '../text.ts'
import type { ProcessChanges, ProcessEntry, ProcessKey, ProcessTable } from './process.ts'

/** Listing spawns a program: not at every tick. */
const INTERVAL_MS = 5_000
const TIMEOUT_MS = 5_000
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024
/** `lstart` may be rounded either way between two calls. */
const SAME_START_HUNDREDTHS = 200
const HUNDREDTHS_PER_MS = 0.1

/** One process as a listing shows it; `startTime` in hundredths of a second since the epoch. */
export type ListProcesses = () => Promise<readonly ProcessEntry[]>

export interface PortableTableOptions {
  readonly list?: ListProcesses
  readonly intervalMs?: number
  readonly monotonic?: () => number
}

/**
 * The process table where there is no `/proc`: a listing every few seconds, made by another program so that the
 * loop only parses text. A listing that fails changes nothing.
 */
export function createPortableTable(options: PortableTableOptions = {}): ProcessTable {
  const list = options.list ?? (process.platform === 'win32' ? listByLibrary : listByPs)
  const intervalMs = options.intervalMs ?? INTERVAL_MS
  const monotonic = options.monotonic ?? (() => performance.now())
  let entries = new Map<number, ProcessEntry>()
  let nextAt = 0

  return {
    get: (pid) => entries.get(pid),
    entries: () => entries.values(),
    async refresh(): Promise<ProcessChanges> {
      const changes = {
        appeared: [] as ProcessEntry[],
        renamed: [] as ProcessEntry[],
        vanished: [] as ProcessKey[],
      }
      if (monotonic() < nextAt) return changes
      nextAt = monotonic() + intervalMs
      const listed = await list().catch(() => undefined)
      if (listed === undefined) return changes
      const before = entries
      const now = new Map<number, ProcessEntry>()
      for (const found of listed) {
        const known = before.get(found.pid)
        if (known === undefined || !sameStart(known, found)) {
          now.set(found.pid, found)
          changes.appeared.push(found)
          continue
        }
        const entry = { ...found, startTime: known.startTime }
        now.set(found.pid, entry)
        if (entry.comm !== known.comm) changes.renamed.push(entry)
      }
      for (const known of before.values()) {
        const found = now.get(known.pid)
        if (found === undefined || found.startTime !== known.startTime) changes.vanished.push(known)
      }
      entries = now
      return changes
    },
  }
}

function sameStart(a: ProcessKey, b: ProcessKey): boolean {
  return Math.abs(a.startTime - b.startTime) <= SAME_START_HUNDREDTHS
}

/** `ps` of POSIX systems; the C locale fixes the form of `lstart`. */
export function listByPs(): Promise<ProcessEntry[]> {
  const columns = 'pid=,ppid=,pgid=,sess=,uid=,lstart=,comm='
  return new Promise((resolve, reject) => {
    execFile(
      'ps',
      ['-A', '-o', columns],
      { timeout: TIMEOUT_MS, maxBuffer: MOST_OUTPUT_BYTES, env: { ...process.env, LC_ALL: 'C' } },
      (error, output) => (error === null ? resolve(parsePs(output)) : reject(error)),
    )
  })
}

const ROW = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.+)$/

/** Parses the rows of `ps -A -o pid=,ppid=,pgid=,sess=,uid=,lstart=,comm=`; a row of another form is left out. */
export function parsePs(output: string): ProcessEntry[] {
  const entries: ProcessEntry[] = []
  for (const line of output.split('\n')) {
    const found = ROW.exec(line)
    const startedAt = Date.parse(found?.[6] ?? '')
    if (found === null || Number.isNaN(startedAt)) continue
    const [, pid, ppid, pgrp, session, uid, , command] = found
    entries.push({
      pid: Number(pid),
      ppid: Number(ppid),
      pgrp: Number(pgrp),
      // macOS prints a session's address or 0: no number of a session.
      session: /^\d+$/.test(session!) ? Number(session) : 0,
      uid: Number(uid),
      startTime: Math.round(startedAt * HUNDREDTHS_PER_MS),
      comm: baseName(command!),
    })
  }
  return entries
}

/** Windows has no `ps`: systeminformation asks PowerShell. */
async function listByLibrary(): Promise<ProcessEntry[]> {
  const { processes } = await import('systeminformation')
  const { list } = await processes()
  return list.map((found) => ({
    pid: found.pid,
    ppid: found.parentPid,
    pgrp: 0,
    session: 0,
    uid: undefined,
    startTime: Math.round(Date.parse(found.started) * HUNDREDTHS_PER_MS) || 0,
    comm: baseName(found.name),
  }))
}

function baseName(command: string): string {
  return cleanText(command.trim().replace(/^.*[/\\]/, ''), 64)
}
