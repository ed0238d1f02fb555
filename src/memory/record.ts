import type { Agent, AgentId, Incarnation } from '../agents/model.ts'
import type { MemoryAlert } from './alerts.ts'
import type { Gauge } from './basis.ts'
import type { Level, TimeToLimit, Trend } from './model.ts'

/** One alert, kept. */
export interface StoredAlert extends MemoryAlert {
  readonly id: string
  readonly agent: AgentId
  /** Daemon that raised it; left out by ourselves. */
  readonly origin?: string
  /** Not known of what another daemon raised. */
  readonly incarnation: Incarnation | undefined
  /** Wall clock, milliseconds. */
  readonly atMs: number
  readonly acknowledgedAtMs: number | undefined
}

/** What the room tells the others on the bus. */
export type MemoryEvents = {
  'agent.memory_level_changed': {
    readonly agent: Agent
    readonly from: Level
    readonly to: Level
    readonly gauge: Gauge
    readonly stalledRatio: number | undefined
  }
  'agent.memory_trend_changed': {
    readonly agent: Agent
    readonly from: Trend
    readonly to: Trend
    readonly growthBytesPerSecond: number | undefined
  }
  'agent.oom_predicted': { readonly agent: Agent; readonly timeToLimit: TimeToLimit }
  /** It was paused for its memory, which is no better at the deadline. `next`: who ends it. */
  'agent.memory_pause_overdue': {
    readonly agent: Agent
    readonly level: Level
    readonly pausedMs: number
    readonly next: 'person' | 'terminate'
  }
  'agent.memory_alert': { readonly alert: StoredAlert }
}
