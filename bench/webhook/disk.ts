import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

/** A page of the embedded store. */
const BYTES = 4_096

/** Milliseconds that each of some writes with fsync took on the disk of this folder, while nothing else is asked of it. */
export async function fsyncTimes(folder: string, count: number): Promise<readonly number[]> {
  const fd = openSync(join(folder, 'bench.fsync'), 'a')
  const page = Buffer.alloc(BYTES, 'a')
  const times: number[] = []
  try {
    for (let index = 0; index < count; index++) {
      const from = performance.now()
      writeSync(fd, page)
      fsyncSync(fd)
      times.push(performance.now() - from)
      await delay(1)
    }
  } finally {
    closeSync(fd)
  }
  return times
}
