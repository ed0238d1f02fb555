import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Held, Hold } from './holds.ts'
import type { ActionRecord } from './record.ts'
import { revivedEntry } from './repository.ts'

/** A pause of every agent of a large host fits many times; beyond it the disk is not ours to fill. */
const MOST_BYTES = 16 * 1024 * 1024

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

export function createSpool(dataDir: string): Spool {
  const path = join(dataDir, 'control.spool')
  let empty = false
  return {
    append(line) {
      empty = false
      try {
        const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants
        const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
        try {
          if (fstatSync(fd).size > MOST_BYTES) return false
          const text = Buffer.from(`${JSON.stringify(line, asJson)}\n`)
          if (writeSync(fd, text) < text.length) return false
          fsyncSync(fd)
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
          text = readFileSync(fd, 'utf8')
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
      try {
        unlinkSync(path)
      } catch {
        // Not there, or it stays and is replayed: rows have keys, so that does no harm.
      }
      empty = true
    },
  }
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
