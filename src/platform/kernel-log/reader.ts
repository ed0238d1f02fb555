import { closeSync, constants, openSync, readSync } from 'node:fs'
import { createOomParser, type KernelKill, parseKernelRecord } from './oom.ts'

/** A kill with the time at which it was read, by the clock that the reader was given. */
export interface SeenKill extends KernelKill {
  readonly seenAtMs: number
}

/** The kernel's log, as far as it tells of processes killed for want of memory. */
export interface KernelLog {
  /** Takes what was logged since the last time; answers the kills. Never blocks, never throws. */
  drain(): readonly SeenKill[]
  /** Since when nothing was missed, by the same clock; undefined: the log cannot be read. */
  coveredSince(): number | undefined
  close(): void
}

export interface KernelLogOptions {
  readonly path?: string
  readonly now: () => number
}

/** Larger than one record may be (CONSOLE_EXT_LOG_MAX); a smaller buffer is answered EINVAL. */
const BUFFER_BYTES = 8_192
/** Some milliseconds; the rest comes at the next turn. A ring of the usual size holds a few thousand records. */
const MOST_PER_DRAIN = 2_000

/**
 * Reads `/dev/kmsg` without blocking: `O_NONBLOCK` and `read` until EAGAIN; a blocking read would hang the exit of this
 * process. Needs root or CAP_SYSLOG where `kernel.dmesg_restrict` is 1. Opened at the first drain. What was logged before the first drain has
 * ended is older than its wall clock says and therefore left out.
 */
export function createKernelLog({ path = '/dev/kmsg', now }: KernelLogOptions): KernelLog {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  const parse = createOomParser()
  let descriptor: number | undefined
  let state: 'new' | 'open' | 'closed' = 'new'
  let coveredSince: number | undefined
  let isCurrent = false

  function close(): void {
    if (descriptor !== undefined) closeSync(descriptor)
    descriptor = undefined
    state = 'closed'
    coveredSince = undefined
  }

  /** The next record; undefined at the end. */
  function next(from: number): string | 'lost' | undefined {
    try {
      const length = readSync(from, buffer, 0, BUFFER_BYTES, null)
      return length === 0 ? undefined : buffer.toString('utf8', 0, length)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Overwritten before it was read (EPIPE), or longer than any record should be.
      if (code === 'EPIPE' || code === 'EINVAL') return 'lost'
      if (code !== 'EAGAIN') close()
      return undefined
    }
  }

  return {
    drain() {
      if (state === 'new') {
        descriptor = open(path)
        state = 'open'
      }
      const kills: SeenKill[] = []
      for (let count = 0; descriptor !== undefined && count < MOST_PER_DRAIN; count++) {
        const text = next(descriptor)
        if (text === undefined) {
          if (descriptor !== undefined && !isCurrent) {
            isCurrent = true
            coveredSince = now()
          }
          break
        }
        if (text === 'lost') {
          if (isCurrent) coveredSince = now()
          continue
        }
        const record = parseKernelRecord(text)
        const kill = record === undefined ? undefined : parse(record)
        if (kill !== undefined && isCurrent) kills.push({ ...kill, seenAtMs: now() })
      }
      return kills
    },
    coveredSince: () => coveredSince,
    close,
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}
