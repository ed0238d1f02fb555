import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { effectiveCapabilities } from '../proc/capabilities.ts'
import { containerReach } from './container.ts'
import { engineReach } from './engine.ts'
import type { Reach } from './model.ts'

export interface ReachOptions {
  readonly procRoot: string
  readonly cgroupRoot: string
  readonly dataDir: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Below this many descriptors, readers close and reopen files of large fleets all the time. */
const COMFORTABLE_DESCRIPTORS = 4_096

/** Looks at everything once. Reads only; never throws. */
export async function probeReach(options: ReachOptions): Promise<Reach[]> {
  return [
    processes(options),
    otherUsers(options),
    cgroups(options),
    pressure(options),
    descriptors(options),
    await engineReach(options.environment),
    data(options),
    ...containerReach(options.procRoot),
  ]
}

function processes({ procRoot }: ReachOptions): Reach {
  const cost = 'processes are read through pidusage, without I/O, swap and descriptors'
  try {
    const count = readdirSync(procRoot).filter((name) => /^\d+$/.test(name)).length
    return { name: 'processes', state: 'ok', detail: `${procRoot}, ${count} visible`, cost }
  } catch {
    return { name: 'processes', state: 'missing', detail: `${procRoot} cannot be read`, cost }
  }
}

/** Whether processes of other users may be looked into: uid 0 or CAP_SYS_PTRACE, and no hidepid. */
function otherUsers({ procRoot }: ReachOptions): Reach {
  const cost = 'agents of other users show no I/O, no environment and, before Linux 6.2, no descriptors'
  const name = 'other users'
  try {
    const mounts = readFileSync(join(procRoot, 'self/mounts'), 'utf8')
    const hidepid = /^\S+ \/proc proc \S*hidepid=([12]|invisible|noaccess|ptraceable)/m.test(mounts)
    const held = effectiveCapabilities(procRoot) ?? 0n
    if ((held >> CAP_SYS_PTRACE) & 1n) return { name, state: 'ok', detail: 'CAP_SYS_PTRACE is held', cost }
    return {
      name,
      state: 'limited',
      detail: hidepid ? '/proc is mounted with hidepid' : 'CAP_SYS_PTRACE is not held',
      cost,
    }
  } catch {
    return { name, state: 'missing', detail: `${procRoot}/self cannot be read`, cost }
  }
}

/** Bit of capabilities(7). */
const CAP_SYS_PTRACE = 19n

function cgroups({ cgroupRoot }: ReachOptions): Reach {
  const cost = 'containers are read through the Docker stats API, slower and less'
  const name = 'cgroups'
  if (existsSync(join(cgroupRoot, 'cgroup.controllers')))
    return { name, state: 'ok', detail: `version 2 at ${cgroupRoot}`, cost }
  if (existsSync(join(cgroupRoot, 'memory')))
    return { name, state: 'ok', detail: `version 1 at ${cgroupRoot}`, cost }
  return { name, state: 'missing', detail: `no control groups at ${cgroupRoot}`, cost }
}

function pressure({ procRoot }: ReachOptions): Reach {
  const cost = 'no pressure metrics (kernel without CONFIG_PSI or booted with psi=0)'
  const found = existsSync(join(procRoot, 'pressure/memory'))
  return {
    name: 'pressure',
    state: found ? 'ok' : 'missing',
    detail: found ? `${procRoot}/pressure` : 'no PSI in this kernel',
    cost,
  }
}

function descriptors({ procRoot }: ReachOptions): Reach {
  const cost = 'files of large fleets are reopened at every sample'
  const name = 'descriptors'
  try {
    const limit = Number(
      /^Max open files\s+(\d+)/m.exec(readFileSync(join(procRoot, 'self/limits'), 'utf8'))?.[1],
    )
    return {
      name,
      state: limit >= COMFORTABLE_DESCRIPTORS ? 'ok' : 'limited',
      detail: `limit ${limit}`,
      cost,
    }
  } catch {
    return { name, state: 'missing', detail: 'limit unknown', cost }
  }
}

function data({ dataDir }: ReachOptions): Reach {
  const cost = 'nothing is remembered across a restart'
  let folder = dataDir
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  try {
    accessSync(folder, constants.W_OK)
    return { name: 'data', state: statSync(folder).isDirectory() ? 'ok' : 'missing', detail: dataDir, cost }
  } catch {
    return { name: 'data', state: 'missing', detail: `${dataDir} cannot be written`, cost }
  }
}
