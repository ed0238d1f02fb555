import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createReserveFile } from '../platform/store/reserve-file.ts'
import type { Held, Hold } from './holds.ts'
import type { ActionRecord } from './record.ts'
import { revivedEntry } from './repository.ts'

/** A pause of every agent of a large host fits many times; beyond it the disk is not ours to fill. */
const MOST_BYTES = 16 * 1024 * 1024
const RESERVE_BYTES = 256 * 1024

export interface SpoolLine {
  readonly record?: ActionRecord
  readonly held?: Held
}

/** Where the journal goes while its database does not take it in time: lines of JSON, synced one by one. */
export interface Spool {
  /** False when the file does not take it either: then it is only in memory. */
  append(line: SpoolLine): boolean
  /** What an earlier run or an outage left, oldest first. A torn last line is left out. */
  read(): readonly SpoolLine[]
  /** Everything in it is in the database now. */
  clear(): void
}

/**
 * @param dataDir also holds a reserve: a file that becomes the spool file when there is none, so that the lines of a
 * hundred pauses fit on a disk that is full to the last byte.
 */
export function createSpool(dataDir: string): Spool {
  const path = join(dataDir, 'control.spool')
  const reservePath = join(dataDir, 'control.reserve')
  const reserve = createReserveFile(reservePath, RESERVE_BYTES)
  let empty = false
  /** Where the next line begins; what comes after it is room. */
  let end: number | undefined
  return {
    append(line) {
      empty = false
      try {
        if (!existsSync(path)) {
          end = undefined
          if (existsSync(reservePath)) renameSync(reservePath, path)
        }
        const { O_CREAT, O_RDWR, O_NOFOLLOW } = constants
        const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        try {
          end ??= contentOf(fd).length
          if (end > MOST_BYTES) return false
          // A line that was torn must not take the next one with it.
          const text = Buffer.from(`\n${JSON.stringify(line, asJson)}\n`)
          if (writeSync(fd, text, 0, text.length, end) < text.length) return false
          fsyncSync(fd)
          end += text.length
          return true
        } finally {
          closeSync(fd)
        }
      } catch {
        return false
      }
    },
    read() {
      let text: string
      try {
        const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
        try {
          text = contentOf(fd).toString()
        } finally {
          closeSync(fd)
        }
      } catch {
        return []
      }
      const lines: SpoolLine[] = []
      for (const line of text.split('\n')) {
        const parsed = line === '' ? undefined : lineOf(line)
        if (parsed !== undefined) lines.push(parsed)
      }
      return lines
    },
    clear() {
      if (empty) return
      end = undefined
      try {
        unlinkSync(path)
      } catch {
        // Not there, or it stays and is replayed: rows have keys, so that does no harm.
      }
      // Tried again at the next action while there is no room for it.
      empty = reserve.ensure()
    },
  }
}

/** Without the room behind it. */
function contentOf(fd: number): Buffer {
  const bytes = readFileSync(fd)
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  return bytes.subarray(0, length)
}

function asJson(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value.values()] : value
}

function lineOf(text: string): SpoolLine | undefined {
  try {
    const line = JSON.parse(text) as {
      record?: ActionRecord
      held?: Omit<Held, 'holds'> & { readonly holds: readonly Hold[] }
    }
    const { record, held } = line
    return {
      ...(record === undefined ? {} : { record: { ...record, entry: revivedEntry(record.entry) } }),
      ...(held === undefined
        ? {}
        : { held: { ...held, holds: new Map(held.holds.map((hold) => [hold.cause, hold])) } }),
    }
  } catch {
    return undefined
  }
}
