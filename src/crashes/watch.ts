import type { Agent, AgentEvents, AgentId, Incarnation } from '../agents/model.ts'
import { containerIncarnation, isAgentId } from '../agents/model.ts'
import type { Bus, Unsubscribe } from '../platform/bus.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import {
  AGENT_LABEL,
  type ContainerIncident,
  type ContainerInfo,
  ROLE_LABEL,
  SANDBOX_LABEL,
} from '../platform/docker/container.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { exitOfWaitStatus } from './ending.ts'
import type { Case } from './gather.ts'
import type { KillOwner, Marks } from './marks.ts'
import type { ExitEvidence, Subject } from './model.ts'
import type { CrashSources } from './sources.ts'
import type { OutputFacts } from './tail.ts'

/** What whoever started an agent says of its end. */
export interface ToldEnd {
  readonly exit: ExitEvidence
  readonly output: { readonly facts: OutputFacts; readonly text: string | undefined } | undefined
}

export interface WatchDependencies {
  readonly clock: Clock
  readonly bus: Pick<Bus<AgentEvents>, 'on'>
  readonly sources: CrashSources
  readonly marks: Marks
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  /** Called once for every end, and for every incident, when all has been told that is likely to come. */
  readonly onSettled: (settled: Case) => void
}

/** Sees ends coming, and waits a bounded time for what belongs to them. */
export interface EndWatch {
  start(): void
  stop(): void
  /** Who waited for a process says how it ended; before or after its end is seen here. */
  tell(agent: Agent, told: ToldEnd): void
  /** What is kept, for tests of growth. */
  size(): Readonly<Record<'open' | 'settled' | 'told', number>>
}

