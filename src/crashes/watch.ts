import type { Agent, AgentEvents, AgentId, Incarnation } from '../agents/model.ts'
import type { Bus, Unsubscribe } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { createContainerEnds } from './container-ends.ts'
import { exitOfWaitStatus } from './ending.ts'
import type { Case } from './gather.ts'
import { createLiving } from './living.ts'
import { createLookout } from './lookout.ts'
import type { Marks } from './marks.ts'
import type { Subject } from './model.ts'
import { createOpenEnds } from './open-ends.ts'
import type { CrashSources } from './sources.ts'
import { containerIdOf, keyOf, subjectOf } from './subject.ts'
import type { ToldEnd } from './told-ends.ts'

export interface WatchDependencies {
  readonly clock: Clock
  readonly bus: Pick<Bus<AgentEvents>, 'on'>
  readonly sources: CrashSources
  readonly marks: Marks
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  /** Called once for every end, and for every incident, when all has been told that is likely to come. */
  readonly onSettled: (settled: Case) => void
}

/**
 * `open`: its end is being looked into. `settled`: that is done. `gone`: the process has ended and nobody has seen it
 * yet. `lives`: all others.
 */
export type LifeState = 'open' | 'settled' | 'gone' | 'lives'

/** Sees ends coming, and waits a bounded time for what belongs to them. */
export interface EndWatch {
  start(): void
  stop(): void
  stateOf(life: Pick<Subject, 'incarnation' | 'runtime'>): LifeState
  /**
   * Somebody says how a life ended; before or after its end is seen here, or where it never was. Nothing that is said
   * of a process that lives is believed, and nothing changes what has been judged.
   */
  tell(subject: Subject, told: ToldEnd): void
  /** What is kept, for tests of growth. */
  size(): Readonly<Record<'open' | 'settled' | 'told', number>>
}

const isHearsay = ({ exit }: ToldEnd): boolean => exit?.source !== 'parent'

export function createEndWatch(dependencies: WatchDependencies): EndWatch {
  const { clock, bus, sources, marks, agents, onSettled } = dependencies
  const ends = createOpenEnds(clock, (end) => {
    lookout.look()
    onSettled(end)
    if (end.containerId !== undefined && !sources.engine.containers().has(end.containerId)) {
      marks.forgetContainer(end.containerId)
    }
  })
  const hasEnded = (incarnation: Incarnation): boolean =>
    ends.of(incarnation) !== undefined || ends.settled(incarnation) !== undefined
  const lookout = createLookout({
    ...{ clock, sources, marks, agents: agents.list },
    onChildKilled: (agent) => living.suspect(agent.incarnation, () => subjectOf(agent), agent, undefined),
  })
  const living = createLiving({ clock, lookout, hasEnded, onLivesOn: onSettled })
  const containers = createContainerEnds({ clock, marks, lookout, living, ends, agentOf })
  /** Gauges are gone when an agent has ended: the limit is what it was at the last sample. */
  const limits = new WeakMap<Agent, number>()
  let off: Unsubscribe[] = []

  function onSample(): void {
    lookout.sampled()
    const now = clock.monotonic()
    for (const agent of agents.list()) {
      const { groupOomKills: oomKills, memoryLimitBytes } = agent.reading
      if (memoryLimitBytes !== undefined) limits.set(agent, memoryLimitBytes)
      if (agent.runtime !== 'container' || agent.endedAtMs !== undefined || oomKills === undefined) continue
      const id = containerIdOf(agent)
      if (marks.groupKills(id, agent.incarnation, now, oomKills)) {
        living.suspect(agent.incarnation, () => subjectOf(agent), agent, id)
      }
    }
  }

  function onExited(agent: Agent): void {
    const { incarnation } = agent
    if (hasEnded(incarnation)) return
    lookout.look()
    const isContainer = agent.runtime === 'container'
    const key = keyOf(agent)
    const status = key === undefined ? undefined : sources.waitStatus(key)
    const containerId = isContainer ? containerIdOf(agent) : undefined
    const after = containerId === undefined ? undefined : sources.engine.containers().get(containerId)
    ends.begin(
      {
        subject: subjectOf(agent),
        ...{ life: 'ended', ended: { atMs: agent.endedAtMs ?? clock.now(), by: 'sample' }, agent },
        ...{ containerId, after: undefined, output: undefined },
        exit: status === undefined ? undefined : { source: 'zombie', ...exitOfWaitStatus(status) },
        limitBytes: limits.get(agent),
      },
      'no die',
    )
    if (after !== undefined) containers.onChanged(after)
  }

  function agentOf(incarnation: Incarnation): Agent | undefined {
    for (const agent of agents.list()) if (agent.incarnation === incarnation) return agent
    return undefined
  }

  function stateOf(life: Pick<Subject, 'incarnation' | 'runtime'>): LifeState {
    const { incarnation } = life
    if (ends.of(incarnation) !== undefined) return 'open'
    if (ends.settled(incarnation) !== undefined) return 'settled'
    const key = keyOf(life)
    if (key !== undefined) return sources.runs(key) ? 'lives' : 'gone'
    return agentOf(incarnation)?.endedAtMs === undefined ? 'lives' : 'settled'
  }

  return {
    start() {
      sources.kernelLog.drain()
      off = [
        bus.on('sample', onSample),
        bus.on('agent.exited', ({ agent }) => onExited(agent)),
        sources.engine.on((change) => {
          if (change.kind === 'incident') containers.onIncident(change)
          else if (change.kind !== 'removed') containers.onChanged(change.container)
        }),
      ]
    },

    stop() {
      for (const unsubscribe of off.splice(0)) unsubscribe()
      living.stop()
      ends.settleAll()
      sources.kernelLog.close()
    },

    stateOf,

    tell(subject, what) {
      const { incarnation, runtime } = subject
      const state = stateOf(subject)
      const known = ends.of(incarnation)
      if (known !== undefined) {
        ends.tell(known, what)
        return
      }
      if (state === 'settled') return
      // Whoever may speak for a container may be in it; what only tells about itself has nobody else.
      if (state === 'lives' && (runtime === 'process' || (runtime === 'container' && isHearsay(what)))) return
      if (agentOf(incarnation) !== undefined) return ends.toldEarly(incarnation, what)
      ends.begin(
        {
          ...{ subject, life: 'ended', ended: { atMs: clock.now(), by: 'event' }, agent: undefined },
          ...{ containerId: undefined, after: undefined, limitBytes: undefined },
          ...{ exit: what.exit, output: what.output },
        },
        'no die',
      )
    },

    size: ends.size,
  }
}
