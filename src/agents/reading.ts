/**
 * The numbers of one agent at its last sample. `undefined` = not read or not applicable, never a stand-in for 0.
 * One object per agent, filled anew at every sample: whoever keeps a number copies it.
 *
 * Gauges are sums over the agent's processes that could be read. Counters are accumulated by the daemon and
 * never fall within an incarnation.
 */
export interface Reading {
  processes: number | undefined
  threads: number | undefined
  openFds: number | undefined
  rssBytes: number | undefined
  rssAnonBytes: number | undefined
  pssBytes: number | undefined
  workingSetBytes: number | undefined
  swapBytes: number | undefined
  /** Memory of the whole control group, page cache included. Containers only. */
  memoryCurrentBytes: number | undefined
  memoryLimitBytes: number | undefined
  memoryHighWatermarkBytes: number | undefined
  cpuLimitCores: number | undefined
  pidsLimit: number | undefined

  cpuUserSeconds: number | undefined
  cpuSystemSeconds: number | undefined
  /** User and system together, from a reader that cannot tell them apart; the other two are absent then. */
  cpuUnsplitSeconds: number | undefined
  cpuPeriods: number | undefined
  cpuThrottledPeriods: number | undefined
  pressureWaitingSeconds: number | undefined
  pressureStalledSeconds: number | undefined
  /** Of the container, over all its lives. */
  oomKills: number | undefined
  /** What the control group of this life itself counted: evidence, and not shown. */
  groupOomKills: number | undefined
  restarts: number | undefined
  voluntarySwitches: number | undefined
  involuntarySwitches: number | undefined
  ioReadBytes: number | undefined
  ioWriteBytes: number | undefined
  networkReceiveBytes: number | undefined
  networkTransmitBytes: number | undefined
}

/** The part that tells how full an agent's memory is. */
export type MemoryReading = Pick<
  Readonly<Reading>,
  | 'rssBytes'
  | 'rssAnonBytes'
  | 'swapBytes'
  | 'workingSetBytes'
  | 'memoryLimitBytes'
  | 'pressureStalledSeconds'
>

/** What falls away at once when an agent ends. */
const GAUGES = [
  'processes',
  'threads',
  'openFds',
  'rssBytes',
  'rssAnonBytes',
  'pssBytes',
  'workingSetBytes',
  'swapBytes',
  'memoryCurrentBytes',
  'memoryLimitBytes',
  'memoryHighWatermarkBytes',
  'cpuLimitCores',
  'pidsLimit',
] as const satisfies readonly (keyof Reading)[]

/** What never falls within an incarnation and stays for the retention after it. */
const COUNTERS = [
  'cpuUserSeconds',
  'cpuSystemSeconds',
  'cpuUnsplitSeconds',
  'cpuPeriods',
  'cpuThrottledPeriods',
  'pressureWaitingSeconds',
  'pressureStalledSeconds',
  'oomKills',
  'restarts',
  'voluntarySwitches',
  'involuntarySwitches',
  'ioReadBytes',
  'ioWriteBytes',
  'networkReceiveBytes',
  'networkTransmitBytes',
] as const satisfies readonly (keyof Reading)[]

export type CounterName = (typeof COUNTERS)[number]
export type Counters = { readonly [Name in CounterName]?: number }

export function emptyReading(): Reading {
  return {
    processes: undefined,
    threads: undefined,
    openFds: undefined,
    rssBytes: undefined,
    rssAnonBytes: undefined,
    pssBytes: undefined,
    workingSetBytes: undefined,
    swapBytes: undefined,
    memoryCurrentBytes: undefined,
    memoryLimitBytes: undefined,
    memoryHighWatermarkBytes: undefined,
    cpuLimitCores: undefined,
    pidsLimit: undefined,
    cpuUserSeconds: undefined,
    cpuSystemSeconds: undefined,
    cpuUnsplitSeconds: undefined,
    cpuPeriods: undefined,
    cpuThrottledPeriods: undefined,
    pressureWaitingSeconds: undefined,
    pressureStalledSeconds: undefined,
    oomKills: undefined,
    groupOomKills: undefined,
    restarts: undefined,
    voluntarySwitches: undefined,
    involuntarySwitches: undefined,
    ioReadBytes: undefined,
    ioWriteBytes: undefined,
    networkReceiveBytes: undefined,
    networkTransmitBytes: undefined,
  }
}

/** Takes the gauges away: the agent has ended, its counters stay. */
export function clearGauges(reading: Reading): void {
  for (const name of GAUGES) reading[name] = undefined
}

/** The counters that were ever read, for the store and for the answer after the end. */
export function countersOf(reading: Reading): Counters {
  const counters: { [Name in CounterName]?: number } = {}
  for (const name of COUNTERS) {
    const value = reading[name]
    if (value !== undefined) counters[name] = value
  }
  return counters
}
