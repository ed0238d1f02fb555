import { readdirSync, readFileSync } from 'node:fs'

/** `USER_HZ`: the unit of CPU times in /proc/<pid>/stat is 1/100 s on every Linux port Node.js runs on (proc_pid_stat(5)). */
const TICKS_PER_SECOND = 100

/** What the kernel says one process has used, read without the exporter's own readers. */
export interface Usage {
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly peakRssBytes: number
  readonly openFds: number
}

export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name may contain anything, so fields are counted from the last parenthesis: utime is the 12th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rssBytes: bytes('VmRSS'),
    peakRssBytes: bytes('VmHWM'),
    openFds: readdirSync(`/proc/${pid}/fd`).length,
  }
}
