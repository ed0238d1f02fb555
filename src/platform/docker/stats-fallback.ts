import { finiteLimit } from '../cgroup/parse.ts'
import { type CgroupSample, clearSample } from '../cgroup/sample.ts'
import { createLimiter } from '../limiter.ts'
import { count, object } from './inspect.ts'
import type { NetworkSample } from './network.ts'

/** Numbers of containers whose control groups are not files here: a remote engine, Docker Desktop. */
export interface StatsFallback {
  /** Asks the engine once. `into` is filled as from files; `gone` when the container does not run. */
  read(id: string, into: CgroupSample): Promise<StatsOutcome>
}

export interface StatsOutcome {
  readonly outcome: 'ok' | 'gone' | 'unreadable'
  readonly network: NetworkSample | undefined
}

export interface StatsFallbackOptions {
  /** One reading of the engine; its deadline is the client's. */
  readonly stats: (id: string) => Promise<unknown>
  readonly readingsAtOnce?: number
}

/**
 * Engine 20.10 answers one reading with the next tick of its collector, a second later, and serves many waiting
 * readings with the same tick: they wait rather than work, but each holds a connection.
 */
const READINGS_AT_ONCE = 32
const NANOSECONDS = 1e9

export function createStatsFallback(options: StatsFallbackOptions): StatsFallback {
  const limit = createLimiter(options.readingsAtOnce ?? READINGS_AT_ONCE)
  return {
    async read(id, into) {
      let raw: unknown
      try {
        raw = await limit(() => options.stats(id))
      } catch (error) {
        clearSample(into)
        const isGone = (error as { kind?: string }).kind === 'not_found'
        return { outcome: isGone ? 'gone' : 'unreadable', network: undefined }
      }
      const isRunning = readStats(raw, into)
      return { outcome: isRunning ? 'ok' : 'gone', network: isRunning ? readNetworks(raw) : undefined }
    },
  }
}

/**
 * Fills a sample from one answer of `GET /containers/{id}/stats`. False when the container does not run: the
 * engine then answers with empty sections. `memory_stats.limit` is not used, it is the host's memory where there
 * is no limit; the limits of `inspect` say what was asked for.
 */
export function readStats(raw: unknown, into: CgroupSample): boolean {
  clearSample(into)
  const json = object(raw)
  const memory = object(json['memory_stats'])
  const details = object(memory['stats'])
  const cpu = object(json['cpu_stats'])
  const usage = object(cpu['cpu_usage'])
  const throttling = object(cpu['throttling_data'])
  const pids = object(json['pids_stats'])
  const current = count(memory['usage'])
  if (current === undefined && count(pids['current']) === undefined) return false

  // v1 counts the descendants in `total_*`; v2 has only hierarchical numbers.
  const inactiveFile = count(details['total_inactive_file']) ?? count(details['inactive_file'])
  into.memoryCurrentBytes = current
  into.memoryWorkingSetBytes =
    current === undefined || inactiveFile === undefined ? undefined : Math.max(0, current - inactiveFile)
  into.memoryAnonBytes = count(details['total_rss']) ?? count(details['anon'])
  into.memorySwapBytes = count(details['total_swap'])
  into.memoryPeakBytes = count(memory['max_usage'])
  into.memoryLimitBytes = finiteLimit(count(details['hierarchical_memory_limit']))
  into.cpuUserSeconds = seconds(usage['usage_in_usermode'])
  into.cpuSystemSeconds = seconds(usage['usage_in_kernelmode'])
  into.cpuPeriods = count(throttling['periods'])
  into.cpuThrottledPeriods = count(throttling['throttled_periods'])
  into.cpuThrottledSeconds = seconds(throttling['throttled_time'])
  into.pids = count(pids['current'])
  into.pidsLimit = finiteLimit(count(pids['limit']))
  const bytes = object(json['blkio_stats'])['io_service_bytes_recursive']
  if (Array.isArray(bytes)) {
    into.ioReadBytes = sumOperation(bytes, 'read')
    into.ioWriteBytes = sumOperation(bytes, 'write')
  }
  return true
}

function readNetworks(raw: unknown): NetworkSample | undefined {
  const networks = Object.values(object(object(raw)['networks'])).map(object)
  if (networks.length === 0) return undefined
  const sum = (key: string) => networks.reduce((total, network) => total + (count(network[key]) ?? 0), 0)
  return { receiveBytes: sum('rx_bytes'), transmitBytes: sum('tx_bytes') }
}

/** v1 engines write `Read`, v2 ones `read`. */
function sumOperation(entries: readonly unknown[], operation: string): number {
  return entries
    .map(object)
    .filter((entry) => String(entry['op']).toLowerCase() === operation)
    .reduce((total, entry) => total + (count(entry['value']) ?? 0), 0)
}

function seconds(value: unknown): number | undefined {
  const nanoseconds = count(value)
  return nanoseconds === undefined ? undefined : nanoseconds / NANOSECONDS
}
