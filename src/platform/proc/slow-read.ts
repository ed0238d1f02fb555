import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'
import { cleanText } from '../text.ts'
import { reduceArgv } from './argv.ts'
import { scanEnvironment } from './environ.ts'
import { ascii, lineEnd, numberAfterKey, startsWith } from './key-lines.ts'
import type { ProcessIdentity, ProcessKey } from './process.ts'
import { createStatLine, parseStat } from './stat.ts'

const CHUNK_BYTES = 128 * 1024
/** Enough of any command line to find a script behind an interpreter's options. */
const COMMAND_LINE_BYTES = 128 * 1024
/** The kernel lets arguments and environment together take 6 MiB (3/4 of the 8 MiB `_STK_LIM`, `fs/exec.c`). */
const ENVIRONMENT_BYTES = 8 * 1024 * 1024
const LONGEST_PATH = 4096
const BYTES_PER_KB = 1024

export type SlowQuestion = 'identity' | 'pss'
export type SlowAnswer = ProcessIdentity | number | 'gone' | 'unreadable'

const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
const stat = createStatLine()
const PSS = ascii('Pss')

interface Failure {
  readonly code?: string
}

/** Calls `take` with each piece; `limit` bytes at most. Throws what the kernel answers. */
function readPieces(path: string, limit: number, take: (piece: Buffer) => void): void {
  const descriptor = openSync(path, 'r')
  try {
    for (let at = 0; at < limit; ) {
      const length = readSync(descriptor, buffer, 0, Math.min(CHUNK_BYTES, limit - at), null)
      if (length === 0) return
      take(buffer.subarray(0, length))
      at += length
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Is it still the process of this key? Only `stat` decides. */
function isAlive(root: string, key: ProcessKey): boolean {
  try {
    const descriptor = openSync(`${root}/${key.pid}/stat`, 'r')
    try {
      const length = readSync(descriptor, buffer, 0, CHUNK_BYTES, 0)
      return parseStat(buffer, length, stat) && stat.startTime === key.startTime
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return false
  }
}

function readArgv(directory: string): string[] | undefined {
  const pieces: Buffer[] = []
  try {
    readPieces(`${directory}/cmdline`, COMMAND_LINE_BYTES, (piece) => pieces.push(Buffer.from(piece)))
  } catch {
    return undefined
  }
  const text = Buffer.concat(pieces).toString('utf8')
  return reduceArgv((text.endsWith('\0') ? text.slice(0, -1) : text).split('\0'))
}

function readEnvironment(directory: string): Record<string, string> {
  const scan = scanEnvironment()
  try {
    readPieces(`${directory}/environ`, ENVIRONMENT_BYTES, scan.add)
  } catch {
    // No permission (another user, not dumpable): an environment we may not see names no agent.
  }
  return scan.result()
}

function readCwd(directory: string): string | undefined {
  try {
    return cleanText(readlinkSync(`${directory}/cwd`), LONGEST_PATH)
  } catch {
    return undefined
  }
}

/**
 * Reads what identifies a process. Blocks as long as the kernel does: for the worker of the slow lane only.
 * The start time is read before and after, so the answer belongs to that incarnation or is `gone`.
 */
export function readIdentity(root: string, key: ProcessKey): ProcessIdentity | 'gone' | 'unreadable' {
  if (!isAlive(root, key)) return 'gone'
  const directory = `${root}/${key.pid}`
  const argv = readArgv(directory)
  const environment = readEnvironment(directory)
  const cwd = readCwd(directory)
  if (!isAlive(root, key)) return 'gone'
  return argv === undefined ? 'unreadable' : { argv, environment, cwd }
}

/** Reads the proportional set size in bytes from `smaps_rollup` (18 ms for 4 GiB, under the target's mmap lock). */
export function readPss(root: string, key: ProcessKey): number | 'gone' | 'unreadable' {
  if (!isAlive(root, key)) return 'gone'
  let pss: number | undefined
  try {
    readPieces(`${root}/${key.pid}/smaps_rollup`, CHUNK_BYTES, (piece) => {
      pss ??= findPss(piece)
    })
  } catch (error) {
    // ESRCH here also means "has no memory any more": only stat tells whether it is gone.
    return (error as Failure).code === 'ESRCH' && !isAlive(root, key) ? 'gone' : 'unreadable'
  }
  if (!isAlive(root, key)) return 'gone'
  return pss ?? 'unreadable'
}

function findPss(bytes: Buffer): number | undefined {
  for (let at = 0; at < bytes.length; ) {
    const end = lineEnd(bytes, at, bytes.length)
    if (end === bytes.length) return undefined
    // `Pss:` and not `Pss_Anon:`: the colon decides.
    if (startsWith(bytes, at, end, PSS)) {
      const kilobytes = numberAfterKey(bytes, at, PSS.length, bytes.length)
      if (kilobytes !== undefined) return kilobytes * BYTES_PER_KB
    }
    at = end + 1
  }
  return undefined
}
