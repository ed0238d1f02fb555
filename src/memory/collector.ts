import type { Agent } from '../agents/model.ts'
import { bindSeries, type Series } from '../platform/exposition/series.ts'
import type { Collector } from '../platform/feature.ts'
import * as families from './families.ts'
import type { FastLaneStats } from './fast-lane.ts'
import type { LevelState } from './level.ts'
import { type AlertType, BAD_LEVELS, BASES, LEVELS, TRENDS } from './model.ts'
import type { TrendState } from './trend.ts'

/** What is known of one agent at this moment. */
export interface MemoryView {
  readonly heapUsedBytes: number | undefined
  readonly level: LevelState
  readonly trend: TrendState
}

/** One number of the exposition; undefined leaves the series out. */
type Shown = readonly [Series, number | undefined]

interface Bound {
  readonly samplesOf: (view: MemoryView) => readonly Shown[]
}

export interface MemoryCollectorOptions {
  /** Oldest first. */
  readonly agents: () => Iterable<Agent>
  /** Undefined: not judged, so nothing is shown of it. */
  readonly view: (agent: Agent) => MemoryView | undefined
  readonly warningHorizonMs: () => number
  readonly alerts: Readonly<Record<AlertType, number>>
  readonly lane: () => FastLaneStats
}

/** What is shown of one agent: names and labels bound once, numbers of the state that is given. */
export function bindMemory(agent: string): Bound {
  const labels = { agent }
  const one = (family: Parameters<typeof bindSeries>[0]) => bindSeries<string>(family, labels)
  const each = <Value extends string>(
    family: Parameters<typeof bindSeries>[0],
    label: string,
    values: readonly Value[],
  ) => values.map((value) => [value, bindSeries<string>(family, { ...labels, [label]: value })] as const)
  const heap = one(families.heapUsed)
  const bytes = one(families.judgedBytes)
  const limit = one(families.judgedLimit)
  const growth = one(families.growth)
  const thresholds = each(families.threshold, 'level', BAD_LEVELS)
  const bases = each(families.basis, 'basis', BASES)
  const levels = each(families.level, 'level', LEVELS)
  const trends = each(families.trend, 'trend', TRENDS)
  const [low, mid] = each(families.timeToLimit, 'estimate', ['low', 'mid']).map(([, series]) => series)
  return {
    samplesOf({ heapUsedBytes, level, trend }) {
      const { judged } = level
      const time = trend.timeToLimit
      return [
        [heap, heapUsedBytes],
        [bytes, judged?.bytes],
        [limit, judged?.limitBytes],
        ...thresholds.map(([name, series]): Shown => [series, judged?.thresholds[name]]),
        ...bases.map(([name, series]): Shown => [series, judged && is(name, judged.basis)]),
        ...levels.map(([name, series]): Shown => [series, judged && is(name, level.level)]),
        ...trends.map(([name, series]): Shown => [series, is(name, trend.trend)]),
        [growth, trend.growthBytesPerSecond],
        [low!, time?.lowSeconds],
        [mid!, time?.midSeconds],
      ]
    },
  }
}

/** The collector `memory`. An agent that has ended has no memory to judge. */
export function createMemoryCollector(options: MemoryCollectorOptions): Collector {
  const { agents, view, warningHorizonMs, alerts, lane } = options
  const bound = new WeakMap<Agent, Bound>()
  return {
    name: 'memory',
    families: families.memoryFamilies,
    *collect(out) {
      out.set(families.warningHorizon, {}, warningHorizonMs() / 1_000)
      for (const [alert, count] of Object.entries(alerts)) out.set(families.alertsTotal, { alert }, count)
      const { near, looks, lateMs } = lane()
      out.set(families.nearLimit, {}, near)
      out.set(families.looksTotal, {}, looks)
      out.set(families.lookDelay, {}, lateMs / 1_000)
      for (const agent of agents()) {
        const seen = agent.endedAtMs === undefined ? view(agent) : undefined
        if (seen === undefined) continue
        let one = bound.get(agent)
        if (one === undefined) {
          one = bindMemory(agent.id)
          bound.set(agent, one)
        }
        for (const [series, value] of one.samplesOf(seen)) out.put(series, value)
        yield
      }
    },
  }
}

function is(name: string, present: string): number {
  return name === present ? 1 : 0
}
