import {
  BAD_LEVELS,
  type Basis,
  type LevelThresholds,
  type MemoryConfig,
  type MemorySample,
} from './model.ts'

/** One number beside the limit it is compared with, on the same basis. */
export interface Gauge {
  readonly basis: Basis
  readonly bytes: number
  /** Undefined: only absolute thresholds hold. */
  readonly limitBytes: number | undefined
  readonly thresholds: LevelThresholds
}

/**
 * What an agent without a limit of its own may still take of what the host has left: it is not the only one that
 * grows. At a ratio of 0.95 an agent of 8 GiB is told when less than 0.9 GiB are left, one of 100 MB at 11 MB.
 */
const HOST_SHARE = 0.5

type Judged = Pick<MemoryConfig, 'thresholds' | 'limitRatios'>

/**
 * Everything in the sample that can be compared: the heap with the limit of the runtime, the working set with the
 * control group's, and what cannot be reclaimed with what the host has left. The absolute thresholds hold where no
 * limit is known. Empty when nothing was read.
 */
export function gaugesOf(sample: MemorySample, config: Judged): readonly Gauge[] {
  const { heapUsedBytes, heapLimitBytes, workingSetBytes, limitBytes } = sample
  const gauges: Gauge[] = []
  if (heapUsedBytes !== undefined && heapLimitBytes !== undefined) {
    gauges.push(limited('heap', heapUsedBytes, heapLimitBytes, config))
  }
  const own = ownBytes(sample)
  if (limitBytes !== undefined) {
    if (workingSetBytes !== undefined) {
      gauges.push(limited('working_set', workingSetBytes, limitBytes, config))
    } else if (own !== undefined) gauges.push(limited(own.basis, own.bytes, limitBytes, config))
  }
  const onHost = own ?? (workingSetBytes === undefined ? undefined : working(workingSetBytes))
  if (onHost !== undefined) {
    const host = hostGauge(onHost, sample, config, gauges.length > 0 ? 'limited' : 'unlimited')
    if (host !== undefined) gauges.push(host)
  }
  return gauges
}

/** The gauge that is nearest to its end; undefined without any. */
export function tightest(gauges: readonly Gauge[]): Gauge | undefined {
  let found: Gauge | undefined
  for (const gauge of gauges) {
    if (found === undefined || nearness(gauge) > nearness(found)) found = gauge
  }
  return found
}

/**
 * Bytes left until the first of the limits; undefined when there is none. Before a heap is full its runtime collects
 * once more, so what the last collection left is what counts there.
 */
export function roomOf(gauges: readonly Gauge[], { heapAfterGcBytes }: MemorySample): number | undefined {
  let room: number | undefined
  for (const { basis, bytes, limitBytes } of gauges) {
    if (limitBytes === undefined) continue
    const used = basis === 'heap' ? (heapAfterGcBytes ?? bytes) : bytes
    room = Math.min(room ?? Number.POSITIVE_INFINITY, Math.max(0, limitBytes - used))
  }
  return room
}

/** What the trend is looked for in. */
export interface Followed {
  readonly basis: Basis
  readonly bytes: number
}

/**
 * The number that grows only if the agent really keeps more: what the last full collection left of the heap, or the
 * heap itself; then what no reclaim gives back, then what is resident. Swapped-out memory counts: swapping does not
 * end a leak. From outside a collector that lets garbage lie for minutes hides a leak as long.
 */
export function followedOf(sample: MemorySample): Followed | undefined {
  const { heapUsedBytes, heapAfterGcBytes = heapUsedBytes, workingSetBytes } = sample
  if (heapAfterGcBytes !== undefined) return { basis: 'heap', bytes: heapAfterGcBytes }
  return ownBytes(sample) ?? (workingSetBytes === undefined ? undefined : working(workingSetBytes))
}

/** Highest level whose threshold is reached by `share` of it; 0 = healthy, 3 = oom_imminent. */
export function severityOf({ bytes, thresholds }: Gauge, share: number): number {
  let severity = 0
  for (let i = 0; i < BAD_LEVELS.length; i++) {
    if (bytes >= thresholds[BAD_LEVELS[i]!] * share) severity = i + 1
  }
  return severity
}

function ownBytes({ anonBytes, rssBytes, swapBytes = 0 }: MemorySample): Followed | undefined {
  if (anonBytes !== undefined) return { basis: 'anon', bytes: anonBytes + swapBytes }
  return rssBytes === undefined ? undefined : { basis: 'rss', bytes: rssBytes + swapBytes }
}

const working = (bytes: number): Followed => ({ basis: 'working_set', bytes })

/** @param absolute what no threshold is above, whatever the limit */
function limited(
  basis: Basis,
  bytes: number,
  limitBytes: number,
  { limitRatios }: Judged,
  absolute: Judged['thresholds'] = UNBOUNDED,
): Gauge {
  const thresholds = {
    warning: Math.min(limitRatios.warning * limitBytes, absolute.warningBytes),
    critical: Math.min(limitRatios.critical * limitBytes, absolute.criticalBytes),
    oom_imminent: Math.min(limitRatios.oomImminent * limitBytes, absolute.oomImminentBytes),
  }
  return { basis, bytes, limitBytes, thresholds }
}

const UNBOUNDED = {
  warningBytes: Number.POSITIVE_INFINITY,
  criticalBytes: Number.POSITIVE_INFINITY,
  oomImminentBytes: Number.POSITIVE_INFINITY,
}

function hostGauge(
  { basis, bytes }: Followed,
  { hostAvailableBytes }: MemorySample,
  config: Judged,
  kind: 'limited' | 'unlimited',
): Gauge | undefined {
  if (hostAvailableBytes !== undefined) {
    const absolute = kind === 'limited' ? UNBOUNDED : config.thresholds
    return limited(basis, bytes, bytes + HOST_SHARE * hostAvailableBytes, config, absolute)
  }
  if (kind === 'limited') return undefined
  const { warningBytes, criticalBytes, oomImminentBytes } = config.thresholds
  const thresholds = { warning: warningBytes, critical: criticalBytes, oom_imminent: oomImminentBytes }
  return { basis, bytes, limitBytes: undefined, thresholds }
}

/** How far through its thresholds a gauge is. */
function nearness({ bytes, thresholds }: Gauge): number {
  return bytes / thresholds.critical
}
