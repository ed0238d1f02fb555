import { randomUUID } from 'node:crypto'
import type { Agent, AgentEvents, AgentId } from '../agents/model.ts'
import type { MemoryReading } from '../agents/reading.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Collector } from '../platform/feature.ts'
import type { MemoryAlert } from './alerts.ts'
import { createMemoryCollector } from './collector.ts'
import { describeMemory } from './describe.ts'
import { createFastLane } from './fast-lane.ts'
import { freshMemory, type JudgeConfig, judgeMemory, type MemoryState, rebornMemory } from './judge.ts'
import { ALERT_TYPES, type AlertType, type BadLevel, isWorse, type MemorySample } from './model.ts'
import type { MemoryEvents, StoredAlert } from './record.ts'
import { LOOK_EVERY_MS, type TrendState } from './trend.ts'

export interface MemoryDependencies {
  readonly clock: Clock
  readonly bus: Bus<AgentEvents & MemoryEvents>
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  /** Asked at every sample: the configuration may have been loaded again. */
  readonly config: () => JudgeConfig
  /** MemAvailable; undefined when it was not read. */
  readonly hostAvailableBytes: () => number | undefined
  /** What the agent said of its own heap lately; undefined when it says nothing. */
  readonly heap?: (agent: Agent) => Heap | undefined
  /**
   * One agent's memory read now, for looks between the samples; undefined when it cannot be read at once. Left out,
   * there are no such looks.
   */
  readonly look?: (agent: Agent) => MemoryReading | undefined
  /** Durable soon. */
  readonly save: (alert: StoredAlert) => void
  /** An agent got to a worse level: the place to ask the action plane. It is told the crossing on the monotonic clock. */
  readonly crossed?: (agent: Agent, level: BadLevel, atMs: number) => void
}

export type Going = Pick<TrendState, 'trend' | 'growthBytesPerSecond'>
export type Heap = Pick<MemorySample, 'heapUsedBytes' | 'heapAfterGcBytes' | 'heapLimitBytes'>

export interface Memory {
  readonly collector: Collector
  /** Everything known of an agent; undefined when it has not been judged. */
  of(agent: Agent): MemoryState | undefined
  /** Where its memory was going when it was judged last; undefined when it has not been. */
  trend(agent: Agent): Going | undefined
  /** Live agents at the two worst levels. */
  counts(): { readonly criticalAgents: number; readonly oomImminentAgents: number }
  /** Its block in `GET /api/v1/agents/{id}`. */
  describe(id: AgentId): object | undefined
  /** An alert that something else than a sample gives reason for: kept, counted and told like the others. */
  raise(agent: Agent, alert: MemoryAlert): void
  /** No looks between the samples any more. */
  stop(): void
}

/** Alerts of an agent still cool down when it comes back this soon. */
const REMEMBERED_MS = 3_600_000

interface Life {
  readonly agent: Agent
  state: MemoryState
  endedAtMs: number | undefined
}

