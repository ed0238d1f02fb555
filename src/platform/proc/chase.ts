import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { scanEnvironment } from './environ.ts'
import type { ProcessKey } from './process.ts'
import { createStatLine, parseStat } from './stat.ts'

/** Whom to look for: what every descendant of a marked process inherits, unless it takes care not to. */
export interface Quarry {
  /** Variables the environment holds, all of them (`AGENT_EXPORTER_…`; others are not read). */
  readonly marks: Readonly<Record<string, string>>
  /** Nobody is older than this start time, in clock ticks. */
  readonly since: number
  /** Whose it is. What another user writes into a variable makes it nobody's process but that user's; root may. */
  readonly uid: number
}

export interface ChaseOptions {
  readonly root: string
  /** How long nothing may turn up before it ends: time in which this thread really looked. */
  readonly quietMs: number
  /** How long at most, whatever turns up. */
  readonly mostMs: number
  /** Called in the turn in which the process was read. True when it is held now. */
  readonly seize: (key: ProcessKey) => boolean
}

/** Forks between two looks at the counter; who is further behind has ended, or will be met by an ordinary pass. */
const MOST_BEHIND = 16
/** While nobody forks: shorter than the life of what is looked for, and no load. */
const NAP_MS = 0.2
/** A longer gap between two looks is time of others: nothing was seen in it. */
const LONGEST_LOOK_MS = 0.5
/** One that ended before it could be read may have been who is looked for: so much of the quiet is not. */
const MISSED_MS = 5
/** A variable further behind in an environment is not looked for here: there is no time. */
const ENVIRONMENT_BYTES = 64 * 1024
const LINE_BYTES = 1024

const buffer = Buffer.allocUnsafeSlow(ENVIRONMENT_BYTES)
const stat = createStatLine()
const nap = new Int32Array(new SharedArrayBuffer(4))

function readInto(
  path: string,
  limit: number,
): { readonly length: number; readonly uid: number } | undefined {
  try {
    const descriptor = openSync(path, 'r')
    try {
      return { length: readSync(descriptor, buffer, 0, limit, 0), uid: fstatSync(descriptor).uid }
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

/** The number given away last in our pid namespace (proc_loadavg(5)). */
function newestPid(root: string): number | undefined {
  const line = readInto(`${root}/loadavg`, LINE_BYTES)
  if (line === undefined) return undefined
  const text = buffer.toString('latin1', 0, line.length)
  const pid = Number(text.slice(text.lastIndexOf(' ') + 1))
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined
}

function look(root: string, pid: number, { marks, since, uid }: Quarry): ProcessKey | 'missed' | undefined {
  const environment = readInto(`${root}/${pid}/environ`, ENVIRONMENT_BYTES)
  if (environment === undefined || environment.length === 0) return 'missed'
  if (environment.uid !== uid && environment.uid !== 0) return undefined
  const scan = scanEnvironment()
  scan.add(buffer.subarray(0, environment.length))
  const found = scan.result()
  if (!Object.entries(marks).every(([name, value]) => found[name] === value)) return undefined
  const line = readInto(`${root}/${pid}/stat`, LINE_BYTES)
  if (line === undefined || !parseStat(buffer, line.length, stat)) return 'missed'
  return stat.startTime !== undefined && stat.startTime >= since
    ? { pid, startTime: stat.startTime }
    : undefined
}

/**
 * Runs after processes that fork and exit faster than any pass over the process table: each is gone before its number
 * is known. The kernel tells the number it gave away last, and who bears it is a fraction of a millisecond old.
 *
 * Blocks its thread, and may hang with a process whose memory is locked: not for the main thread of a daemon.
 *
 * @returns who was seized
 */
export function chase(quarry: Quarry, { root, quietMs, mostMs, seize }: ChaseOptions): ProcessKey[] {
  const caught: ProcessKey[] = []
  let before = newestPid(root)
  let lookedAt = performance.now()
  const end = lookedAt + mostMs
  let quiet = 0
  while (quiet < quietMs && lookedAt < end) {
    const newest = newestPid(root)
    if (newest === undefined || before === undefined) return caught
    // The counter starts again from the bottom at its limit; then only the newest is looked at.
    const oldest = newest >= before ? Math.max(before + 1, newest - MOST_BEHIND) : newest
    for (let pid = newest; pid >= oldest; pid--) {
      const found = look(root, pid, quarry)
      if (found === undefined) continue
      if (found === 'missed') quiet = Math.max(0, quiet - MISSED_MS)
      else if (seize(found)) {
        caught.push(found)
        quiet = 0
      }
    }
    if (newest === before) Atomics.wait(nap, 0, 0, NAP_MS)
    before = newest
    const now = performance.now()
    quiet += Math.min(now - lookedAt, LONGEST_LOOK_MS)
    lookedAt = now
  }
  return caught
}
