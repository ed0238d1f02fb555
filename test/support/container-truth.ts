import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyed, numeric } from './cgroups.ts'

/** What the files of a container's control group say, found and read with no code under test. `undefined` = no such file. */
export interface ContainerTruth {
  readonly workingSetBytes: number
  readonly anonBytes: number
  readonly swapBytes: number | undefined
  readonly limitBytes: number | undefined
  readonly peakBytes: number | undefined
  readonly userSeconds: number
  readonly systemSeconds: number
  readonly cpuLimitCores: number | undefined
  readonly periods: number | undefined
  readonly throttledPeriods: number | undefined
  readonly tasks: number
  readonly pidsLimit: number | undefined
  readonly processes: number
  readonly oomKills: number | undefined
  readonly ioReadBytes: number | undefined
  readonly ioWriteBytes: number | undefined
  readonly waitingSeconds: number | undefined
  readonly stalledSeconds: number | undefined
  readonly frozen: boolean
  /** All interfaces but the loopback in the namespace of the main process. */
  readonly receivedBytes: number
  readonly sentBytes: number
}

const ROOT = '/sys/fs/cgroup'
const isV2 = existsSync(`${ROOT}/cgroup.controllers`)
/** v1 writes "no limit" as the largest number of pages. */
const UNLIMITED_V1 = 2 ** 62
const TICKS = 100

/** Where each file of the group of `pid` is; remembered by who asks, since a dead process names no group. */
function groupOf(pid: number): (controller: string, name: string) => string | undefined {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')
  const paths = new Map<string, string>()
  for (const line of lines) {
    const [, controllers = '', ...path] = line.split(':')
    for (const controller of controllers.split(',')) paths.set(controller, path.join(':'))
  }
  return (controller, name) => {
    const path = paths.get(isV2 ? '' : controller)
    if (path === undefined) return undefined
    const file = join(ROOT, isV2 ? '' : controller === '' ? 'unified' : controller, path, name)
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined
  }
}

export function containerTruth(pid: number): ContainerTruth {
  const file = groupOf(pid)
  return { ...(isV2 ? truthOfV2(file) : truthOfV1(file)), ...networkOf(pid) }
}

type Files = ReturnType<typeof groupOf>
type GroupTruth = Omit<ContainerTruth, 'receivedBytes' | 'sentBytes'>

function truthOfV1(file: Files): GroupTruth {
  const memory = (key: string) => keyed(file('memory', 'memory.stat'), key)!
  const cpu = (key: string) => keyed(file('cpu', 'cpu.stat'), key)
  const quota = numeric(file('cpu', 'cpu.cfs_quota_us'))
  const limit = memory('hierarchical_memory_limit')
  const io = file('blkio', 'blkio.throttle.io_service_bytes_recursive')
  return {
    workingSetBytes: numeric(file('memory', 'memory.usage_in_bytes'))! - memory('total_inactive_file'),
    anonBytes: memory('total_rss'),
    swapBytes: memory('total_swap'),
    limitBytes: limit > UNLIMITED_V1 ? undefined : limit,
    peakBytes: numeric(file('memory', 'memory.max_usage_in_bytes')),
    userSeconds: keyed(file('cpuacct', 'cpuacct.stat'), 'user')! / TICKS,
    systemSeconds: keyed(file('cpuacct', 'cpuacct.stat'), 'system')! / TICKS,
    cpuLimitCores:
      quota === undefined || quota < 0 ? undefined : quota / numeric(file('cpu', 'cpu.cfs_period_us'))!,
    periods: cpu('nr_periods'),
    throttledPeriods: cpu('nr_throttled'),
    tasks: numeric(file('pids', 'pids.current'))!,
    pidsLimit: numeric(file('pids', 'pids.max')),
    processes: lines(file('memory', 'cgroup.procs')).length,
    oomKills: keyed(file('memory', 'memory.oom_control'), 'oom_kill'),
    ioReadBytes: io === undefined ? undefined : summed(io, / Read (\d+)/g),
    ioWriteBytes: io === undefined ? undefined : summed(io, / Write (\d+)/g),
    // Only a group of its own says something of the container: the top of the v2 tree is the whole host.
    ...pressureOf(file('', 'cgroup.type') === undefined ? undefined : file('', 'memory.pressure')),
    frozen: file('freezer', 'freezer.state')?.trim() === 'FROZEN',
  }
}

function truthOfV2(file: Files): GroupTruth {
  const memory = (key: string) => keyed(file('', 'memory.stat'), key)!
  const cpu = (key: string) => keyed(file('', 'cpu.stat'), key)
  const [quota, period] = (file('', 'cpu.max') ?? 'max 100000').split(' ').map(Number)
  const io = file('', 'io.stat')
  return {
    workingSetBytes: numeric(file('', 'memory.current'))! - memory('inactive_file'),
    anonBytes: memory('anon'),
    swapBytes: numeric(file('', 'memory.swap.current')),
    limitBytes: numeric(file('', 'memory.max')),
    peakBytes: numeric(file('', 'memory.peak')),
    userSeconds: cpu('user_usec')! / 1e6,
    systemSeconds: cpu('system_usec')! / 1e6,
    cpuLimitCores: Number.isNaN(quota) ? undefined : quota! / period!,
    periods: cpu('nr_periods'),
    throttledPeriods: cpu('nr_throttled'),
    tasks: numeric(file('', 'pids.current'))!,
    pidsLimit: numeric(file('', 'pids.max')),
    processes: lines(file('', 'cgroup.procs')).length,
    oomKills: keyed(file('', 'memory.events'), 'oom_kill'),
    ioReadBytes: io === undefined ? undefined : summed(io, /rbytes=(\d+)/g),
    ioWriteBytes: io === undefined ? undefined : summed(io, /wbytes=(\d+)/g),
    ...pressureOf(file('', 'memory.pressure')),
    frozen: keyed(file('', 'cgroup.events'), 'frozen') === 1,
  }
}

function pressureOf(text: string | undefined): Pick<ContainerTruth, 'waitingSeconds' | 'stalledSeconds'> {
  const total = (kind: string) => {
    const found = new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text ?? '')
    return found === null ? undefined : Number(found[1]) / 1e6
  }
  return { waitingSeconds: total('some'), stalledSeconds: total('full') }
}

function networkOf(pid: number): Pick<ContainerTruth, 'receivedBytes' | 'sentBytes'> {
  const interfaces = lines(readFileSync(`/proc/${pid}/net/dev`, 'utf8'))
    .filter((line) => line.includes(':') && !line.trim().startsWith('lo:'))
    .map((line) =>
      line
        .slice(line.indexOf(':') + 1)
        .trim()
        .split(/\s+/)
        .map(Number),
    )
  const sum = (column: number) => interfaces.reduce((total, columns) => total + columns[column]!, 0)
  return { receivedBytes: sum(0), sentBytes: sum(8) }
}

function lines(text: string | undefined): readonly string[] {
  return (text ?? '').split('\n').filter((line) => line !== '')
}

function summed(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)
}
