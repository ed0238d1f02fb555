import { statfs } from 'node:fs/promises'
import { type Clock, systemClock } from '../clock.ts'
import { cleanText } from '../text.ts'
import type { Mount } from './mounts.ts'
import type { FilesystemSpace } from './sample.ts'

/** A local file system answers in microseconds. */
const TIMEOUT_MS = 500
/**
 * A hung call keeps one of libuv's four threads, which serve every asynchronous file call of the daemon. With
 * this many hung, no other remote file system is asked until one of them answers.
 */
const MOST_HUNG = 1

interface Answer {
  readonly bsize: number
  readonly blocks: number
  readonly bavail: number
}

export interface FilesystemsOptions {
  readonly timeoutMs?: number
  readonly clock?: Clock
  readonly statfs?: (path: string) => Promise<Answer>
}

export interface Filesystems {
  /** Space of each mount that answers in time; the others are absent from this answer. */
  measure(mounts: readonly Mount[]): Promise<FilesystemSpace[]>
  /** Mount points whose call has not come back. */
  hung(): readonly string[]
}

/** Asks each file system for its space, the remote ones one at a time, so that a dead server costs only itself. */
export function createFilesystems(options: FilesystemsOptions = {}): Filesystems {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const clock = options.clock ?? systemClock
  const ask = options.statfs ?? statfs
  const pending = new Set<string>()

  async function measureOne(mount: Mount): Promise<FilesystemSpace | undefined> {
    if (pending.has(mount.mountpoint) || pending.size >= MOST_HUNG + 1) return undefined
    pending.add(mount.mountpoint)
    const answer = ask(mount.mountpoint)
      .catch(() => undefined)
      .finally(() => pending.delete(mount.mountpoint))
    const found = await withTimeout(answer)
    // Pseudo file systems that slipped through have no blocks at all.
    if (found === undefined || found.blocks === 0) return undefined
    return {
      mountpoint: cleanText(mount.mountpoint),
      sizeBytes: found.blocks * found.bsize,
      availableBytes: found.bavail * found.bsize,
    }
  }

  function withTimeout<T>(answer: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const timer = clock.setTimer(timeoutMs, () => resolve(undefined))
      void answer.then((value) => {
        timer.cancel()
        resolve(value)
      })
    })
  }

  return {
    async measure(mounts) {
      const spaces: FilesystemSpace[] = []
      // Local ones first: they must not wait for a server.
      for (const mount of [...mounts].sort((a, b) => Number(a.remote) - Number(b.remote))) {
        if (mount.remote && pending.size >= MOST_HUNG) continue
        const space = await measureOne(mount)
        if (space !== undefined) spaces.push(space)
      }
      return spaces
    },
    hung: () => [...pending],
  }
}
