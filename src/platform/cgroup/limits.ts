import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { finiteLimit, numberAt } from './parse.ts'

/** What a group may use. `undefined` = unlimited or not readable. */
export interface Limits {
  readonly memoryBytes: number | undefined
  readonly cpuCores: number | undefined
  readonly pids: number | undefined
}

/** Limits change when a person or an action changes them: reading every ancestor at every tick would be waste. */
export const LIMITS_REFRESH_MS = 10_000

/** Above this many remembered directories those of removed groups are swept out. */
const REMEMBERED = 1_024

/** The tightest limits of a group and its ancestors up to the top of the mounted tree. */
export interface LimitReader {
  tightest(directory: string, top: string): Limits
  forget(directory: string): void
}

type ReadLimits = (directory: string) => Limits

/** `read` gives one directory's own limits; they are shared by all groups below and read again after 10 s. */
export function createLimitReader(clock: Clock, read: ReadLimits): LimitReader {
  const known = new Map<string, { readonly until: number; readonly limits: Limits }>()

  function own(directory: string, now: number): Limits {
    const entry = known.get(directory)
    if (entry !== undefined && entry.until > now) return entry.limits
    const limits = read(directory)
    if (known.size >= REMEMBERED) {
      for (const [path, old] of known) if (old.until <= now) known.delete(path)
    }
    known.set(directory, { until: now + LIMITS_REFRESH_MS, limits })
    return limits
  }

  return {
    tightest(directory, top) {
      const now = clock.monotonic()
      let limits = own(directory, now)
      for (let at = directory; at !== top && at.length > top.length; ) {
        at = dirname(at)
        const above = own(at, now)
        limits = {
          memoryBytes: tighter(limits.memoryBytes, above.memoryBytes),
          cpuCores: tighter(limits.cpuCores, above.cpuCores),
          pids: tighter(limits.pids, above.pids),
        }
      }
      return limits
    },
    forget: (directory) => void known.delete(directory),
  }
}

/** The smaller of two limits, where undefined is no limit. */
export function tighter(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other
  return other === undefined ? one : Math.min(one, other)
}

/** `memory.max`, `cpu.max` (`<quota|max> <period>`) and `pids.max` of one v2 directory. */
export function limitsV2(directory: string): Limits {
  const [quota, period] = words(join(directory, 'cpu.max'))
  return {
    memoryBytes: limitIn(join(directory, 'memory.max')),
    cpuCores: cores(quota, period),
    pids: limitIn(join(directory, 'pids.max')),
  }
}

/** `cpu.cfs_quota_us` ÷ `cpu.cfs_period_us`; a quota of −1 is none. */
export function cpuLimitV1(directory: string): Limits {
  const [quota] = words(join(directory, 'cpu.cfs_quota_us'))
  const [period] = words(join(directory, 'cpu.cfs_period_us'))
  return { memoryBytes: undefined, cpuCores: cores(quota, period), pids: undefined }
}

export function pidsLimitV1(directory: string): Limits {
  return { memoryBytes: undefined, cpuCores: undefined, pids: limitIn(join(directory, 'pids.max')) }
}

function cores(quota: number | undefined, period: number | undefined): number | undefined {
  if (quota === undefined || period === undefined || quota <= 0 || period <= 0) return undefined
  return quota / period
}

function limitIn(path: string): number | undefined {
  return finiteLimit(words(path)[0])
}

function words(path: string): (number | undefined)[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    return []
  }
  const space = bytes.indexOf(0x20)
  const first = numberAt(bytes, bytes.length, 0)
  return space < 0 ? [first] : [first, numberAt(bytes, bytes.length, space + 1)]
}
