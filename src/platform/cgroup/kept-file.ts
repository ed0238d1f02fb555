import { closeSync, openSync, readSync } from 'node:fs'

/** What one read gave: bytes in the shared buffer, or why there are none. */
export const GONE = -1
/** Not there, not readable, or the kernel refuses (`EOPNOTSUPP` of a PSI file with PSI off). */
export const ABSENT = -2

const FIRST_BUFFER_BYTES = 16 * 1024
/** A file that does not end within this is not one of ours. */
const LARGEST_BUFFER_BYTES = 1024 * 1024

/** A file that stays open between reads; `descriptor` is undefined while closed or absent. */
export interface KeptFile {
  readonly path: string
  descriptor: number | undefined
  /** Was tried and is not there; not tried again until `retry`. */
  absent: boolean
}

/** One buffer for all reads: reading is synchronous, so nobody ever sees another file's bytes. */
export interface FileBuffer {
  bytes: Buffer
  opened: number
}

export function fileBuffer(): FileBuffer {
  return { bytes: Buffer.allocUnsafe(FIRST_BUFFER_BYTES), opened: 0 }
}

export function keptFile(path: string): KeptFile {
  return { path, descriptor: undefined, absent: false }
}

/**
 * Reads the whole file through the kept descriptor. A descriptor opened before the group was removed answers
 * ENODEV and can never show the numbers of a new group of the same name.
 *
 * @returns the number of bytes in `buffer.bytes`, `GONE` or `ABSENT`.
 */
export function readKept(file: KeptFile, buffer: FileBuffer): number {
  if (file.absent) return ABSENT
  try {
    if (file.descriptor === undefined) {
      file.descriptor = openSync(file.path, 'r')
      buffer.opened += 1
    }
    let length = readSync(file.descriptor, buffer.bytes, 0, buffer.bytes.length, 0)
    while (length === buffer.bytes.length && length < LARGEST_BUFFER_BYTES) {
      buffer.bytes = Buffer.allocUnsafe(length * 2)
      length = readSync(file.descriptor, buffer.bytes, 0, buffer.bytes.length, 0)
    }
    return length
  } catch (error) {
    closeKept(file, buffer)
    if ((error as NodeJS.ErrnoException).code === 'ENODEV') return GONE
    file.absent = true
    return ABSENT
  }
}

export function closeKept(file: KeptFile, buffer: FileBuffer): void {
  if (file.descriptor === undefined) return
  try {
    closeSync(file.descriptor)
  } catch {
    // Closing a descriptor of a removed group may report the removal; it is closed all the same.
  }
  file.descriptor = undefined
  buffer.opened -= 1
}
