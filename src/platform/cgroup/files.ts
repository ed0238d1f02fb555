import { UNIFIED } from './membership.ts'
import { keysOf, numberAt, picked, pickKeyed, pressureTotal, sumNested } from './parse.ts'
import type { CgroupSample } from './sample.ts'

/** One file of a group and what it says. The order matters: `memory.stat` needs the usage read before it. */
export interface GroupFile {
  readonly controller: string
  readonly name: string
  /** Name on kernels that do not have `name`. */
  readonly otherwise?: string
  /** It says how much memory is used or may be: all that is asked between two samples near a limit. */
  readonly near?: true
  readonly parse: (bytes: Uint8Array, length: number, into: CgroupSample) => void
}

/** USER_HZ: `cpuacct.stat` is in these ticks on every architecture Node runs on. */
const TICKS_PER_SECOND = 100
const MICROSECONDS = 1e6
const NANOSECONDS = 1e9

const values = new Float64Array(8)

function scaled(value: number | undefined, perUnit: number): number | undefined {
  return value === undefined ? undefined : value / perUnit
}

function workingSet(current: number | undefined, inactiveFile: number | undefined): number | undefined {
  if (current === undefined || inactiveFile === undefined) return undefined
  return Math.max(0, current - inactiveFile)
}

const CPU_PERIODS_V1 = keysOf('nr_periods', 'nr_throttled', 'throttled_time')
const CPU_V2 = keysOf('user_usec', 'system_usec', 'nr_periods', 'nr_throttled', 'throttled_usec')
const CPU_MODES_V1 = keysOf('user', 'system')
const MEMORY_V1 = keysOf('hierarchical_memory_limit', 'total_rss', 'total_swap', 'total_inactive_file')
const MEMORY_V2 = keysOf('anon', 'inactive_file')
const OOM_KILL = keysOf('oom_kill')
const FROZEN_V2 = keysOf('frozen')
const RBYTES = Buffer.from('rbytes=')
const WBYTES = Buffer.from('wbytes=')
/** v1 `8:0 Read 4096`: the operation is the second word of a line. */
const READ = Buffer.from('Read ')
const WRITE = Buffer.from('Write ')
const FROZEN_V1 = Buffer.from('FROZEN')

function parsePressure(bytes: Uint8Array, length: number, into: CgroupSample): void {
  into.pressureWaitingSeconds = scaled(pressureTotal(bytes, length, 'some'), MICROSECONDS)
  into.pressureStalledSeconds = scaled(pressureTotal(bytes, length, 'full'), MICROSECONDS)
}

function parseOomKills(bytes: Uint8Array, length: number, into: CgroupSample): void {
  pickKeyed(bytes, length, OOM_KILL, values)
  into.oomKills = picked(values, 0)
}

/** Documentation/admin-guide/cgroup-v1/{memory,cpuacct,pids,blkio-controller,freezer-subsystem}.rst */
export const FILES_V1: readonly GroupFile[] = [
  {
    controller: 'memory',
    name: 'memory.usage_in_bytes',
    near: true,
    parse(bytes, length, into) {
      into.memoryCurrentBytes = numberAt(bytes, length, 0)
    },
  },
  {
    controller: 'memory',
    name: 'memory.stat',
    near: true,
    // `total_*` count the descendants too, as v2 always does. `total_swap` is what `memsw − usage` gives, exact and
    // without a third file. The hierarchical limit is already the tightest of the group and its ancestors.
    parse(bytes, length, into) {
      pickKeyed(bytes, length, MEMORY_V1, values)
      into.memoryLimitBytes = picked(values, 0)
      into.memoryAnonBytes = picked(values, 1)
      into.memorySwapBytes = picked(values, 2)
      into.memoryWorkingSetBytes = workingSet(into.memoryCurrentBytes, picked(values, 3))
    },
  },
  {
    controller: 'memory',
    name: 'memory.max_usage_in_bytes',
    parse(bytes, length, into) {
      into.memoryPeakBytes = numberAt(bytes, length, 0)
    },
  },
  { controller: 'memory', name: 'memory.oom_control', parse: parseOomKills },
  {
    controller: 'cpuacct',
    name: 'cpuacct.stat',
    // Ticks, but never falling; `cpuacct.usage_sys` is a difference of two clocks and may step back.
    parse(bytes, length, into) {
      pickKeyed(bytes, length, CPU_MODES_V1, values)
      into.cpuUserSeconds = scaled(picked(values, 0), TICKS_PER_SECOND)
      into.cpuSystemSeconds = scaled(picked(values, 1), TICKS_PER_SECOND)
    },
  },
  {
    controller: 'cpu',
    name: 'cpu.stat',
    parse(bytes, length, into) {
      pickKeyed(bytes, length, CPU_PERIODS_V1, values)
      into.cpuPeriods = picked(values, 0)
      into.cpuThrottledPeriods = picked(values, 1)
      into.cpuThrottledSeconds = scaled(picked(values, 2), NANOSECONDS)
    },
  },
  {
    controller: 'pids',
    name: 'pids.current',
    parse(bytes, length, into) {
      into.pids = numberAt(bytes, length, 0)
    },
  },
  {
    controller: 'blkio',
    name: 'blkio.throttle.io_service_bytes_recursive',
    otherwise: 'blkio.throttle.io_service_bytes',
    parse(bytes, length, into) {
      into.ioReadBytes = sumNested(bytes, length, READ)
      into.ioWriteBytes = sumNested(bytes, length, WRITE)
    },
  },
  {
    controller: 'freezer',
    name: 'freezer.state',
    // FREEZING is not frozen: some task still runs.
    parse(bytes, length, into) {
      into.frozen =
        length === 0 ? undefined : FROZEN_V1.every((byte, index) => index < length && bytes[index] === byte)
    },
  },
  // A hybrid host keeps stall times in its v2 tree although the controllers are v1.
  { controller: UNIFIED, name: 'memory.pressure', parse: parsePressure },
]

