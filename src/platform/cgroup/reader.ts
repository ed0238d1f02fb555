import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../clock.ts'
import { isInFirstNamespace } from '../proc/pid-namespace.ts'
import {
  closeGroup,
  collectPids,
  directoryFor,
  type Group,
  keyOf,
  LEADING_V1,
  leadingDirectory,
  openGroup,
} from './group.ts'
import { findHierarchy, type Hierarchy } from './hierarchy.ts'
import { ABSENT, fileBuffer, GONE, readKept } from './kept-file.ts'
import { cpuLimitV1, createLimitReader, LIMITS_REFRESH_MS, limitsV2, pidsLimitV1, tighter } from './limits.ts'
import { parseMembership, UNIFIED } from './membership.ts'
import { finiteLimit } from './parse.ts'
import { type CgroupReader, type CgroupRef, type CgroupSample, clearSample } from './sample.ts'

export interface CgroupReaderOptions {
  /** Where the hierarchies are mounted. */
  readonly root?: string
  readonly procRoot?: string
  readonly clock?: Clock
  /** Descriptors kept open at most (about 10 per group); above it those of the groups read longest ago are closed. */
  readonly maxDescriptors?: number
}

/** A reader that can also look a group up by its path, for container engines whose main pid is not visible here. */
export interface CgroupFinder extends CgroupReader {
  /** The group at this path if there is one. */
  find(path: string): CgroupRef | undefined
}

/** 200 groups stay open; each descriptor holds about 4.5 KB of kernel memory. */
const DEFAULT_MAX_DESCRIPTORS = 2_000

/**
 * Reads control groups of v1, v2 and hybrid hosts through kept-open descriptors, synchronously and without
 * blocking: about 10 `pread` calls per group. A file or controller that is not there leaves its numbers
 * undefined. Sources: Documentation/admin-guide/cgroup-v1/*.rst and cgroup-v2.rst.
 */
