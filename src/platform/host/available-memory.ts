import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'

export interface AvailableMemory {
  /** `MemAvailable` of `/proc/meminfo` now, in bytes; undefined when it cannot be read. Linux 3.14. */
  read(): number | undefined
  close(): void
}

/** The line is the third; the file grows at its end only. */
const ENOUGH_BYTES = 1_024
const LINE = /^MemAvailable: +(\d+) kB$/m
const BYTES_PER_KB = 1_024

/** Asked every second by whoever judges memory, so the file stays open and only its head is read. */
export function createAvailableMemory(procRoot: string): AvailableMemory {
  const buffer = Buffer.alloc(ENOUGH_BYTES)
  let descriptor: number | undefined
  return {
    read() {
      try {
        descriptor ??= openSync(join(procRoot, 'meminfo'), 'r')
        const found = LINE.exec(
          buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, ENOUGH_BYTES, 0)),
        )
        return found === null ? undefined : Number(found[1]) * BYTES_PER_KB
      } catch {
        return undefined
      }
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}
