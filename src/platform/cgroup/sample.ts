/** Where a cgroup is: one directory on v2, one per controller on v1. */
export interface CgroupRef {
  readonly version: 1 | 2
  /** Path inside the hierarchy, e.g. `/docker/<id>` or `/system.slice/docker-<id>.scope`. */
  readonly path: string
  /**
   * v1 and hybrid: the path of each controller (`memory`, `pids`, …; `unified` for the v2 tree of a hybrid
   * host), because a process may sit in another group per controller. Absent: `path` holds for all.
   */
  readonly paths?: Readonly<Record<string, string>>
}

/** The numbers of one control group. `undefined` = not read or no such limit. */
export interface CgroupSample {
  memoryCurrentBytes: number | undefined
  /** current − inactive_file, not below 0 (as cAdvisor and the kubelet). */
  memoryWorkingSetBytes: number | undefined
  memoryAnonBytes: number | undefined
  memorySwapBytes: number | undefined
  memoryPeakBytes: number | undefined
  /** Tightest of this group and its ancestors; undefined = unlimited. */
  memoryLimitBytes: number | undefined
  oomKills: number | undefined
  cpuUserSeconds: number | undefined
  cpuSystemSeconds: number | undefined
  cpuPeriods: number | undefined
  cpuThrottledPeriods: number | undefined
  cpuThrottledSeconds: number | undefined
  cpuLimitCores: number | undefined
  pids: number | undefined
  pidsLimit: number | undefined
  ioReadBytes: number | undefined
  ioWriteBytes: number | undefined
  pressureWaitingSeconds: number | undefined
  pressureStalledSeconds: number | undefined
  frozen: boolean | undefined
}

export interface CgroupReader {
  readonly version: 1 | 2 | undefined
  /** The group of a process, from `/proc/<pid>/cgroup`. */
  locate(pid: number): CgroupRef | undefined
  /** `memory`: only the files that say how much memory is used or may be; the rest of the sample is unread. */
  read(ref: CgroupRef, into: CgroupSample, files?: 'all' | 'memory'): 'ok' | 'gone' | 'unreadable'
  /** Every pid below the group, recursive; undefined when some are in a pid namespace that we do not see into. */
  processes(ref: CgroupRef): readonly number[] | undefined
  forget(ref: CgroupRef): void
  close(): void
}

/** A sample in which nothing has been read yet; one per group is enough, `read` fills it anew. */
export function emptySample(): CgroupSample {
  return {
    memoryCurrentBytes: undefined,
    memoryWorkingSetBytes: undefined,
    memoryAnonBytes: undefined,
    memorySwapBytes: undefined,
    memoryPeakBytes: undefined,
    memoryLimitBytes: undefined,
    oomKills: undefined,
    cpuUserSeconds: undefined,
    cpuSystemSeconds: undefined,
    cpuPeriods: undefined,
    cpuThrottledPeriods: undefined,
    cpuThrottledSeconds: undefined,
    cpuLimitCores: undefined,
    pids: undefined,
    pidsLimit: undefined,
    ioReadBytes: undefined,
    ioWriteBytes: undefined,
    pressureWaitingSeconds: undefined,
    pressureStalledSeconds: undefined,
    frozen: undefined,
  }
}

const NOTHING = emptySample()

/** Makes every number of a reused sample unread again, so that no value of the last read survives. */
export function clearSample(sample: CgroupSample): void {
  Object.assign(sample, NOTHING)
}