export function createCgroupReader(options: CgroupReaderOptions = {}): CgroupFinder {
  const root = options.root ?? '/sys/fs/cgroup'
  const procRoot = options.procRoot ?? '/proc'
  const clock = options.clock ?? systemClock
  const maxDescriptors = options.maxDescriptors ?? DEFAULT_MAX_DESCRIPTORS
  const hierarchy = findHierarchy(root, procRoot)
  const seesHost = isInFirstNamespace('pid', procRoot) !== false
  const buffer = fileBuffer()
  const groups = new Map<string, Group>()
  const limits = createLimitReader(clock, limitsV2)
  const cpuLimits = createLimitReader(clock, cpuLimitV1)
  const pidsLimits = createLimitReader(clock, pidsLimitV1)

  function forgetKey(key: string): void {
    const group = groups.get(key)
    if (group === undefined) return
    groups.delete(key)
    closeGroup(group, buffer)
    for (const directory of [group.directory, group.cpuDirectory, group.pidsDirectory]) {
      if (directory === undefined) continue
      limits.forget(directory)
      cpuLimits.forget(directory)
      pidsLimits.forget(directory)
    }
  }

  function groupOf(ref: CgroupRef, at: Hierarchy): Group {
    const key = keyOf(ref)
    const known = groups.get(key)
    if (known !== undefined) {
      // Most recently read last, so that the first is the one to close.
      groups.delete(key)
      groups.set(key, known)
      return known
    }
    const group = openGroup(ref, at, clock.monotonic() + LIMITS_REFRESH_MS)
    groups.set(key, group)
    return group
  }

  function keepWithinBudget(current: Group): void {
    for (const group of groups.values()) {
      if (buffer.opened <= maxDescriptors) return
      if (group !== current) closeGroup(group, buffer)
    }
  }

  function applyLimits(ref: CgroupRef, group: Group, at: Hierarchy, into: CgroupSample): void {
    if (ref.version === 2) {
      const top = at.mounts[UNIFIED]
      if (top === undefined || group.directory === undefined) return
      const tightest = limits.tightest(group.directory, top.directory)
      into.memoryLimitBytes = tighter(finiteLimit(into.memoryLimitBytes), tightest.memoryBytes)
      into.cpuLimitCores = tightest.cpuCores
      into.pidsLimit = tightest.pids
      return
    }
    into.memoryLimitBytes = finiteLimit(into.memoryLimitBytes)
    const cpu = at.mounts['cpu']
    const pids = at.mounts['pids']
    if (group.cpuDirectory !== undefined && cpu !== undefined) {
      into.cpuLimitCores = cpuLimits.tightest(group.cpuDirectory, cpu.directory).cpuCores
    }
    if (group.pidsDirectory !== undefined && pids !== undefined) {
      into.pidsLimit = pidsLimits.tightest(group.pidsDirectory, pids.directory).pids
    }
  }

  return {
    version: hierarchy?.version,

    locate(pid) {
      if (hierarchy === undefined) return undefined
      let text: string
      try {
        text = readFileSync(join(procRoot, String(pid), 'cgroup'), 'utf8')
      } catch {
        return undefined
      }
      const paths = parseMembership(text)
      if (hierarchy.version === 2) {
        const path = paths[UNIFIED]
        if (path === undefined || directoryFor(hierarchy, UNIFIED, path) === undefined) return undefined
        return { version: 2, path }
      }
      for (const controller of LEADING_V1) {
        const path = paths[controller]
        if (path !== undefined && directoryFor(hierarchy, controller, path) !== undefined) {
          return { version: 1, path, paths }
        }
      }
      return undefined
    },

    find(path) {
      if (hierarchy === undefined) return undefined
      const controllers = hierarchy.version === 2 ? [UNIFIED] : LEADING_V1
      const exists = controllers.some((controller) => {
        const directory = directoryFor(hierarchy, controller, path)
        return directory !== undefined && existsSync(directory)
      })
      return exists ? { version: hierarchy.version, path } : undefined
    },

    read(ref, into, files = 'all') {
      clearSample(into)
      if (hierarchy === undefined || hierarchy.version !== ref.version) return 'unreadable'
      const group = groupOf(ref, hierarchy)
      const now = clock.monotonic()
      if (now >= group.retryAt) {
        group.retryAt = now + LIMITS_REFRESH_MS
        for (const { file, otherwise } of group.files) {
          file.absent = false
          if (otherwise !== undefined) otherwise.absent = false
        }
      }
      let readable = 0
      for (const { spec, file, otherwise } of group.files) {
        if (files === 'memory' && spec.near === undefined) continue
        let length = readKept(file, buffer)
        if (length === ABSENT && otherwise !== undefined) length = readKept(otherwise, buffer)
        if (length === GONE) {
          forgetKey(keyOf(ref))
          clearSample(into)
          return 'gone'
        }
        if (length === ABSENT) continue
        readable += 1
        spec.parse(buffer.bytes, length, into)
      }
      if (buffer.opened > maxDescriptors) keepWithinBudget(group)
      if (readable === 0) {
        const outcome = group.directory !== undefined && existsSync(group.directory) ? 'unreadable' : 'gone'
        if (outcome === 'gone') forgetKey(keyOf(ref))
        return outcome
      }
      applyLimits(ref, group, hierarchy, into)
      return 'ok'
    },

    processes(ref) {
      if (hierarchy === undefined || hierarchy.version !== ref.version) return undefined
      const directory = leadingDirectory(ref, hierarchy)
      if (directory === undefined) return undefined
      const pids = new Set<number>()
      if (!collectPids(directory, pids)) return undefined
      // Whom we cannot see is not nobody.
      return pids.has(0) || (pids.size === 0 && !seesHost) ? undefined : [...pids]
    },

    forget: (ref) => forgetKey(keyOf(ref)),

    close() {
      for (const key of [...groups.keys()]) forgetKey(key)
    },
  }
}
