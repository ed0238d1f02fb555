import { counter, gauge } from '../exposition/family.ts'
import type { SnapshotBuilder } from '../exposition/snapshot.ts'
import type { Collector } from '../feature.ts'
import { createHostReader, type HostReader } from './host-reader.ts'
import type { HostSample, Pressure } from './sample.ts'
import type { StaticFacts } from './static-facts.ts'

const memoryTotal = gauge('agent_host_memory_total_bytes', {
  unit: 'bytes',
  help: 'Memory of the host (/proc/meminfo MemTotal).',
})
const memoryAvailable = gauge('agent_host_memory_available_bytes', {
  unit: 'bytes',
  help: 'Memory that can be had without swapping (/proc/meminfo MemAvailable).',
})
const swapTotal = gauge('agent_host_swap_total_bytes', {
  unit: 'bytes',
  help: 'Swap space of the host (/proc/meminfo SwapTotal).',
})
const swapFree = gauge('agent_host_swap_free_bytes', {
  unit: 'bytes',
  help: 'Swap space that is not in use (/proc/meminfo SwapFree).',
})
const filesystemSize = gauge('agent_host_filesystem_size_bytes', {
  unit: 'bytes',
  labels: ['mountpoint'],
  help: 'Size of a real file system (statfs).',
})
const filesystemAvailable = gauge('agent_host_filesystem_available_bytes', {
  unit: 'bytes',
  labels: ['mountpoint'],
  help: 'Space an ordinary user may still write (statfs).',
})
const load1 = gauge('agent_host_load1', { help: 'Load average of one minute (/proc/loadavg).' })
const cpuCores = gauge('agent_host_cpu_cores', {
  unit: 'cores',
  help: 'Online processors of the host (/proc/stat).',
})
const oomKills = counter('agent_host_oom_kills_total', {
  help: 'Processes the kernel killed for want of memory since boot (/proc/vmstat oom_kill).',
})
const networkReceive = counter('agent_host_network_receive_bytes_total', {
  unit: 'bytes',
  labels: ['device'],
  help: 'Bytes received by a real network device (/proc/net/dev).',
})
const networkTransmit = counter('agent_host_network_transmit_bytes_total', {
  unit: 'bytes',
  labels: ['device'],
  help: 'Bytes sent by a real network device (/proc/net/dev).',
})
const pressure = (name: string, help: string) =>
  counter(`agent_host_pressure_${name}_seconds_total`, { unit: 'seconds', help })
const cpuWaiting = pressure(
  'cpu_waiting',
  'Time at least one task waited for the CPU (/proc/pressure/cpu some).',
)
const memoryWaiting = pressure(
  'memory_waiting',
  'Time at least one task waited for memory (/proc/pressure/memory some).',
)
const memoryStalled = pressure(
  'memory_stalled',
  'Time all runnable tasks waited for memory (/proc/pressure/memory full).',
)
const ioWaiting = pressure(
  'io_waiting',
  'Time at least one task waited for storage (/proc/pressure/io some).',
)
const ioStalled = pressure(
  'io_stalled',
  'Time all runnable tasks waited for storage (/proc/pressure/io full).',
)

const info = gauge('agent_host_info', {
  labels: ['distribution', 'kernel', 'architecture', 'cpu_model'],
  help: 'Always 1; the labels say what the host is. Read once at the start (systeminformation), absent until then.',
})

const hostFamilies = [
  info,
  memoryTotal,
  memoryAvailable,
  swapTotal,
  swapFree,
  filesystemSize,
  filesystemAvailable,
  load1,
  cpuCores,
  oomKills,
  networkReceive,
  networkTransmit,
  cpuWaiting,
  memoryWaiting,
  memoryStalled,
  ioWaiting,
  ioStalled,
] as const

export interface HostCollectorOptions {
  readonly reader?: HostReader
  /** What the host is, once that is known. */
  readonly facts?: () => StaticFacts | undefined
}

export interface HostCollector extends Collector {
  /** What the last refresh read; undefined before the first. */
  latest(): HostSample | undefined
}

/** Host facts for the scrape: read in `refresh`, printed in `collect`. */
export function createHostCollector(options: HostCollectorOptions = {}): HostCollector {
  const reader = options.reader ?? createHostReader()
  let sample: HostSample | undefined
  return {
    name: 'host',
    families: hostFamilies,
    latest: () => sample,
    async refresh() {
      // A refresh that fails or comes too late must not leave old numbers behind as if they were new.
      sample = undefined
      sample = await reader.read()
      if (sample.memoryTotalBytes === undefined && sample.load1 === undefined)
        throw new Error('neither memory nor load of the host can be read')
    },
    collect(out) {
      if (sample !== undefined) write(sample, out)
      const facts = options.facts?.()
      if (facts === undefined) return
      const { distribution, kernel, architecture, cpuModel } = facts
      out.set(info, { distribution, kernel, architecture, cpu_model: cpuModel }, 1)
    },
  }
}

function write(sample: HostSample, out: SnapshotBuilder): void {
  out.set(memoryTotal, {}, sample.memoryTotalBytes)
  out.set(memoryAvailable, {}, sample.memoryAvailableBytes)
  out.set(swapTotal, {}, sample.swapTotalBytes)
  out.set(swapFree, {}, sample.swapFreeBytes)
  out.set(load1, {}, sample.load1)
  out.set(cpuCores, {}, sample.cpuCores)
  out.set(oomKills, {}, sample.oomKills)
  const pressures = [
    [sample.cpuPressure, cpuWaiting, undefined],
    [sample.memoryPressure, memoryWaiting, memoryStalled],
    [sample.ioPressure, ioWaiting, ioStalled],
  ] as const satisfies readonly (readonly [Pressure | undefined, unknown, unknown])[]
  for (const [measured, waiting, stalled] of pressures) {
    out.set(waiting, {}, measured?.waitingSeconds)
    if (stalled !== undefined) out.set(stalled, {}, measured?.stalledSeconds)
  }
  for (const { mountpoint, sizeBytes, availableBytes } of sample.filesystems) {
    out.set(filesystemSize, { mountpoint }, sizeBytes)
    out.set(filesystemAvailable, { mountpoint }, availableBytes)
  }
  for (const { device, receiveBytes, transmitBytes } of sample.networkDevices) {
    out.set(networkReceive, { device }, receiveBytes)
    out.set(networkTransmit, { device }, transmitBytes)
  }
}
