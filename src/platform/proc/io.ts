import { ascii, lineEnd, numberAfterKey, startsWith } from './key-lines.ts'

/** Bytes that really went to or came from storage (`/proc/<pid>/io`, not the `rchar`/`wchar` of system calls). */
export interface IoLines {
  readBytes: number | undefined
  writeBytes: number | undefined
}

const READ_BYTES = ascii('read_bytes')
const WRITE_BYTES = ascii('write_bytes')

export function createIoLines(): IoLines {
  return { readBytes: undefined, writeBytes: undefined }
}

/** Parses `/proc/<pid>/io` from the first `length` bytes; a line without its newline was cut off and is not used. */
export function parseIo(bytes: Uint8Array, length: number, into: IoLines): void {
  into.readBytes = undefined
  into.writeBytes = undefined
  let at = 0
  while (at < length) {
    const end = lineEnd(bytes, at, length)
    if (end === length) return
    if (startsWith(bytes, at, end, READ_BYTES))
      into.readBytes = numberAfterKey(bytes, at, READ_BYTES.length, length)
    else if (startsWith(bytes, at, end, WRITE_BYTES))
      into.writeBytes = numberAfterKey(bytes, at, WRITE_BYTES.length, length)
    at = end + 1
  }
}
