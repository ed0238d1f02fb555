import type { Agent, AgentEvents, Incarnation } from '../agents/model.ts'
import type { ActionRequest, Control } from '../control/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import { adviceFor, overdueAdvice } from './advice.ts'
import type { MemoryAlert } from './alerts.ts'
import { type Asking, createAsking } from './asking.ts'
import { createExcursionBook } from './excursion-book.ts'
import type { Excursion, ExcursionRepository } from './excursions.ts'
import type { MemoryState } from './judge.ts'
import type { BadLevel } from './model.ts'
import type { MemoryEvents } from './record.ts'
import { isReached, type MemoryActionsConfig, nextSize, type Wanted, wantedAt } from './wanted.ts'

export interface MemoryActionsDependencies {
  readonly clock: Clock
  readonly moment: () => Moment
  readonly log: Log
  readonly bus: Bus<AgentEvents & MemoryEvents>
  readonly agents: { list(): Iterable<Agent> }
  readonly control: Pick<Control, 'request' | 'settled' | 'holds'>
  readonly excursions: ExcursionRepository
  readonly config: () => MemoryActionsConfig
  /** What was judged of the agent last; undefined when it has not been. */
  readonly state: (agent: Agent) => MemoryState | undefined
  /** What the engine was told to let this container use. */
  readonly ownLimitBytes: (agent: Agent) => number | undefined
  readonly raise: (agent: Agent, alert: MemoryAlert) => void
}

/** Asks the action plane about agents that are about to run out of memory. It decides nothing that the guard decides. */
export interface MemoryActions {
  /** An agent got to a worse level in a sample that was read just now. @param atMs monotonic */
  crossed(agent: Agent, level: BadLevel, atMs: number): void
  /** Learns what an earlier run of the daemon began. Until that is known nothing is asked for. */
  start(): Promise<void>
  stop(): void
}

interface Open {
  readonly agent: Agent
  readonly asking: Asking
  excursion: Excursion
  /** Begun in an earlier run: a level of this run says nothing of its end before it has lasted. */
  readonly begun: 'now' | 'earlier'
  wellSinceMs: number | undefined
  deadline: 'ahead' | 'told'
}

/** As long as a level takes to be left. */
const WELL_FOR_MS = 60_000
const ACTOR = 'memory'

