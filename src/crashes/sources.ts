import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent } from '../agents/model.ts'
import type { ActionEntry, ControlDesk } from '../control/model.ts'
import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import { emptySample } from '../platform/cgroup/sample.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerInfo, DockerEngine } from '../platform/docker/container.ts'
import { locateContainer } from '../platform/docker/container-cgroup.ts'
import { parseOomKills } from '../platform/host/meminfo.ts'
import { createKernelLog, type KernelLog } from '../platform/kernel-log/reader.ts'
import { readBootId, readPidNamespace } from '../platform/proc/kernel-facts.ts'
import { createProcessSample, type ProcessKey, type ProcessReader } from '../platform/proc/process.ts'
import type { GroupNow, KnownTrend } from './memory-evidence.ts'
import type { OwnActionEvidence } from './model.ts'

/** Where evidence comes from. Every source answers `undefined` for what it could not read. */
export interface CrashSources {
  readonly engine: Pick<DockerEngine, 'on' | 'coveredSince' | 'containers'>
  /** The group of a container now; it is gone a moment before the engine says `die`. */
  group(container: ContainerInfo): GroupNow | undefined
  /** `oom_kill` of `/proc/vmstat` now. */
  hostKills(): number | undefined
  readonly kernelLog: KernelLog
  /** Whether pids of the kernel's log are pids of our own namespace. */
  readonly pidsAreOurs: boolean
  /** Processes of a live agent now, by pid. */
  members(agent: Agent): Iterable<number>
  /** `boot id:pid namespace`: what the incarnations of processes of this host begin with; undefined when not known. */
  readonly space: string | undefined
  /** Whether the kernel says that the process has not ended. */
  runs(key: ProcessKey): boolean
  /** Wait status of a process that nobody has waited for yet. */
  waitStatus(key: ProcessKey): number | undefined
  /** Terminates of this life. Rejects when the journal cannot be asked. */
  terminates(agent: string, incarnation: string, endedAtMs: number): Promise<readonly OwnActionEvidence[]>
  /** What the room that follows memory knows. */
  trend?(agent: Agent): KnownTrend | undefined
}

export interface CrashSourceOptions {
  readonly clock: Clock
  readonly procRoot: string
  readonly engine: Pick<DockerEngine, 'on' | 'coveredSince' | 'containers'>
  readonly cgroups: CgroupFinder
  readonly ownContainer: string | undefined
  readonly reader: Pick<ProcessReader, 'read' | 'forget'>
  readonly members: (agent: Agent) => Iterable<number>
  readonly desk: Pick<ControlDesk, 'list'>
  readonly trend?: (agent: Agent) => KnownTrend | undefined
  /** Where the kernel's log is read; `/dev/kmsg` when left out. */
  readonly kernelLogPath?: string
}

/** Inode of the initial pid namespace (`PROC_PID_INIT_INO`, include/linux/proc_ns.h). */
const INITIAL_PID_NAMESPACE = 0xeffffffc
/** Terminates of one agent that are looked through. */
const MOST_TERMINATES = 20
/** What a terminate that was given up had begun may still end the agent this much later. */
const AFTERMATH_MS = 15_000

/** The sources of the daemon. Nothing is read or opened yet. */
export function createCrashSources(options: CrashSourceOptions): CrashSources {
  const { clock, procRoot, engine, cgroups, ownContainer, reader, desk } = options
  const { kernelLogPath, trend } = options
  const bootId = readBootId(procRoot)
  const pidNamespace = readPidNamespace('self', procRoot)
  const group = emptySample()
  const sample = createProcessSample()
  return {
    engine,
    group(container) {
      const ref = locateContainer(cgroups, container, ownContainer)
      if (ref === undefined || cgroups.read(ref, group) !== 'ok') return undefined
      return {
        oomKills: group.oomKills,
        workingSetBytes: group.memoryWorkingSetBytes,
        peakBytes: group.memoryPeakBytes,
        limitBytes: group.memoryLimitBytes,
      }
    },
    hostKills() {
      try {
        return parseOomKills(readFileSync(join(procRoot, 'vmstat'), 'latin1'))
      } catch {
        return undefined
      }
    },
    kernelLog: createKernelLog({
      now: clock.monotonic,
      ...(kernelLogPath === undefined ? {} : { path: kernelLogPath }),
    }),
    pidsAreOurs: pidNamespace === INITIAL_PID_NAMESPACE,
    space: bootId === undefined || pidNamespace === undefined ? undefined : `${bootId}:${pidNamespace}`,
    members: options.members,
    runs(key) {
      const outcome = reader.read(key, 'core', sample)
      reader.forget(key)
      if (outcome !== 'ok') return false
      // A leader that has ended while threads of it go on is a zombie, too.
      return sample.state !== 'X' && (sample.state !== 'Z' || (sample.threads ?? 1) > 1)
    },
    waitStatus(key) {
      const isThere = reader.read(key, 'full', sample) === 'ok'
      const status = isThere && sample.state === 'Z' ? sample.exitStatus : undefined
      reader.forget(key)
      return status
    },
    async terminates(agent, incarnation, endedAtMs) {
      const entries = await desk.list({ agent, action: 'terminate' }, MOST_TERMINATES)
      return entries
        .filter((entry) => entry.incarnation === incarnation && mayHaveEnded(entry, endedAtMs))
        .map(actionOf)
    },
    ...(trend === undefined ? {} : { trend }),
  }
}

/** Begun before the end, and under way, done, or given up only just. */
function mayHaveEnded({ at, status, durationMs }: ActionEntry, endedAtMs: number): boolean {
  // What ended it began before its end, whatever the wall clock was set to meanwhile.
  if (status === 'done') return true
  if (at > endedAtMs) return false
  if (status === 'intended') return true
  return (status === 'partial' || status === 'failed') && endedAtMs - at <= (durationMs ?? 0) + AFTERMATH_MS
}

function actionOf({ id, trigger, actor, at }: ActionEntry): OwnActionEvidence {
  return { id, trigger, actor, atMs: at }
}
