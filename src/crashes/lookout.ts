import type { Agent } from '../agents/model.ts'
import { containerIncarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerInfo } from '../platform/docker/container.ts'
import type { KillOwner, Marks } from './marks.ts'
import type { CrashSources } from './sources.ts'
import { keyOf } from './subject.ts'

export interface LookoutDependencies {
  readonly clock: Clock
  readonly sources: CrashSources
  readonly marks: Marks
  readonly agents: () => Iterable<Agent>
  /** The kernel killed a child of a process agent. */
  readonly onChildKilled: (agent: Agent) => void
}

/** Takes down what the kernel counts and logs, and knows whose process it was that the kernel names. */
export interface Lookout {
  /** Takes everything down as it is now; the same for a thousand agents that end at once. */
  look(): void
  /** Who was killed since the last sample is known by the processes of the last sample. */
  sampled(): void
  /** The engine forgets the number of the main process with its end. */
  noteMain(container: ContainerInfo): void
  readGroup(containerId: string): void
}

/** Reading `/proc/vmstat` takes a tenth of a millisecond. */
const LOOK_AGAIN_MS = 20

export function createLookout(dependencies: LookoutDependencies): Lookout {
  const { clock, sources, marks, agents, onChildKilled } = dependencies
  /** Kept from one sample to the next, because hardly any process is new; `turn` is when it was there last. */
  const owners = new Map<number, KillOwner & { turn: number }>()
  let turn = 0
  /** Main processes by container. */
  const mainPids = new Map<string, number>()
  let lookedAtMs = Number.NEGATIVE_INFINITY

  function look(): void {
    const now = clock.monotonic()
    lookedAtMs = now
    const kills = sources.hostKills()
    if (kills !== undefined) marks.hostKills(now, kills)
    for (const kill of sources.kernelLog.drain()) {
      const owner = ownerOf(kill)
      marks.kernelKill(kill, owner)
      if (owner?.whom !== 'child') continue
      const agent = [...agents()].find(({ incarnation }) => incarnation === owner.incarnation)
      if (agent !== undefined) onChildKilled(agent)
    }
  }

  function ownerOf({ pid, taskGroup }: { pid: number; taskGroup?: string }): KillOwner | undefined {
    for (const container of sources.engine.containers().values()) {
      if (taskGroup?.includes(container.id) !== true) continue
      const mainPid = mainPids.get(container.id)
      if (mainPid === undefined) return undefined
      const whom = mainPid === pid ? 'main' : 'child'
      return { incarnation: containerIncarnation(container.id, container.startedAt), whom }
    }
    return sources.pidsAreOurs ? owners.get(pid) : undefined
  }

  function notePids(): void {
    const containers = sources.engine.containers()
    for (const id of mainPids.keys()) if (!containers.has(id)) mainPids.delete(id)
    for (const container of containers.values()) noteMain(container)
    if (sources.kernelLog.coveredSince() === undefined || !sources.pidsAreOurs) return
    turn++
    for (const agent of agents()) {
      if (agent.runtime !== 'process' || agent.endedAtMs !== undefined) continue
      const { incarnation } = agent
      for (const pid of sources.members(agent)) {
        const known = owners.get(pid)
        if (known?.incarnation === incarnation) known.turn = turn
        else owners.set(pid, { incarnation, whom: pid === keyOf(agent)?.pid ? 'main' : 'child', turn })
      }
    }
    owners.forEach(({ turn: seen }, pid) => {
      if (seen !== turn) owners.delete(pid)
    })
  }

  function noteMain({ id, pid }: ContainerInfo): void {
    if (pid !== undefined) mainPids.set(id, pid)
  }

  return {
    look() {
      if (clock.monotonic() - lookedAtMs >= LOOK_AGAIN_MS) look()
    },
    sampled() {
      look()
      notePids()
    },
    noteMain,
    readGroup(containerId) {
      const container = sources.engine.containers().get(containerId)
      const group = container === undefined ? undefined : sources.group(container)
      if (container === undefined || group === undefined) return
      const now = clock.monotonic()
      if (group.oomKills !== undefined) {
        const incarnation = containerIncarnation(containerId, container.startedAt)
        marks.groupKills(containerId, incarnation, now, group.oomKills)
      }
      marks.groupMemory(containerId, now, group)
    },
  }
}
