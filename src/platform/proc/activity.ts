import type { StatLine } from './stat.ts'

/**
 * What `stat` showed when a process's `status` was last read. As long as it shows the same, the process took no
 * page fault, used no tick of CPU, and neither mapped nor gave back memory: `status` would say the same again,
 * and composing it is the dearest thing we ask of the kernel (half of a full read).
 */
export interface Activity {
  state: number | undefined
  threads: number | undefined
  userTicks: number | undefined
  systemTicks: number | undefined
  minorFaults: number | undefined
  majorFaults: number | undefined
  virtualBytes: number | undefined
  rssPages: number | undefined
}

const RUNNING = 0x52

export function createActivity(): Activity {
  return {
    state: undefined,
    threads: undefined,
    userTicks: undefined,
    systemTicks: undefined,
    minorFaults: undefined,
    majorFaults: undefined,
    virtualBytes: undefined,
    rssPages: undefined,
  }
}

/** Whether the process certainly did nothing since `before`. A line cut short of the last field proves nothing. */
export function isIdleSince(before: Activity, stat: StatLine): boolean {
  return (
    stat.rssPages !== undefined &&
    stat.state !== RUNNING &&
    before.state === stat.state &&
    before.userTicks === stat.userTicks &&
    before.systemTicks === stat.systemTicks &&
    before.minorFaults === stat.minorFaults &&
    before.majorFaults === stat.majorFaults &&
    before.rssPages === stat.rssPages &&
    before.virtualBytes === stat.virtualBytes &&
    before.threads === stat.threads
  )
}

export function rememberActivity(stat: StatLine, into: Activity): void {
  into.state = stat.state
  into.threads = stat.threads
  into.userTicks = stat.userTicks
  into.systemTicks = stat.systemTicks
  into.minorFaults = stat.minorFaults
  into.majorFaults = stat.majorFaults
  into.virtualBytes = stat.virtualBytes
  into.rssPages = stat.rssPages
}
