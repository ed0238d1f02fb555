import { CONTAINER_ID, type Shape, type Tree, unreadable } from './tree.ts'

/** A process of the fixture hosts: a shell with an agent and its child, and a container's main process. */
interface FixtureProcess {
  readonly pid: number
  readonly ppid: number
  readonly comm: string
  readonly argv: readonly string[]
  readonly environ: readonly string[]
  readonly cwd: string
  readonly threads: number
  readonly userTicks: number
  readonly systemTicks: number
  /** Clock ticks since boot. */
  readonly startTime: number
  readonly rssKib: number
  readonly session: number
  readonly inContainer: boolean
}

const HOST_NET = 'net:[4026531840]'
const CONTAINER_NET = 'net:[4026532500]'
const NAMESPACED_ONLY = 302
const KIB_PER_PAGE = 4
/** 2026-01-01 00:00:00 UTC. */
const BOOT_SECONDS = 1_767_225_600

const PROCESSES: readonly FixtureProcess[] = [
  {
    ...{ pid: 100, ppid: 1, comm: 'bash', argv: ['-bash'], environ: ['HOME=/home/dev'], cwd: '/home/dev' },
    ...{ threads: 1, userTicks: 12, systemTicks: 8, startTime: 5_000, rssKib: 5_120, session: 100 },
    inContainer: false,
  },
  {
    ...{ pid: 200, ppid: 100, comm: 'claude', cwd: '/home/dev/project' },
    argv: ['node', '/home/dev/.npm-global/bin/claude', '--model', 'opus'],
    environ: ['HOME=/home/dev', 'SECRET_TOKEN=never-shown'],
    ...{ threads: 11, userTicks: 4_200, systemTicks: 800, startTime: 6_000, rssKib: 307_200, session: 100 },
    inContainer: false,
  },
  {
    ...{
      pid: 201,
      ppid: 200,
      comm: 'sh) run',
      argv: ['/bin/sh', '-c', 'npm test'],
      cwd: '/home/dev/project',
    },
    environ: ['HOME=/home/dev'],
    ...{ threads: 1, userTicks: 30, systemTicks: 20, startTime: 7_000, rssKib: 2_048, session: 201 },
    inContainer: false,
  },
  {
    ...{ pid: 300, ppid: 1, comm: 'node', argv: ['node', '/srv/worker.js'], cwd: '/srv' },
    environ: ['PATH=/usr/bin', 'AGENT_EXPORTER_AGENT=box-1', 'AGENT_EXPORTER_ROLE=worker'],
    ...{ threads: 9, userTicks: 1_900, systemTicks: 400, startTime: 8_000, rssKib: 184_320, session: 300 },
    inContainer: true,
  },
  {
    ...{ pid: 301, ppid: 300, comm: 'git', argv: ['git', 'status'], environ: [], cwd: '/srv' },
    ...{ threads: 1, userTicks: 5, systemTicks: 5, startTime: 9_000, rssKib: 8_192, session: 300 },
    inContainer: true,
  },
]

/** The files of every process but `cgroup`, which the caller writes. */
export function processFiles(tree: Tree, shape: Shape): readonly FixtureProcess[] {
  const hidden = shape === 'v2-no-psi-no-permission'
  for (const process of PROCESSES) {
    const set = (name: string, text: string) => tree.set(`proc/${process.pid}/${name}`, text)
    set('stat', statLine(process))
    set('status', statusText(process))
    set('cmdline', process.argv.map((word) => `${word}\0`).join(''))
    set('comm', `${process.comm}\n`)
    if (hidden) {
      // Another user's process: numbers of `stat` and `status` are public, these are not.
      for (const name of ['io', 'environ', 'fd']) tree.set(`proc/${process.pid}/${name}`, unreadable(name))
      // A link could always be read; this is none, so that asking for its target fails.
      set('cwd', '')
      continue
    }
    set('environ', process.environ.map((entry) => `${entry}\0`).join(''))
    set('io', ioText(process))
    tree.set(`proc/${process.pid}/cwd`, { link: process.cwd })
    for (const fd of ['0', '1', '2']) tree.set(`proc/${process.pid}/fd/${fd}`, { link: '/dev/pts/0' })
    tree.set(`proc/${process.pid}/ns/net`, { link: process.inContainer ? CONTAINER_NET : HOST_NET })
    tree.set(`proc/${process.pid}/ns/pid`, { link: 'pid:[4026531836]' })
    set('net/dev', process.inContainer ? netDev(1_000_000, 250_000) : netDev(88_000_000, 22_000_000))
  }
  return PROCESSES
}