/** The kernel's log, the counters and our own journal have everything a moment after the end. */
const SETTLE_MS = 300
/** How long the exit status is waited for: `run` tells it at once, the engine when it has inspected the container. */
const EXIT_WITHIN_MS = 2_500
/** An `oom` without a `die` behind it, which comes some 30 ms later: a child was killed. Told within a second. */
const CHILD_OOM_MS = 500
/** Reading `/proc/vmstat` takes a tenth of a millisecond. */
const LOOK_AGAIN_MS = 20
/** Lives that ended, so that each is settled once. */
const MOST_REMEMBERED = 4_096

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
  const told = new Map<Incarnation, ToldEnd>()
  /** Waiting to see whether the container dies of an OOM. */
  const incidents = new Map<string, Timer>()
  let owners: ReadonlyMap<number, KillOwner> = new Map()
  let off: Unsubscribe[] = []

  function remember(keys: Map<Incarnation, unknown>): void {
    while (keys.size > MOST_REMEMBERED) {
      const [oldest] = keys.keys()
      keys.delete(oldest as Incarnation)
    }
  }

  function begin(of: Omit<Open, 'openedAtMs' | 'timer' | 'hasDied'>, saw: 'die' | 'no die'): void {
    const opened: Open = { ...of, openedAtMs: clock.monotonic(), timer: undefined, hasDied: saw === 'die' }
    open.set(of.subject.incarnation, opened)
    const earlier = told.get(of.subject.incarnation)
    if (earlier !== undefined) {
      told.delete(of.subject.incarnation)
      // The kernel's own word is not overruled by anybody.
      opened.exit ??= earlier.exit
      opened.output = earlier.output
    }
    plan(opened)
  }

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
    remember(settled)
    look()
    onSettled(one)
    if (one.containerId !== undefined && !sources.engine.containers().has(one.containerId)) {
      marks.forgetContainer(one.containerId)
    }
  }

  let lookedAtMs = Number.NEGATIVE_INFINITY

  /** The same for a thousand agents that end at once. */
  function look(): void {
    if (clock.monotonic() - lookedAtMs >= LOOK_AGAIN_MS) lookNow()
  }

  /** Takes down what the kernel counts and logs at this moment. */
  function lookNow(): void {
    lookedAtMs = clock.monotonic()
    const now = clock.now()
    const kills = sources.hostKills()
    if (kills !== undefined) marks.hostKills(now, kills)
    for (const kill of sources.kernelLog.drain()) {
      const owner = ownerOf(kill)
      marks.kernelKill(kill, owner)
      if (owner?.whom !== 'child') continue
      const agent = [...agents.list()].find(({ incarnation }) => incarnation === owner.incarnation)
      if (agent !== undefined) suspect(agent.incarnation, () => subjectOf(agent), agent, undefined)
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

  /** Main processes by container: the engine forgets the number with the end. */
  const mainPids = new Map<string, number>()

  function notePids(): void {
    const containers = sources.engine.containers()
    for (const id of mainPids.keys()) if (!containers.has(id)) mainPids.delete(id)
    for (const { id, pid } of containers.values()) if (pid !== undefined) mainPids.set(id, pid)
    if (sources.kernelLog.coveredSince() === undefined || !sources.pidsAreOurs) return
    const next = new Map<number, KillOwner>()
    for (const agent of agents.list()) {
      if (agent.runtime !== 'process' || agent.endedAtMs !== undefined) continue
      const { incarnation } = agent
      const root = keyOf(agent)?.pid
      for (const pid of sources.members(agent)) {
        next.set(pid, { incarnation, whom: pid === root ? 'main' : 'child' })
      }
    }
    owners = next
  }

  function onSample(): void {
    // Who was killed since the last sample is known by the processes of the last sample.
    lookNow()
    notePids()
    const now = clock.now()
    for (const agent of agents.list()) {
      const { oomKills } = agent.reading
      if (agent.runtime !== 'container' || agent.endedAtMs !== undefined || oomKills === undefined) continue
      const id = containerIdOf(agent)
      const before = marks.group(id, now)?.totalKills
      marks.groupKills(id, now, oomKills)
      if (before !== undefined && oomKills > before) {
        suspect(agent.incarnation, () => subjectOf(agent), agent, id)
      }
    }
  }

  /** A process was killed for memory: wait whether its agent ends with it. */
  function suspect(
    incarnation: Incarnation,
    subject: () => Subject,
    agent: Agent | undefined,
    containerId: string | undefined,
  ): void {
    if (incidents.has(incarnation) || open.has(incarnation)) return
    const seenAtMs = clock.now()
    const limitBytes = agent?.reading.memoryLimitBytes
    const timer = clock.setTimer(CHILD_OOM_MS, () => {
      incidents.delete(incarnation)
      if (open.has(incarnation) || settled.has(incarnation) || agent?.endedAtMs !== undefined) return
      look()
      if (containerId !== undefined) readGroup(containerId)
      onSettled({
        ...{ subject: subject(), life: 'alive', ended: { atMs: seenAtMs, by: 'event' }, seenAtMs, agent },
        ...{ containerId, after: undefined, exit: undefined, output: undefined, limitBytes },
      })
    })
    incidents.set(incarnation, timer)
  }

  function readGroup(containerId: string): void {
    const container = sources.engine.containers().get(containerId)
    const group = container === undefined ? undefined : sources.group(container)
    if (group === undefined) return
    if (group.oomKills !== undefined) marks.groupKills(containerId, clock.now(), group.oomKills)
    marks.groupMemory(containerId, clock.now(), group)
  }

  function onIncident({ action, container, at, exitCode, signal }: ContainerIncident): void {
    const { id } = container
    const mark = { action, atMs: at, ...(signal === undefined ? {} : { signal }) }
    marks.event(id, exitCode === undefined ? mark : { ...mark, exitCode })
    if (container.pid !== undefined) mainPids.set(id, container.pid)
    if (action === 'kill') return
    const incarnation = containerIncarnation(id, container.startedAt)
    const agent = agentOf(incarnation)
    if (action === 'oom') {
      if (marks.group(id, at) === undefined) marks.groupKills(id, at, 0)
      // It can still be read for some ten milliseconds.
      readGroup(id)
      suspect(incarnation, () => subjectOfContainer(container, agent), agent, id)
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
    look()
    const subject = subjectOfContainer(container, agent)
    const exit: ExitEvidence | undefined =
      exitCode === undefined ? undefined : { source: 'engine', code: exitCode }
    const known = open.get(subject.incarnation)
    if (known !== undefined) {
      // Seen missing by a sample first; the engine is later but knows more.
      known.exit = exit
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
        ...{
          life: 'ended',
          ended: { atMs, by: 'event' },
          seenAtMs: clock.now(),
          agent: isNext ? undefined : agent,
        },
        ...{ containerId: container.id, after: undefined, exit, output: undefined },
        limitBytes: agent?.reading.memoryLimitBytes ?? container.memoryLimitBytes,
      },
      'die',
    )
  }

  /** The engine has inspected a container after its end. */
  function onChanged(container: ContainerInfo): void {
    if (container.pid !== undefined) mainPids.set(container.id, container.pid)
    for (const one of open.values()) {
      if (one.containerId !== container.id || one.after !== undefined) continue
      const isOver = container.finishedAt !== undefined
      const isNext = Date.parse(container.startedAt) > one.ended.atMs
      if (!isOver && !isNext) continue
      one.after = container
      if (one.exit === undefined && isOver && !isNext && container.exitCode !== undefined) {
        one.exit = { source: 'engine', code: container.exitCode }
      }
      plan(one)
    }
  }

  function onExited(agent: Agent): void {
    const { incarnation } = agent
    if (open.has(incarnation) || settled.has(incarnation)) return
    look()
    const isContainer = agent.runtime === 'container'
    const key = keyOf(agent)
    const status = key === undefined ? undefined : sources.waitStatus(key)
    const containerId = isContainer ? containerIdOf(agent) : undefined
    const after = containerId === undefined ? undefined : sources.engine.containers().get(containerId)
    begin(
      {
        subject: subjectOf(agent),
        ...{ life: 'ended', ended: { atMs: agent.endedAtMs ?? clock.now(), by: 'sample' }, agent },
        seenAtMs: clock.now(),
        ...{ containerId, after: undefined, output: undefined },
        exit: status === undefined ? undefined : { source: 'zombie', ...exitOfWaitStatus(status) },
        limitBytes: limits.get(agent),
      },
      'no die',
    )
    if (after !== undefined) onChanged(after)
  }

  /** Gauges are gone when an agent has ended: the limit is what it was at the last sample. */
  const limits = new WeakMap<Agent, number>()
  function noteLimits(): void {
    for (const agent of agents.list()) {
      const { memoryLimitBytes } = agent.reading
      if (memoryLimitBytes !== undefined) limits.set(agent, memoryLimitBytes)
    }
  }

  function agentOf(incarnation: Incarnation): Agent | undefined {
    for (const agent of agents.list()) if (agent.incarnation === incarnation) return agent
    return undefined
  }

  return {
    start() {
      sources.kernelLog.drain()
      off = [
        bus.on('sample', () => {
          onSample()
          noteLimits()
        }),
        bus.on('agent.exited', ({ agent }) => onExited(agent)),
        sources.engine.on((change) => {
          if (change.kind === 'incident') onIncident(change)
          else if (change.kind !== 'removed') onChanged(change.container)
        }),
      ]
    },

    stop() {
      for (const unsubscribe of off.splice(0)) unsubscribe()
      for (const timer of incidents.values()) timer.cancel()
      incidents.clear()
      for (const one of [...open.values()]) {
        one.timer?.cancel()
        settle(one)
      }
      sources.kernelLog.close()
    },

    tell(agent, { exit, output }) {
      const { incarnation } = agent
      if (settled.has(incarnation)) return
      const known = open.get(incarnation)
      if (known === undefined) {
        told.set(incarnation, { exit, output })
        remember(told)
        return
      }
      known.exit ??= exit
      known.output = output
      plan(known)
    },

    size: () => ({ open: open.size, settled: settled.size, told: told.size }),
  }
}

/** An end seen by a sample and the `die` of the same end lie no further apart. */
const LATE_MS = 5_000

function subjectOf(agent: Agent): Subject {
  const { id, incarnation, runtime, info } = agent
  return { agent: id, incarnation, runtime, role: info.role, pid: keyOf(agent)?.pid }
}

/** Containers that die before they were ever measured are known by their labels. */
function subjectOfContainer(container: ContainerInfo, agent: Agent | undefined): Subject {
  if (agent !== undefined) return { ...subjectOf(agent), pid: container.pid }
  const { labels, id, startedAt, pid } = container
  const named = labels[AGENT_LABEL] ?? labels[SANDBOX_LABEL]
  return {
    agent: isAgentId(named) ? named : `container-${id.slice(0, 12)}`,
    incarnation: containerIncarnation(id, startedAt),
    runtime: 'container',
    role: labels[ROLE_LABEL],
    pid,
  }
}

function containerIdOf({ incarnation }: Pick<Agent, 'incarnation'>): string {
  return incarnation.slice(0, incarnation.indexOf(':'))
}

/** The root of a process agent: its incarnation ends in pid and start time. */
function keyOf({ runtime, incarnation }: Pick<Agent, 'runtime' | 'incarnation'>): ProcessKey | undefined {
  if (runtime !== 'process') return undefined
  const [pid, startTime] = incarnation.split(':').slice(-2).map(Number)
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime }
}
