import type { Tree } from './tree.ts'

/** What a fixture group says of itself. */
export interface CgroupFacts {
  readonly current: number
  readonly inactiveFile: number
  readonly anon: number
  readonly swap: number
  readonly peak: number
  readonly limit: number | undefined
  readonly oomKills: number
  readonly userMicros: number
  readonly systemMicros: number
  readonly periods: number
  readonly throttled: number
  readonly throttledMicros: number
  readonly quotaMicros: number | undefined
  readonly pids: number
  readonly pidsLimit: number | undefined
  readonly readBytes: number
  readonly writeBytes: number
  readonly someMicros: number
  readonly fullMicros: number
  readonly frozen: boolean
  readonly processes: readonly number[]
}

const PERIOD_MICROS = 100_000
/** PAGE_COUNTER_MAX with 4 KiB pages: how v1 spells "no limit". */
const UNLIMITED_V1 = '9223372036854771712'

const lines = (values: Readonly<Record<string, number | string>>, prefix = ''): string =>
  Object.entries(values)
    .map(([key, value]) => `${prefix}${key} ${value}\n`)
    .join('')

const list = (pids: readonly number[]): string => pids.map((pid) => `${pid}\n`).join('')

/** Text of a `*.pressure` file with these totals in microseconds. */
export const pressure = (some: number, full: number): string =>
  `some avg10=0.12 avg60=0.03 avg300=0.00 total=${some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`

/** One group in every v1 tree; without facts it is the root of the hierarchies. */
export function groupV1(tree: Tree, path: string, facts: CgroupFacts | undefined): void {
  const below = path === '/' ? '' : path
  const set = (controller: string, name: string, text: string) =>
    tree.set(`cgroup/${controller}${below}/${name}`, text)
  const controllers = ['memory', 'cpu,cpuacct', 'pids', 'blkio', 'freezer', 'systemd']
  for (const controller of controllers) set(controller, 'cgroup.procs', list(facts?.processes ?? [1]))
  if (facts === undefined) {
    for (const controller of controllers) set(controller, 'release_agent', '\n')
    tree.set('cgroup/cpu', { link: 'cpu,cpuacct' })
    tree.set('cgroup/cpuacct', { link: 'cpu,cpuacct' })
    tree.set('cgroup/unified/cgroup.controllers', '\n')
    tree.set('cgroup/unified/cgroup.procs', '1\n')
    return
  }
  const cache = facts.current - facts.anon
  const memory = { cache, rss: facts.anon, swap: facts.swap, inactive_file: facts.inactiveFile }
  set('memory', 'memory.usage_in_bytes', `${facts.current}\n`)
  set('memory', 'memory.max_usage_in_bytes', `${facts.peak}\n`)
  set('memory', 'memory.limit_in_bytes', `${facts.limit ?? UNLIMITED_V1}\n`)
  set('memory', 'memory.memsw.usage_in_bytes', `${facts.current + facts.swap}\n`)
  set('memory', 'memory.oom_control', lines({ oom_kill_disable: 0, under_oom: 0, oom_kill: facts.oomKills }))
  set(
    'memory',
    'memory.stat',
    // The group's own share is smaller than the total with its children: a reader of the wrong line is caught.
    lines({ cache: 0, rss: 4096, swap: 0, inactive_file: 0 }) +
      lines({ hierarchical_memory_limit: facts.limit ?? UNLIMITED_V1 }) +
      lines({ hierarchical_memsw_limit: UNLIMITED_V1 }) +
      lines(memory, 'total_'),
  )
  const ticks = (micros: number) => Math.round(micros / 10_000)
  set(
    'cpu,cpuacct',
    'cpuacct.stat',
    lines({ user: ticks(facts.userMicros), system: ticks(facts.systemMicros) }),
  )
  set(
    'cpu,cpuacct',
    'cpu.stat',
    lines({
      nr_periods: facts.periods,
      nr_throttled: facts.throttled,
      throttled_time: facts.throttledMicros * 1000,
    }),
  )
  set('cpu,cpuacct', 'cpu.cfs_quota_us', `${facts.quotaMicros ?? -1}\n`)
  set('cpu,cpuacct', 'cpu.cfs_period_us', `${PERIOD_MICROS}\n`)
  set('pids', 'pids.current', `${facts.pids}\n`)
  set('pids', 'pids.max', `${facts.pidsLimit ?? 'max'}\n`)
  set('freezer', 'freezer.state', facts.frozen ? 'FROZEN\n' : 'THAWED\n')
  const half = facts.readBytes / 2
  set(
    'blkio',
    'blkio.throttle.io_service_bytes_recursive',
    `8:0 Read ${half}\n8:0 Write ${facts.writeBytes}\n8:0 Sync 0\n8:0 Async 0\n8:0 Total ${half + facts.writeBytes}\n` +
      `8:16 Read ${half}\n8:16 Write 0\n8:16 Total ${half}\nTotal ${facts.readBytes + facts.writeBytes}\n`,
  )
}

/** One group of the v2 tree; without facts it is the root, which has neither numbers nor `cgroup.type`. */
export function groupV2(tree: Tree, path: string, facts: CgroupFacts | undefined): void {
  const below = path === '/' ? '' : path
  const set = (name: string, text: string) => tree.set(`cgroup${below}/${name}`, text)
  set('cgroup.controllers', 'cpuset cpu io memory pids\n')
  set('cgroup.procs', list(facts?.processes ?? [1]))
  if (facts === undefined) return
  set('cgroup.type', 'domain\n')
  set('cgroup.events', lines({ populated: 1, frozen: facts.frozen ? 1 : 0 }))
  set('memory.current', `${facts.current}\n`)
  set('memory.max', `${facts.limit ?? 'max'}\n`)
  set('memory.peak', `${facts.peak}\n`)
  set('memory.swap.current', `${facts.swap}\n`)
  set(
    'memory.stat',
    lines({
      anon: facts.anon,
      file: facts.current - facts.anon,
      kernel: 4096,
      shmem: 0,
      inactive_anon: facts.anon,
      active_anon: 0,
      inactive_file: facts.inactiveFile,
      active_file: 0,
      anon_thp: 0,
    }),
  )
  set('memory.events', lines({ low: 0, high: 0, max: 31, oom: 2, oom_kill: facts.oomKills }))
  set('memory.pressure', pressure(facts.someMicros, facts.fullMicros))
  set(
    'cpu.stat',
    lines({
      usage_usec: facts.userMicros + facts.systemMicros,
      user_usec: facts.userMicros,
      system_usec: facts.systemMicros,
      nr_periods: facts.periods,
      nr_throttled: facts.throttled,
      throttled_usec: facts.throttledMicros,
    }),
  )
  set('cpu.max', `${facts.quotaMicros ?? 'max'} ${PERIOD_MICROS}\n`)
  set('pids.current', `${facts.pids}\n`)
  set('pids.max', `${facts.pidsLimit ?? 'max'}\n`)
  const half = facts.readBytes / 2
  set(
    'io.stat',
    `8:0 rbytes=${half} wbytes=${facts.writeBytes} rios=9 wios=3 dbytes=0 dios=0\n` +
      `8:16 rbytes=${half} wbytes=0 rios=9 wios=0 dbytes=0 dios=0\n`,
  )
}
