import type { Agent, AgentEvents, AgentId, Incarnation } from '../agents/model.ts'
import { containerIncarnation } from '../agents/model.ts'
import type { Bus, Unsubscribe } from '../platform/bus.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { ContainerIncident, ContainerInfo } from '../platform/docker/container.ts'
import { exitOfWaitStatus } from './ending.ts'
import type { Case } from './gather.ts'
import { createLiving } from './living.ts'
import { createLookout } from './lookout.ts'
import type { Marks } from './marks.ts'
import type { ExitEvidence, Subject } from './model.ts'
import type { CrashSources } from './sources.ts'
import { containerIdOf, keyOf, subjectOf, subjectOfContainer } from './subject.ts'
import { createToldEnds, type ToldEnd, takeIn } from './told-ends.ts'

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

/** The kernel's log, the counters and our own journal have everything a moment after the end. */
const SETTLE_MS = 300
/** How long the exit status is waited for: `run` tells it at once, the engine when it has inspected the container. */
const EXIT_WITHIN_MS = 2_500
/** An end seen by a sample and the `die` of the same end lie no further apart. */
const LATE_MS = 5_000
/** Lives that ended, so that each is settled once. */
const MOST_REMEMBERED = 4_096

const isHearsay = ({ exit }: ToldEnd): boolean => exit?.source !== 'parent'

interface Open extends Case {
  readonly openedAtMs: number
  timer: Timer | undefined
  /** The engine said `die`. */
  hasDied: boolean
}