/** What the host says of itself: everything a daemon reads at start. */
export function hostFiles(tree: Tree, shape: Shape): void {
  tree.set('proc/sys/kernel/random/boot_id', '11111111-2222-4333-8444-555555555555\n')
  tree.set('proc/loadavg', '0.52 0.40 0.31 2/412 4242\n')
  tree.set('proc/uptime', '86400.00 160000.00\n')
  tree.set(
    'proc/meminfo',
    'MemTotal:       16384000 kB\nMemFree:         4096000 kB\nMemAvailable:   10240000 kB\nBuffers:          204800 kB\n' +
      'Cached:          6144000 kB\nSwapTotal:       2097152 kB\nSwapFree:        2000000 kB\n',
  )
  tree.set(
    'proc/stat',
    `cpu  500000 0 100000 8000000 2000 0 500 0 0 0\ncpu0 250000 0 50000 4000000 1000 0 250 0 0 0\n` +
      `cpu1 250000 0 50000 4000000 1000 0 250 0 0 0\nctxt 9000000\nbtime ${BOOT_SECONDS}\nprocesses 4242\n`,
  )
  tree.set('proc/vmstat', 'nr_free_pages 1024000\npgpgin 1000\npgpgout 2000\noom_kill 2\n')
  tree.set('proc/net/dev', netDev(88_000_000, 22_000_000))
  tree.set('proc/mounts', '/dev/vda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\n')
  tree.set('proc/self/mountinfo', mountInfo(shape))
  tree.set('proc/self/cgroup', shape === 'v1' ? '4:memory:/\n0::/\n' : '0::/\n')
  tree.set('proc/1/stat', '1 (systemd) S 0 1 1 0 -1 4194560 1 0 0 0 50 50 0 0 20 0 1 0 1 8192000 2000\n')
  tree.set('proc/1/ns/net', { link: shape === 'v2-namespaced' ? CONTAINER_NET : HOST_NET })
  tree.set('proc/self/ns/net', { link: shape === 'v2-namespaced' ? CONTAINER_NET : HOST_NET })
  tree.set('proc/self/ns/pid', { link: 'pid:[4026531836]' })
  if (shape === 'v2-namespaced') tree.set(`proc/${NAMESPACED_ONLY}/cgroup`, '0::/init.scope\n')
  if (shape === 'v2-no-psi-no-permission') return
  const psi = (total: number) => `avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\n`
  tree.set('proc/pressure/cpu', `some ${psi(5_000_000)}full ${psi(0)}`)
  tree.set('proc/pressure/memory', `some ${psi(2_000_000)}full ${psi(1_000_000)}`)
  tree.set('proc/pressure/io', `some ${psi(4_000_000)}full ${psi(3_000_000)}`)
}

/** proc_pid_stat(5): 52 fields, `comm` in brackets and free to contain any of them. */
function statLine(process: FixtureProcess): string {
  const { pid, ppid, comm, session, userTicks, systemTicks, threads, startTime, rssKib } = process
  const pages = rssKib / KIB_PER_PAGE
  return (
    `${pid} (${comm}) S ${ppid} ${pid} ${session} 0 -1 4194304 1200 300 2 0 ${userTicks} ${systemTicks} 7 3 20 0 ` +
    `${threads} 0 ${startTime} ${rssKib * 8192} ${pages} 18446744073709551615 1 1 0 0 0 0 0 4096 16386 0 0 0 17 1 0 0 0 0 0 ` +
    `0 0 0 0 0 0 0 0\n`
  )
}

function statusText({ pid, ppid, comm, threads, rssKib }: FixtureProcess): string {
  const fields: readonly (readonly [string, string])[] = [
    ['Name', comm],
    ['Umask', '0022'],
    ['State', 'S (sleeping)'],
    ['Tgid', `${pid}`],
    ['Ngid', '0'],
    ['Pid', `${pid}`],
    ['PPid', `${ppid}`],
    ['TracerPid', '0'],
    ['Uid', '1000\t1000\t1000\t1000'],
    ['Gid', '1000\t1000\t1000\t1000'],
    ['FDSize', '64'],
    ['VmPeak', `${rssKib * 4} kB`],
    ['VmSize', `${rssKib * 3} kB`],
    ['VmHWM', `${rssKib + 1024} kB`],
    ['VmRSS', `${rssKib} kB`],
    ['RssAnon', `${rssKib / 2} kB`],
    ['RssFile', `${rssKib / 2} kB`],
    ['RssShmem', '0 kB'],
    ['VmSwap', '512 kB'],
    ['Threads', `${threads}`],
    ['SigQ', '0/63000'],
    ['SigPnd', '0000000000000000'],
    ['ShdPnd', '0000000000000000'],
    ['voluntary_ctxt_switches', `${pid * 10}`],
    ['nonvoluntary_ctxt_switches', `${pid}`],
  ]
  return fields.map(([key, value]) => `${key}:\t${value}\n`).join('')
}

function ioText({ pid }: FixtureProcess): string {
  return (
    `rchar: ${pid * 4096}\nwchar: ${pid * 2048}\nsyscr: ${pid}\nsyscw: ${pid}\n` +
    `read_bytes: ${pid * 1024}\nwrite_bytes: ${pid * 512}\ncancelled_write_bytes: 0\n`
  )
}

function netDev(receive: number, transmit: number): string {
  return (
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
    '    lo: 4242 42 0 0 0 0 0 0 4242 42 0 0 0 0 0 0\n' +
    `  eth0: ${receive} 900 0 0 0 0 0 0 ${transmit} 800 0 0 0 0 0 0\n`
  )
}

function mountInfo(shape: Shape): string {
  const rootfs = '20 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n'
  if (shape === 'v1') {
    return `${rootfs}30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n${['memory', 'cpu,cpuacct', 'pids']
      .map(
        (name, index) =>
          `${31 + index} 30 0:${27 + index} / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}\n`,
      )
      .join('')}`
  }
  const own =
    shape === 'v2-namespaced'
      ? `40 20 254:1 /var/lib/docker/containers/${CONTAINER_ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n`
      : ''
  return `${rootfs}30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n${own}`
}