/** Documentation/admin-guide/cgroup-v2.rst */
export const FILES_V2: readonly GroupFile[] = [
  {
    controller: UNIFIED,
    name: 'memory.current',
    near: true,
    parse(bytes, length, into) {
      into.memoryCurrentBytes = numberAt(bytes, length, 0)
    },
  },
  {
    controller: UNIFIED,
    name: 'memory.stat',
    near: true,
    parse(bytes, length, into) {
      pickKeyed(bytes, length, MEMORY_V2, values)
      into.memoryAnonBytes = picked(values, 0)
      into.memoryWorkingSetBytes = workingSet(into.memoryCurrentBytes, picked(values, 1))
    },
  },
  {
    controller: UNIFIED,
    name: 'memory.swap.current',
    near: true,
    parse(bytes, length, into) {
      into.memorySwapBytes = numberAt(bytes, length, 0)
    },
  },
  {
    controller: UNIFIED,
    name: 'memory.peak', // since Linux 5.19
    parse(bytes, length, into) {
      into.memoryPeakBytes = numberAt(bytes, length, 0)
    },
  },
  {
    controller: UNIFIED,
    name: 'memory.max',
    near: true,
    parse(bytes, length, into) {
      into.memoryLimitBytes = numberAt(bytes, length, 0)
    },
  },
  { controller: UNIFIED, name: 'memory.events', parse: parseOomKills },
  {
    controller: UNIFIED,
    name: 'cpu.stat',
    parse(bytes, length, into) {
      pickKeyed(bytes, length, CPU_V2, values)
      into.cpuUserSeconds = scaled(picked(values, 0), MICROSECONDS)
      into.cpuSystemSeconds = scaled(picked(values, 1), MICROSECONDS)
      into.cpuPeriods = picked(values, 2)
      into.cpuThrottledPeriods = picked(values, 3)
      into.cpuThrottledSeconds = scaled(picked(values, 4), MICROSECONDS)
    },
  },
  {
    controller: UNIFIED,
    name: 'pids.current',
    parse(bytes, length, into) {
      into.pids = numberAt(bytes, length, 0)
    },
  },
  {
    controller: UNIFIED,
    name: 'io.stat',
    parse(bytes, length, into) {
      into.ioReadBytes = sumNested(bytes, length, RBYTES)
      into.ioWriteBytes = sumNested(bytes, length, WBYTES)
    },
  },
  { controller: UNIFIED, name: 'memory.pressure', parse: parsePressure },
  {
    controller: UNIFIED,
    name: 'cgroup.events',
    parse(bytes, length, into) {
      pickKeyed(bytes, length, FROZEN_V2, values)
      const frozen = picked(values, 0)
      into.frozen = frozen === undefined ? undefined : frozen === 1
    },
  },
]