export function createEndWatch(dependencies: WatchDependencies): EndWatch {
  const { clock, bus, sources, marks, agents, onSettled } = dependencies
  const open = new Map<Incarnation, Open>()
  const settled = new Map<Incarnation, 'with die' | 'without die'>()
  const told = createToldEnds(MOST_REMEMBERED)
  const lookout = createLookout({
    ...{ clock, sources, marks, agents: agents.list },
    onChildKilled: (agent) => living.suspect(agent.incarnation, () => subjectOf(agent), agent, undefined),
  })
  const living = createLiving({
    ...{ clock, lookout, onLivesOn: onSettled },
    hasEnded: (incarnation) => open.has(incarnation) || settled.has(incarnation),
  })
  let off: Unsubscribe[] = []

  function begin(of: Omit<Open, 'openedAtMs' | 'timer' | 'hasDied'>, saw: 'die' | 'no die'): void {
    const opened: Open = { ...of, openedAtMs: clock.monotonic(), timer: undefined, hasDied: saw === 'die' }
    open.set(of.subject.incarnation, opened)
    const earlier = told.take(of.subject.incarnation)
    if (earlier !== undefined) takeIn(opened, earlier)
    plan(opened)
  }

  const seenNow = () => ({ seenAtMs: clock.now(), seenAtMono: clock.monotonic() })

  /** As soon as the exit status is known, else as late as it may still come. */
  function plan(one: Open): void {
    one.timer?.cancel()
    const hasAll = one.exit !== undefined && (one.subject.runtime !== 'container' || one.after !== undefined)
    const due = one.openedAtMs + (hasAll ? SETTLE_MS : EXIT_WITHIN_MS)
    one.timer = clock.setTimer(Math.max(0, due - clock.monotonic()), () => settle(one))
  }

  function settle(one: Open): void {
    const { incarnation } = one.subject
    open.delete(incarnation)
    settled.set(incarnation, one.hasDied ? 'with die' : 'without die')
    for (const oldest of settled.keys()) {
      if (settled.size <= MOST_REMEMBERED) break
      settled.delete(oldest)
    }
    lookout.look()
    onSettled(one)
    if (one.containerId !== undefined && !sources.engine.containers().has(one.containerId)) {
      marks.forgetContainer(one.containerId)
    }
  }

  function onSample(): void {
    lookout.sampled()
    const now = clock.monotonic()
    for (const agent of agents.list()) {
      const { oomKills, memoryLimitBytes } = agent.reading
      if (memoryLimitBytes !== undefined) limits.set(agent, memoryLimitBytes)
      if (agent.runtime !== 'container' || agent.endedAtMs !== undefined || oomKills === undefined) continue
      const id = containerIdOf(agent)
      const before = marks.group(id, now)?.totalKills
      marks.groupKills(id, now, oomKills)
      if (before !== undefined && oomKills > before) {
        living.suspect(agent.incarnation, () => subjectOf(agent), agent, id)
      }
    }
  }

  /** Gauges are gone when an agent has ended: the limit is what it was at the last sample. */
  const limits = new WeakMap<Agent, number>()

  function onIncident({ action, container, at, exitCode, signal }: ContainerIncident): void {
    const { id } = container
    const mark = { action, atMs: at, ...(signal === undefined ? {} : { signal }) }
    const now = clock.monotonic()
    marks.event(id, exitCode === undefined ? mark : { ...mark, exitCode }, now, clock.now() - now)
    lookout.noteMain(container)
    if (action === 'kill') return
    const incarnation = containerIncarnation(id, container.startedAt)
    const agent = agentOf(incarnation)
    if (action === 'oom') {
      if (marks.group(id, now) === undefined) marks.groupKills(id, now, 0)
      // It can still be read for some ten milliseconds.
      lookout.readGroup(id)
      living.suspect(incarnation, () => subjectOfContainer(container, agent), agent, id)
      return
    }
    die(container, agent, at, exitCode)
  }

  function die(
    container: ContainerInfo,
    agent: Agent | undefined,
    atMs: number,
    exitCode: number | undefined,
  ): void {
    lookout.look()
    const subject = subjectOfContainer(container, agent)
    const exit: ExitEvidence | undefined =
      exitCode === undefined ? undefined : { source: 'engine', code: exitCode }
    const known = open.get(subject.incarnation)
    if (known !== undefined) {
      // Seen missing by a sample first; the engine is later but knows more.
      known.exit = exit ?? known.exit
      known.hasDied = true
      plan(known)
      return
    }
    // It was started again and died before anybody looked: what the engine showed last is the life before.
    const before = settled.get(subject.incarnation)
    const isNext = before !== undefined
    if (before === 'without die' && Math.abs((agent?.endedAtMs ?? atMs) - atMs) < LATE_MS) return
    begin(
      {
        subject: isNext ? { ...subject, incarnation: `${container.id}:died-${Math.round(atMs)}` } : subject,
        ...{ life: 'ended', ended: { atMs, by: 'event' }, ...seenNow() },
        ...{ agent: isNext ? undefined : agent, containerId: container.id },
        ...{ after: undefined, exit, output: undefined },
        limitBytes: agent?.reading.memoryLimitBytes ?? container.memoryLimitBytes,
      },
      'die',
    )
  }

  /** The engine has inspected a container after its end. */
  function onChanged(container: ContainerInfo): void {
    lookout.noteMain(container)
    for (const one of open.values()) {
      if (one.containerId !== container.id || one.after !== undefined) continue
      const isOver = container.finishedAt !== undefined
      const isNext = Date.parse(container.startedAt) > one.ended.atMs
      if (!isOver && !isNext) continue
      one.after = container
      if (one.exit?.source !== 'engine' && isOver && !isNext && container.exitCode !== undefined) {
        one.exit = { source: 'engine', code: container.exitCode }
      }
      plan(one)
    }
  }

  function onExited(agent: Agent): void {
    const { incarnation } = agent
    if (open.has(incarnation) || settled.has(incarnation)) return
    lookout.look()
    const isContainer = agent.runtime === 'container'
    const key = keyOf(agent)
    const status = key === undefined ? undefined : sources.waitStatus(key)
    const containerId = isContainer ? containerIdOf(agent) : undefined
    const after = containerId === undefined ? undefined : sources.engine.containers().get(containerId)
    begin(
      {
        subject: subjectOf(agent),
        ...{ life: 'ended', ended: { atMs: agent.endedAtMs ?? clock.now(), by: 'sample' }, agent },
        ...seenNow(),
        ...{ containerId, after: undefined, output: undefined },
        exit: status === undefined ? undefined : { source: 'zombie', ...exitOfWaitStatus(status) },
        limitBytes: limits.get(agent),
      },
      'no die',
    )
    if (after !== undefined) onChanged(after)
  }

  function agentOf(incarnation: Incarnation): Agent | undefined {
    for (const agent of agents.list()) if (agent.incarnation === incarnation) return agent
    return undefined
  }

  function stateOf(life: Pick<Subject, 'incarnation' | 'runtime'>): LifeState {
    const { incarnation } = life
    if (open.has(incarnation)) return 'open'
    if (settled.has(incarnation)) return 'settled'
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
          if (change.kind === 'incident') onIncident(change)
          else if (change.kind !== 'removed') onChanged(change.container)
        }),
      ]
    },

    stop() {
      for (const unsubscribe of off.splice(0)) unsubscribe()
      living.stop()
      for (const one of [...open.values()]) {
        one.timer?.cancel()
        settle(one)
      }
      sources.kernelLog.close()
    },

    stateOf,

    tell(subject, what) {
      const { incarnation, runtime } = subject
      const state = stateOf(subject)
      const known = open.get(incarnation)
      if (known !== undefined) {
        takeIn(known, what)
        plan(known)
        return
      }
      if (state === 'settled') return
      // Whoever may speak for a container may be in it; what only tells about itself has nobody else.
      if (state === 'lives' && (runtime === 'process' || (runtime === 'container' && isHearsay(what)))) return
      if (agentOf(incarnation) !== undefined) return told.put(incarnation, what)
      begin(
        {
          ...{ subject, life: 'ended', ended: { atMs: clock.now(), by: 'event' }, agent: undefined },
          ...seenNow(),
          ...{ containerId: undefined, after: undefined, limitBytes: undefined },
          ...{ exit: what.exit, output: what.output },
        },
        'no die',
      )
    },

    size: () => ({ open: open.size, settled: settled.size, told: told.size() }),
  }
}
