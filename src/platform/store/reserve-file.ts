import { closeSync, fsyncSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs'

/** Disk space kept in hand for the durable lane: given up when the disk is full, taken back when there is room. */
export interface ReserveFile {
  /** Makes it whole. False when there is no room; nothing half-written stays. */
  ensure(): boolean
  /** Gives the space up. False when there was none left to give. */
  release(): boolean
}

const BLOCK = Buffer.alloc(64 * 1024)

export function createReserveFile(path: string, bytes: number): ReserveFile {
  function release(): boolean {
    try {
      unlinkSync(path)
      return true
    } catch {
      return false
    }
  }
  return {
    release,
    ensure() {
      try {
        if (statSync(path).size >= bytes) return true
      } catch {
        // Not there yet.
      }
      try {
        const fd = openSync(path, 'w', 0o600)
        try {
          // Written, not truncated to size: a sparse file reserves nothing.
          for (let done = 0; done < bytes; )
            done += writeSync(fd, BLOCK, 0, Math.min(BLOCK.length, bytes - done))
          fsyncSync(fd)
        } finally {
          closeSync(fd)
        }
        return true
      } catch {
        release()
        return false
      }
    },
  }
}