export function createMemoryActions(deps: MemoryActionsDependencies): MemoryActions {
  const { clock, moment, log, bus, agents, control, config } = deps
  const stopping = new AbortController()
  const book = createExcursionBook({ clock, log, repository: deps.excursions })
  const open = new Map<Incarnation, Open>()

  function begin(agent: Agent, excursion: Excursion, begun: Open['begun']): Open {
    const asking = createAsking({ clock, log, control, signal: stopping.signal })
    const one: Open = { agent, asking, excursion, begun, wellSinceMs: undefined, deadline: 'ahead' }
    open.set(agent.incarnation, one)
    return one
  }

  function known(agent: Agent): Open | undefined {
    const before = open.get(agent.incarnation)
    if (before !== undefined) return before
    const excursion = book.of(agent)
    return excursion?.state === 'open' ? begin(agent, excursion, 'earlier') : undefined
  }

  function update(one: Open, change: Partial<Excursion>): void {
    one.excursion = { ...one.excursion, ...change }
    book.update(one.excursion)
  }

  function requestOf(
    { agent, excursion }: Open,
    action: ActionRequest['action'],
    reason: string,
  ): ActionRequest {
    const { id, incarnation } = agent
    return {
      ...{ action, agent: id, incarnation, trigger: 'memory', hold: 'memory', actor: ACTOR, reason },
      episode: String(excursion.ordinal),
    }
  }

  function act(agent: Agent, wanted: Wanted, state: MemoryState, crossedAtMs: number | undefined): void {
    const { judged: gauge } = state.level
    if (gauge === undefined) return
    const one = known(agent) ?? begin(agent, book.open(agent), 'now')
    const { action, level } = wanted
    const { message } = adviceFor(level, { gauge, growthBytesPerSecond: undefined, timeToLimit: undefined })
    const asked = requestOf(one, action, message)
    const request = crossedAtMs === undefined ? asked : { ...asked, crossedAtMs }
    if (action !== 'resize') {
      one.asking.ask(request, action === 'pause' ? () => paused(one) : undefined)
      return
    }
    // Of a process the guard says itself that it cannot be resized.
    const size =
      agent.runtime === 'container'
        ? nextSize(gauge, deps.ownLimitBytes(agent), config())
        : config().maxMemoryBytes
    if (typeof size === 'number') {
      one.asking.ask({ ...request, size: { memoryBytes: size } })
      return
    }
    one.asking.giveUp('resize')
    log.warn('a container that needs memory was not resized', { agent: agent.id, reason: size })
  }

  function paused(one: Open): void {
    if (one.excursion.pausedAt === undefined && isHeld(one)) update(one, { pausedAt: moment() })
  }

  function isHeld({ agent }: Open): boolean {
    return control.holds(agent.id).has('memory')
  }

  function close(one: Open): void {
    update(one, { state: 'closed', pausedAt: undefined })
    open.delete(one.agent.incarnation)
  }

  function resume(one: Open, reason: string, done?: () => void): void {
    one.asking.ask(requestOf(one, 'resume', reason), done)
  }

  /** It is well: whoever was stopped for it goes on, and the next time is another excursion. */
  function recover(one: Open, atMs: number): void {
    one.wellSinceMs ??= atMs
    if (one.begun === 'earlier' && atMs - one.wellSinceMs < WELL_FOR_MS) return
    if (isHeld(one)) resume(one, 'its memory is healthy again')
    else if (!one.asking.isUnderWay()) close(one)
  }

  /** A pause frees no memory: it is for a while, in which somebody makes room or decides. */
  function watchPause(one: Open, state: MemoryState, wanted: Wanted | undefined): void {
    if (!isHeld(one)) {
      if (one.excursion.pausedAt !== undefined) update(one, { pausedAt: undefined })
      return
    }
    const { pausedAt } = one.excursion
    if (pausedAt === undefined) {
      paused(one)
      return
    }
    const { pauseDeadlineMs, afterPause } = config()
    const pausedMs = elapsedMs(pausedAt, moment())
    if (pausedMs < pauseDeadlineMs) return
    if (wanted === undefined) {
      resume(one, 'its memory is better', () => close(one))
      return
    }
    const { agent } = one
    const { level, judged: gauge } = state.level
    const next = afterPause === 'terminate' ? 'terminate' : 'person'
    if (one.deadline === 'ahead' && level !== 'healthy') {
      one.deadline = 'told'
      bus.emit('agent.memory_pause_overdue', { agent, level, pausedMs, next })
      const thresholdBytes = gauge?.thresholds[level]
      const alert = { type: level, level, bytes: gauge?.bytes, thresholdBytes }
      deps.raise(agent, { ...alert, ...overdueAdvice(gauge, pausedMs / 1_000, next) })
    }
    if (next === 'terminate') {
      const minutes = Math.round(pausedMs / 60_000)
      one.asking.ask(
        requestOf(one, 'terminate', `paused for its memory for ${minutes} min, which is no better`),
      )
    }
  }

  /** Only what this sample really read is acted on. */
  function look(agent: Agent, atMs: number): void {
    if (agent.endedAtMs !== undefined || agent.conflict) return
    const state = deps.state(agent)
    if (state?.level.seenAtMs !== atMs) return
    const one = known(agent)
    const { level, judged } = state.level
    if (level === 'healthy') {
      if (one !== undefined) recover(one, atMs)
      return
    }
    const wanted = wantedAt(level, config())
    if (one !== undefined) {
      one.wellSinceMs = undefined
      watchPause(one, state, wanted)
    }
    if (wanted !== undefined && isReached(judged, wanted)) act(agent, wanted, state, undefined)
  }

  function forget({ incarnation }: Agent): void {
    open.delete(incarnation)
    book.forget(incarnation)
  }

  bus.on('sample', ({ atMs }) => {
    if (stopping.signal.aborted) return
    if (!book.isLoaded()) {
      void book.load()
      return
    }
    for (const agent of agents.list()) look(agent, atMs)
  })
  bus.on('agent.exited', ({ agent }) => forget(agent))
  bus.on('agent.removed', ({ agent }) => forget(agent))

  return {
    crossed(agent, level, atMs) {
      const wanted = wantedAt(level, config())
      const state = deps.state(agent)
      if (!book.isLoaded() || wanted === undefined || state === undefined) return
      act(agent, wanted, state, atMs)
    },
    start: book.load,
    stop: () => stopping.abort(),
  }
}
