import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { parse } from 'node:path'
import { parseCpuCores } from './cpu-cores.ts'
import { createFilesystems, type Filesystems } from './filesystems.ts'
import { parseLoad1, parseMeminfo, parseOomKills } from './meminfo.ts'
import { type Mount, parseMountinfo } from './mounts.ts'
import { parseNetDev } from './net-dev.ts'
import { parsePressure } from './pressure.ts'
import type { HostSample, Pressure } from './sample.ts'

export interface HostReader {
  /** Reads everything anew; what cannot be read is absent. Never rejects. */
  read(): Promise<HostSample>
}

export interface HostReaderOptions {
  readonly root?: string
  readonly platform?: NodeJS.Platform
  readonly filesystems?: Filesystems
}

/** `include/uapi/linux/magic.h`. */
const PROC_SUPER_MAGIC = 0x9fa0

const NO_FILESYSTEMS: Filesystems = { measure: async () => [], hung: () => [] }

export function createHostReader(options: HostReaderOptions = {}): HostReader {
  const platform = options.platform ?? process.platform
  if (platform !== 'linux') {
    const filesystems = options.filesystems ?? createFilesystems()
    return { read: () => readPortable(platform, filesystems) }
  }
  const root = options.root ?? '/proc'
  // A copy of another host's files names mount points that mean something else here.
  const filesystems = options.filesystems ?? (isProc(root) ? createFilesystems() : NO_FILESYSTEMS)
  return { read: () => readLinux(root, filesystems) }
}

function isProc(root: string): boolean {
  try {
    return statfsSync(root).type === PROC_SUPER_MAGIC
  } catch {
    return false
  }
}

async function readLinux(root: string, filesystems: Filesystems): Promise<HostSample> {
  // These files never block (the kernel composes them from its own counters), so a thread would only cost more.
  const text = (file: string): string | undefined => {
    try {
      return readFileSync(`${root}/${file}`, 'latin1')
    } catch {
      return undefined
    }
  }
  const parsed = <T>(file: string, parser: (content: string) => T): T | undefined => {
    const content = text(file)
    return content === undefined ? undefined : parser(content)
  }
  const memory = parsed('meminfo', parseMeminfo)
  // `net/dev` is that of our own network namespace; process 1 has the host's where /proc is the host's.
  const network = parsed('1/net/dev', parseNetDev) ?? parsed('net/dev', parseNetDev)
  return {
    memoryTotalBytes: memory?.totalBytes,
    memoryAvailableBytes: memory?.availableBytes,
    swapTotalBytes: memory?.swapTotalBytes,
    swapFreeBytes: memory?.swapFreeBytes,
    load1: parsed('loadavg', parseLoad1),
    cpuCores: parsed('stat', parseCpuCores),
    oomKills: parsed('vmstat', parseOomKills),
    cpuPressure: parsed<Pressure>('pressure/cpu', parsePressure),
    memoryPressure: parsed<Pressure>('pressure/memory', parsePressure),
    ioPressure: parsed<Pressure>('pressure/io', parsePressure),
    filesystems: await filesystems.measure(parsed('self/mountinfo', parseMountinfo) ?? []),
    networkDevices: network ?? [],
  }
}

async function readPortable(platform: NodeJS.Platform, filesystems: Filesystems): Promise<HostSample> {
  const root: Mount = { mountpoint: parse(process.cwd()).root, type: 'unknown', remote: false }
  return {
    memoryTotalBytes: totalmem(),
    memoryAvailableBytes: freemem(),
    swapTotalBytes: undefined,
    swapFreeBytes: undefined,
    // Windows has no load average; Node answers 0 there, which would be a lie.
    load1: platform === 'win32' ? undefined : loadavg()[0],
    cpuCores: availableParallelism(),
    oomKills: undefined,
    cpuPressure: undefined,
    memoryPressure: undefined,
    ioPressure: undefined,
    filesystems: await filesystems.measure([root]),
    networkDevices: [],
  }
}
