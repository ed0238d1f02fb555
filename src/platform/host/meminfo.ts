/** The lines of `/proc/meminfo` this product uses, in bytes. */
export interface MemoryInfo {
  readonly totalBytes: number | undefined
  readonly freeBytes: number | undefined
  /** Estimate of what can be had without swapping (`MemAvailable`, Linux 3.14); not the same as free. */
  readonly availableBytes: number | undefined
  readonly swapTotalBytes: number | undefined
  readonly swapFreeBytes: number | undefined
}

const BYTES_PER_KB = 1024

export function parseMeminfo(text: string): MemoryInfo {
  const bytes = (key: string): number | undefined => {
    const found = new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(text)?.[1]
    return found === undefined ? undefined : Number(found) * BYTES_PER_KB
  }
  return {
    totalBytes: bytes('MemTotal'),
    freeBytes: bytes('MemFree'),
    availableBytes: bytes('MemAvailable'),
    swapTotalBytes: bytes('SwapTotal'),
    swapFreeBytes: bytes('SwapFree'),
  }
}

/** Processes the kernel killed for want of memory since boot (`oom_kill` of `/proc/vmstat`, Linux 4.13). */
export function parseOomKills(vmstat: string): number | undefined {
  const found = /^oom_kill (\d+)$/m.exec(vmstat)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** The one-minute load average of `/proc/loadavg`. */
export function parseLoad1(text: string): number | undefined {
  const found = /^(\d+\.\d+) /.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}
