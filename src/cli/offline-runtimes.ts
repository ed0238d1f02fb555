import type { Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { DockerEngine } from '../platform/docker/container.ts'
import { createContainerRuntime } from '../runtimes/container.ts'
import type { ContainerRef, Effect, RuntimeDriver, Target, TreeSnapshot } from '../runtimes/model.ts'
import { createProcessRuntime } from '../runtimes/process.ts'
import { createStateReader, type StateReader } from '../runtimes/task-state.ts'
import type { OfflineHeld } from './offline-resume.ts'

export interface OfflineRuntimesOptions {
  readonly clock: Clock
  readonly procRoot: string
  readonly cgroupRoot: string
  readonly engine: Pick<DockerEngine, 'actions'>
  readonly processes?: Pick<RuntimeDriver, 'resume'>
  readonly containers?: Pick<RuntimeDriver, 'resume'>
}

/** A resume is watched for a second; a loaded machine and an engine that wakes up need more. */
const DEADLINE_MS = 15_000

/** How an agent is resumed of which only the journal knows: its incarnation says what kind it is. */
export function createOfflineRuntimes(
  options: OfflineRuntimesOptions,
): (held: OfflineHeld) => Promise<Effect> {
  const { clock, procRoot, cgroupRoot, engine } = options
  const states = createStateReader(procRoot)
  const processes = options.processes ?? createProcessRuntime({ clock, procRoot, cgroupRoot })
  const containers = options.containers ?? createContainerRuntime({ clock, engine })

  return async (held) => {
    const { agent, incarnation, stopped, stoppedByOthers } = held
    const common = { agent, incarnation, stopped, stoppedByOthers }
    const within = { deadlineMs: clock.monotonic() + DEADLINE_MS, mayGoOn: () => true }
    // Its gate is closed by the hold alone.
    if (incarnation.startsWith('registration:')) {
      return { outcome: 'done', rung: 'cooperative', touched: false }
    }
    const container = containerOf(incarnation)
    if (container !== undefined) {
      return containers.resume({ ...common, runtime: 'container', container } satisfies Target, within)
    }
    const snapshot = async (): Promise<TreeSnapshot | undefined> => treeOf(held, states)
    return processes.resume({ ...common, runtime: 'process', snapshot } satisfies Target, within)
  }
}

/** `<64 hex>:<ISO stamp>`; the incarnation of a process begins with the id of a boot, which has hyphens. */
function containerOf(incarnation: Incarnation): ContainerRef | undefined {
  const [, id, startedAt] = /^([0-9a-f]{12,64}):(\d{4}-.+)$/.exec(incarnation) ?? []
  return id === undefined || startedAt === undefined ? undefined : { id, startedAt }
}

/** What is left of what we stopped: enough to find the control group that was frozen. */
function treeOf({ incarnation, stopped }: OfflineHeld, states: StateReader): TreeSnapshot | undefined {
  const [, , pid, startTime] = incarnation.split(':').map(Number)
  const processes = stopped
    .map((key) => states.read(key))
    .filter(({ standing }) => standing !== 'dead')
    // Nobody asks for the session of whom is to be continued.
    .map(({ ppid, pgrp, ...state }) => ({
      pid: state.pid,
      startTime: state.startTime,
      ppid,
      pgrp,
      session: 0,
    }))
  if (processes.length === 0 || pid === undefined || startTime === undefined) return undefined
  return { processes, groups: [], root: { pid, startTime } }
}
