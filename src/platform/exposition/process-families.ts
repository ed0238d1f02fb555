import { counter, gauge, histogram } from './family.ts'

const heapSpace = (part: string, words: string) =>
  gauge(`nodejs_heap_space_size_${part}_bytes`, {
    unit: 'bytes',
    labels: ['space'],
    help: `${words} of each V8 heap space of the exporter (v8.getHeapSpaceStatistics).`,
  })

/**
 * prom-client's default metrics as we export them: of the exporter's own process. What is not listed here is
 * not collected: the `nodejs_active_*_total` gauges (their name says counter) and the active handles and
 * requests, which Node reads from undocumented calls; and the statistics of the loop's delay, whose monitor costs more
 * than all our sampling of an idle host (`agent_exporter_loop_lag_seconds` instead).
 */
export const processFamilies = [
  counter('process_cpu_user_seconds_total', {
    unit: 'seconds',
    help: 'User CPU time of the exporter (process.cpuUsage).',
  }),
  counter('process_cpu_system_seconds_total', {
    unit: 'seconds',
    help: 'System CPU time of the exporter (process.cpuUsage).',
  }),
  counter('process_cpu_seconds_total', {
    unit: 'seconds',
    help: 'User and system CPU time of the exporter (process.cpuUsage).',
  }),
  gauge('process_start_time_seconds', { unit: 'seconds', help: 'Unix time at which the exporter started.' }),
  gauge('process_resident_memory_bytes', {
    unit: 'bytes',
    help: 'Resident memory of the exporter (/proc/self/status VmRSS).',
  }),
  gauge('process_virtual_memory_bytes', {
    unit: 'bytes',
    help: 'Virtual memory of the exporter (/proc/self/status VmSize).',
  }),
  gauge('process_heap_bytes', {
    unit: 'bytes',
    help: 'Data segment of the exporter (/proc/self/status VmData).',
  }),
  gauge('process_open_fds', { help: 'Open file descriptors of the exporter (/proc/self/fd).' }),
  gauge('process_max_fds', { help: 'Limit of open file descriptors of the exporter (/proc/self/limits).' }),
  gauge('nodejs_eventloop_lag_seconds', {
    unit: 'seconds',
    help: 'Time that a setImmediate needed during this scrape.',
  }),
  gauge('nodejs_active_resources', {
    labels: ['kind'],
    help: 'Resources that keep the event loop of the exporter alive (process.getActiveResourcesInfo).',
  }),
  gauge('nodejs_heap_size_total_bytes', {
    unit: 'bytes',
    help: 'V8 heap of the exporter (process.memoryUsage heapTotal).',
  }),
  gauge('nodejs_heap_size_used_bytes', {
    unit: 'bytes',
    help: 'Used V8 heap of the exporter (process.memoryUsage heapUsed).',
  }),
  gauge('nodejs_external_memory_bytes', {
    unit: 'bytes',
    help: 'Memory bound to V8 objects of the exporter (process.memoryUsage external).',
  }),
  heapSpace('total', 'Size'),
  heapSpace('used', 'Used part'),
  heapSpace('available', 'Free part'),
  gauge('nodejs_version_info', {
    labels: ['version', 'major', 'minor', 'patch'],
    help: 'Version of Node.js that runs the exporter (process.version).',
  }),
  histogram('nodejs_gc_duration_seconds', {
    unit: 'seconds',
    labels: ['kind'],
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
    help: 'Garbage collections of the exporter by kind: major, minor, incremental or weakcb (perf_hooks).',
  }),
] as const
