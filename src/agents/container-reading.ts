import type { CgroupSample } from '../platform/cgroup/sample.ts'
import type { ContainerInfo } from '../platform/docker/container.ts'
import type { NetworkSample } from '../platform/docker/network.ts'
import type { CounterName, MemoryReading, Reading } from './reading.ts'

/** A group's counters live as long as the container; a failed read keeps the last, a smaller number is no news. */
function keep(reading: Reading, name: CounterName | 'groupOomKills', value: number | undefined): void {
  const last = reading[name]
  if (value !== undefined && (last === undefined || value > last)) reading[name] = value
}

/** The tighter of what the files say (also of groups above) and what the engine was asked for. */
function tighter(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}

/**
 * Fills the reading of a container. Resident memory of a group is its anonymous memory, as cAdvisor and the
 * kubelet take it; the pids controller counts tasks, that is threads (cgroup-v2.rst, PID).
 */
export function fillFromCgroup(reading: Reading, sample: CgroupSample, container: ContainerInfo): void {
  reading.threads = sample.pids
  reading.rssBytes = sample.memoryAnonBytes
  reading.rssAnonBytes = sample.memoryAnonBytes
  reading.workingSetBytes = sample.memoryWorkingSetBytes
  reading.swapBytes = sample.memorySwapBytes
  reading.memoryCurrentBytes = sample.memoryCurrentBytes
  reading.memoryHighWatermarkBytes = sample.memoryPeakBytes
  reading.memoryLimitBytes = tighter(sample.memoryLimitBytes, container.memoryLimitBytes)
  reading.cpuLimitCores = tighter(sample.cpuLimitCores, container.cpuLimitCores)
  reading.pidsLimit = tighter(sample.pidsLimit, container.pidsLimit)
  keep(reading, 'cpuUserSeconds', sample.cpuUserSeconds)
  keep(reading, 'cpuSystemSeconds', sample.cpuSystemSeconds)
  keep(reading, 'cpuPeriods', sample.cpuPeriods)
  keep(reading, 'cpuThrottledPeriods', sample.cpuThrottledPeriods)
  keep(reading, 'pressureWaitingSeconds', sample.pressureWaitingSeconds)
  keep(reading, 'pressureStalledSeconds', sample.pressureStalledSeconds)
  keep(reading, 'groupOomKills', sample.oomKills)
  keep(reading, 'ioReadBytes', sample.ioReadBytes)
  keep(reading, 'ioWriteBytes', sample.ioWriteBytes)
}

/** The memory alone, beside the reading: nothing of it is changed. */
export function memoryOfCgroup(sample: CgroupSample, container: ContainerInfo): MemoryReading {
  return {
    rssBytes: sample.memoryAnonBytes,
    rssAnonBytes: sample.memoryAnonBytes,
    workingSetBytes: sample.memoryWorkingSetBytes,
    swapBytes: sample.memorySwapBytes,
    memoryLimitBytes: tighter(sample.memoryLimitBytes, container.memoryLimitBytes),
    pressureStalledSeconds: undefined,
  }
}

export function fillNetwork(reading: Reading, network: NetworkSample | undefined): void {
  keep(reading, 'networkReceiveBytes', network?.receiveBytes)
  keep(reading, 'networkTransmitBytes', network?.transmitBytes)
}
