import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The control groups of this machine's kernel as a test may use them: made, filled and removed for real. */
export interface LiveCgroups {
  readonly version: 1 | 2
  /** What the reader gets as its root. */
  readonly root: string
  /** Makes a group below the top; `/name` or `/name/child`. */
  make(path: string): void
  remove(path: string): void
  enter(path: string, pid: number): void
  /** SIGKILL to everybody in it and below; v2 only. */
  end(path: string): void
  setFrozen(path: string, state: 'frozen' | 'thawed'): void
  /** A file of the group read on its own, undefined where it does not exist. */
  file(path: string, controller: string, name: string): string | undefined
}

const V1_ROOT = '/sys/fs/cgroup'
const V1_CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'pids', 'freezer', 'blkio'] as const

/** Undefined where this kernel has no such tree or it may not be written. */
export function liveCgroups(version: 1 | 2): LiveCgroups | undefined {
  const root =
    version === 1
      ? V1_ROOT
      : [V1_ROOT, join(V1_ROOT, 'unified')].find((path) => existsSync(join(path, 'cgroup.controllers')))
  if (root === undefined || (version === 1 && !existsSync(join(root, 'freezer/cgroup.procs'))))
    return undefined
  const directory = (path: string, controller: string) =>
    version === 1 ? join(root, controller, path) : join(root, path)
  // `cpu` and `cpuacct` may be two names of one tree.
  const each = (path: string, act: (directory: string) => void) => {
    for (const controller of version === 1 ? V1_CONTROLLERS : ['']) act(directory(path, controller))
  }
  const make = (path: string) => each(path, (at) => mkdirSync(at, { recursive: true }))
  const remove = (path: string) => each(path, (at) => existsSync(at) && rmdirSync(at))
  try {
    make(`/agent-exporter-probe-${process.pid}`)
    remove(`/agent-exporter-probe-${process.pid}`)
  } catch {
    return undefined
  }
  return {
    version,
    root,
    make,
    remove,
    enter: (path, pid) => each(path, (at) => writeFileSync(join(at, 'cgroup.procs'), String(pid))),
    end: (path) => writeFileSync(join(root, path, 'cgroup.kill'), '1'),
    setFrozen(path, state) {
      const isFrozen = state === 'frozen'
      if (version === 2) writeFileSync(join(root, path, 'cgroup.freeze'), isFrozen ? '1' : '0')
      else writeFileSync(join(root, 'freezer', path, 'freezer.state'), isFrozen ? 'FROZEN' : 'THAWED')
    },
    file(path, controller, name) {
      const file = join(directory(path, controller), name)
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined
    },
  }
}

/** The value of `key` in a flat-keyed file. */
export function keyed(text: string | undefined, key: string): number | undefined {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${key} `))
  return line === undefined ? undefined : Number(line.slice(key.length + 1))
}

/** A file that is one number; `max` and a missing file are none. */
export function numeric(text: string | undefined): number | undefined {
  const value = text === undefined ? Number.NaN : Number(text.trim())
  return Number.isNaN(value) ? undefined : value
}