/** Judges every sample of every agent. It reads nothing and stops nothing itself. */
export function createMemory(dependencies: MemoryDependencies): Memory {
  const { clock, bus, agents, config, hostAvailableBytes, heap, look, save, crossed } = dependencies
  const lives = new Map<AgentId, Life>()
  let begun = 0
  const alerts: Record<AlertType, number> = Object.fromEntries(ALERT_TYPES.map((type) => [type, 0])) as never

  function lifeOf(agent: Agent): Life {
    const known = lives.get(agent.id)
    if (known?.agent.incarnation === agent.incarnation) return known
    const firstLookAtMs = clock.monotonic() + phaseMs(begun++)
    const state =
      known === undefined
        ? freshMemory(config(), firstLookAtMs)
        : rebornMemory(known.state, config(), firstLookAtMs)
    const life = { agent, state, endedAtMs: undefined }
    lives.set(agent.id, life)
    return life
  }

  function raise(agent: Agent, what: MemoryAlert): void {
    const { id, incarnation } = agent
    const told = { id: randomUUID(), agent: id, incarnation, atMs: clock.now() }
    const alert: StoredAlert = { ...what, ...told, acknowledgedAtMs: undefined }
    alerts[alert.type]++
    save(alert)
    bus.emit('agent.memory_alert', { alert })
  }

  /** Judges one sample, one of all agents or one that was taken apart from the others. */
  function observe(agent: Agent, sample: MemorySample, atMs: number): void {
    const life = lifeOf(agent)
    const [state, verdicts] = judgeMemory(life.state, sample, config(), atMs)
    life.state = state
    for (const verdict of verdicts) {
      switch (verdict.kind) {
        case 'level_changed': {
          const { from, to, gauge, stalledRatio } = verdict
          bus.emit('agent.memory_level_changed', { agent, from, to, gauge, stalledRatio })
          // Two lives claim the id: measured, never acted on.
          if (to !== 'healthy' && isWorse(to, from) && !agent.conflict) crossed?.(agent, to, atMs)
          break
        }
        case 'trend_changed': {
          const { from, to } = verdict
          const { growthBytesPerSecond } = state.trend
          bus.emit('agent.memory_trend_changed', { agent, from, to, growthBytesPerSecond })
          break
        }
        case 'limit_near':
          bus.emit('agent.oom_predicted', { agent, timeToLimit: verdict.timeToLimit })
          break
        case 'alert':
          raise(agent, verdict.alert)
      }
    }
  }

  const lane = createFastLane<Agent>({
    clock,
    sleepMs(agent) {
      // Who stands still takes no more; who is continued by others is met by the next sample.
      if (look === undefined || agent.endedAtMs !== undefined || agent.state === 'paused') return undefined
      const sleepMs = of(agent)?.pace.sleepMs
      return sleepMs !== undefined && sleepMs < config().intervalMs ? sleepMs : undefined
    },
    look(agent) {
      const reading = look?.(agent)
      if (reading === undefined) return 'nothing'
      const sample = sampleOf({ runtime: agent.runtime, reading }, hostAvailableBytes(), heap?.(agent))
      observe(agent, sample, clock.monotonic())
      return 'judged'
    },
  })

  bus.on('sample', ({ atMs }) => {
    const available = hostAvailableBytes()
    for (const agent of agents.list()) {
      if (agent.endedAtMs !== undefined) continue
      observe(agent, sampleOf(agent, available, heap?.(agent)), atMs)
    }
    for (const { agent, endedAtMs } of lives.values()) {
      if (endedAtMs !== undefined && atMs - endedAtMs > REMEMBERED_MS) lives.delete(agent.id)
    }
    lane.sampled(agents.list())
  })
  bus.on('agent.exited', ({ agent }) => {
    const life = lives.get(agent.id)
    if (life?.agent.incarnation !== agent.incarnation) return
    life.endedAtMs = clock.monotonic()
  })
  bus.on('agent.removed', ({ agent }) => void lives.delete(agent.id))

  function of(agent: Agent): MemoryState | undefined {
    const life = lives.get(agent.id)
    return life?.agent.incarnation === agent.incarnation ? life.state : undefined
  }

  return {
    of,
    trend(agent) {
      const state = of(agent)
      if (state === undefined) return undefined
      const { trend, growthBytesPerSecond } = state.trend
      return { trend, growthBytesPerSecond }
    },
    counts() {
      const counts = { criticalAgents: 0, oomImminentAgents: 0 }
      for (const { state, endedAtMs } of lives.values()) {
        if (endedAtMs !== undefined) continue
        if (state.level.level === 'critical') counts.criticalAgents++
        if (state.level.level === 'oom_imminent') counts.oomImminentAgents++
      }
      return counts
    },
    raise,
    stop: lane.stop,
    collector: createMemoryCollector({
      agents: agents.list,
      warningHorizonMs: () => config().trend.warningHorizonMs,
      alerts,
      lane: lane.stats,
      view(agent) {
        const state = of(agent)
        return state && { ...state, heapUsedBytes: heap?.(agent)?.heapUsedBytes }
      },
    }),
    describe(id) {
      const agent = agents.get(id)
      // What it had goes with it: a level is of somebody who lives.
      if (agent === undefined || agent.endedAtMs !== undefined) return undefined
      const state = of(agent)
      return state && describeMemory(state)
    },
  }
}

/** When in its minute the trend of the nth agent is looked at; agents found together are spread over all of it. */
function phaseMs(nth: number): number {
  return ((nth * PHASE_STEP) % PHASES) * (LOOK_EVERY_MS / PHASES)
}
const PHASES = 60
/** Shares no factor with them, so every phase is used before any is used again. */
const PHASE_STEP = 17

/** A reading, or the part of it that a look between two samples gave. */
export interface Looked {
  readonly runtime: Agent['runtime']
  readonly reading: MemoryReading
}

/** The reading as the judge takes it. Of a container the resident memory is its anonymous memory already. */
export function sampleOf(
  { runtime, reading }: Looked,
  hostAvailableBytes?: number,
  heap?: Heap,
): MemorySample {
  const { rssBytes, rssAnonBytes, swapBytes, workingSetBytes, memoryLimitBytes } = reading
  return {
    anonBytes: runtime === 'container' ? rssBytes : rssAnonBytes,
    rssBytes,
    swapBytes,
    workingSetBytes,
    limitBytes: memoryLimitBytes,
    stalledSeconds: reading.pressureStalledSeconds,
    hostAvailableBytes,
    heapUsedBytes: heap?.heapUsedBytes,
    heapAfterGcBytes: heap?.heapAfterGcBytes,
    heapLimitBytes: heap?.heapLimitBytes,
  }
}
