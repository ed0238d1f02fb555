import { cpuBetween, cpuPercent } from '../agents/cpu-share.ts'
import type { HistoryPoint } from '../agents/history.ts'
import type { Agent, AgentEvents, AgentId } from '../agents/model.ts'
import type { MemoryState } from '../memory/judge.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { createMarks, type Marks } from './marks.ts'
import type { AlertLevel, MemoryStats } from './model.ts'
import type { AgentView, HistoryView } from './view.ts'

/** What the room of memory knows of an agent; undefined when it was not judged. */
export type MemoryOf = (agent: Agent) => Pick<MemoryState, 'level' | 'trend'> | undefined

export interface LocalDependencies {
  readonly clock: Clock
  readonly bus: Pick<Bus<AgentEvents>, 'on'>
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  readonly memory: MemoryOf
  readonly pidOf: (agent: Agent) => number | undefined
}

/** The agents of this host, as they are measured and judged here. */
export interface Local {
  live(): readonly Agent[]
  get(id: AgentId): Agent | undefined
  level(agent: Agent): AlertLevel | undefined
  view(agent: Agent): AgentView
  /** Newest first, in steps of one length: a mean over them is a mean over time. */
  history(agent: Agent, sinceMs: number): HistoryView
}

/** The history is as fine as this for as long as this (CONTRACT `sampling`). */
const STEPS = [
  { stepMs: 1_000, forMs: 600_000 },
  { stepMs: 10_000, forMs: 1_800_000 },
  { stepMs: 60_000, forMs: Number.POSITIVE_INFINITY },
] as const

export function createLocal(dependencies: LocalDependencies): Local {
  const { clock, bus, agents, memory, pidOf } = dependencies
  const marks = new WeakMap<Agent, Marks>()

  bus.on('sample', ({ atMs }) => {
    for (const agent of agents.list()) {
      const { rssBytes } = agent.reading
      if (agent.endedAtMs !== undefined || rssBytes === undefined) continue
      let own = marks.get(agent)
      if (own === undefined) {
        own = createMarks()
        marks.set(agent, own)
      }
      own.add(atMs, rssBytes)
    }
  })

  return {
    get: agents.get,
    live: () => [...agents.list()].filter(({ endedAtMs }) => endedAtMs === undefined),
    level: (agent) => levelOf(memory(agent)?.level),

    view(agent) {
      const state = memory(agent)
      const own = marks.get(agent)
      const { level, trend } = state ?? {}
      const { growthBytesPerSecond } = trend ?? {}
      return {
        name: agent.id,
        host: undefined,
        atMs: clock.now(),
        pid: pidOf(agent),
        status: agent.state,
        rssBytes: agent.reading.rssBytes,
        heapUsedBytes: heapOf(level),
        cpuPercent: cpuPercent(agent, clock.monotonic()),
        trend: trend?.trend,
        trendRatePerMinute: growthBytesPerSecond === undefined ? undefined : 60 * growthBytesPerSecond,
        alertLevel: levelOf(level),
        highWatermark: own?.high,
        lowWatermark: own?.low,
        averageRss: own?.average(clock.monotonic()),
        limitBytes: level?.judged?.limitBytes ?? agent.reading.memoryLimitBytes,
        timeToLimit: trend?.timeToLimit,
        uptimeMs: Math.max(0, clock.now() - agent.startedAtMs),
        startedAtMs: agent.startedAtMs,
        runtime: agent.runtime,
      }
    },

    history(agent, sinceMs) {
      const toWallMs = clock.now() - clock.monotonic()
      const from = sinceMs - toWallMs
      const kept = agent.history.points(from)
      const spanMs = clock.monotonic() - (kept[0]?.atMs ?? clock.monotonic())
      const { stepMs } = STEPS.find(({ forMs }) => spanMs <= forMs) ?? STEPS[2]
      const points = thinned(kept, stepMs)
      const state = agent.endedAtMs === undefined ? memory(agent) : undefined
      const samples = points
        .map((point, i) => ({
          atMs: toWallMs + point.atMs,
          rssBytes: point.rssBytes,
          cpuPercent: cpuBetween(points[i - 1], point),
        }))
        .toReversed()
      return {
        samples,
        stats: statsOf(points),
        latestTrend: state?.trend.trend,
        latestAlertLevel: levelOf(state?.level),
      }
    },
  }
}

/** What the agent says of its own heap, when it is judged by it. */
function heapOf(level: MemoryState['level'] | undefined): number | undefined {
  return level?.judged?.basis === 'heap' ? level.judged.bytes : undefined
}

/** The last of every step, oldest first. */
function thinned(points: readonly HistoryPoint[], stepMs: number): readonly HistoryPoint[] {
  const kept = new Map<number, HistoryPoint>()
  for (const point of points) kept.set(Math.floor(point.atMs / stepMs), point)
  return [...kept.values()]
}

function statsOf(points: readonly HistoryPoint[]): MemoryStats {
  const read = points.flatMap(({ rssBytes }) => (rssBytes === undefined ? [] : [rssBytes]))
  const count = points.length
  if (read.length === 0) return { count, avgRss: undefined, maxRss: undefined, minRss: undefined }
  return {
    count,
    avgRss: read.reduce((sum, bytes) => sum + bytes, 0) / read.length,
    maxRss: read.reduce((a, b) => Math.max(a, b)),
    minRss: read.reduce((a, b) => Math.min(a, b)),
  }
}

function levelOf(level: MemoryState['level'] | undefined): AlertLevel | undefined {
  // Nothing could be compared yet: that is not the same as all is well.
  if (level?.judged === undefined) return undefined
  return level.level === 'healthy' ? 'normal' : level.level
}
