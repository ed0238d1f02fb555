import type { Clock } from '../platform/clock.ts'
import type { DockerEngine } from '../platform/docker/container.ts'
import { type Agent, containerOf, type Incarnation } from './model.ts'
import { createOomKills, type OomKills } from './oom-kills.ts'
import type { Registry } from './registry.ts'

/** OOM kills of every container over all its lives, shown in the reading of its last agent. */
export interface ContainerKills {
  /** @param reached what an exporter that ran before had come to in this life */
  started(id: string, agent: Agent, reached: number | undefined): void
  /** See `OomKills.uncounted`. */
  uncounted(id: string, agent: Agent): void
  /** Takes down what the group counted. */
  counted(id: string, agent: Agent): void
  /** See `OomKills.told`. */
  told(id: string, incarnation: Incarnation, count: number | undefined): void
  /** See `OomKills.ended`. */
  ended(id: string, incarnation: Incarnation, by: 'engine' | 'sample'): void
  /** Somebody found out how this life ended: see `OomKills.judged`. */
  judged(incarnation: Incarnation, killed: 'main' | 'some'): void
  /** Forgets containers that are gone, once their agents are too. */
  forget(): void
}

export interface ContainerKillsOptions {
  readonly clock: Clock
  readonly registry: Pick<Registry, 'get'>
  readonly engine: Pick<DockerEngine, 'containers'>
}

/** Outlives the incarnations of a container. */
interface KillsOfContainer {
  readonly kills: OomKills
  /** Its last agent. */
  agent: Agent | undefined
}

export function createContainerKills({ clock, registry, engine }: ContainerKillsOptions): ContainerKills {
  const known = new Map<string, KillsOfContainer>()

  function of(id: string, agent?: Agent): KillsOfContainer {
    const found = known.get(id) ?? { kills: createOomKills(), agent: undefined }
    if (agent !== undefined) found.agent = agent
    known.set(id, found)
    return found
  }

  function show({ agent, kills }: KillsOfContainer): void {
    if (agent !== undefined) agent.reading.oomKills = kills.total
  }

  return {
    started(id, agent, reached) {
      const isFirst = !known.has(id)
      const found = of(id, agent)
      if (isFirst && reached !== undefined) found.kills.resumed(agent.incarnation, reached)
      show(found)
    },
    uncounted(id, agent) {
      const found = of(id, agent)
      found.kills.uncounted(agent.incarnation)
      show(found)
    },
    counted(id, agent) {
      const { groupOomKills } = agent.reading
      if (groupOomKills === undefined) return
      const found = of(id, agent)
      found.kills.counted(agent.incarnation, groupOomKills, clock.monotonic())
      show(found)
    },
    told(id, incarnation, count) {
      const found = of(id)
      found.kills.told(incarnation, count, clock.monotonic())
      show(found)
    },
    ended(id, incarnation, by) {
      of(id).kills.ended(incarnation, by, clock.monotonic())
    },
    judged(incarnation, killed) {
      const id = containerOf(incarnation)
      if (!known.has(id) && !engine.containers().has(id)) return
      const found = of(id)
      found.kills.judged(incarnation, killed, clock.monotonic())
      show(found)
    },
    forget() {
      const present = engine.containers()
      for (const [id, { agent }] of known) {
        if (present.has(id) || (agent !== undefined && registry.get(agent.id) === agent)) continue
        known.delete(id)
      }
    },
  }
}
