import { createRandom } from '../../bench/trend/random.ts'
import type { CrashCause } from '../../src/crashes/model.ts'
import {
  createSimulatedAgent,
  type SimulatedAgent,
  type SimulatedAlert,
  type SimulatedMetric,
} from './agent.ts'

export interface WorldOptions {
  /** The same seed gives the same world. */
  readonly seed: number
  readonly daemons: number
  /** In all, spread over the daemons. */
  readonly agents: number
}

/** What one daemon has to tell after one step. */
export interface Told {
  readonly daemon: string
  readonly atMs: number
  readonly metrics: readonly SimulatedMetric[]
  readonly crashes: readonly { readonly agentName: string; readonly [more: string]: unknown }[]
  readonly alerts: readonly (SimulatedAlert & { readonly agentName: string })[]
}

/** What is true of the world, to be compared with what is answered about it. */
export interface Truth {
  /** The last of every agent, of its daemon. */
  readonly newest: ReadonlyMap<string, { readonly daemon: string; readonly metric: SimulatedMetric }>
  readonly crashes: readonly { readonly agent: string; readonly daemon: string; readonly cause: CrashCause }[]
  readonly alerts: readonly { readonly agent: string; readonly daemon: string; readonly type: string }[]
  /** Resident memory at every sample of an agent, oldest first. */
  readonly history: ReadonlyMap<string, readonly number[]>
}

export interface World {
  readonly daemons: readonly string[]
  readonly truth: Truth
  /** The time moves on; what the daemons have to tell of it. */
  step(nowMs: number): readonly Told[]
}

/** Hosts with agents that grow, alarm, die and come back. It has no clock: whoever drives it says what time it is. */
export function createWorld({ seed, daemons: count, agents }: WorldOptions): World {
  const random = createRandom(seed)
  const daemons = Array.from({ length: count }, (_, n) => `host-${n + 1}`)
  const of = new Map<string, SimulatedAgent[]>(daemons.map((daemon) => [daemon, []]))
  for (let n = 0; n < agents; n++) {
    const daemon = daemons[n % count]!
    of.get(daemon)!.push(createSimulatedAgent(`${daemon}-agent-${Math.floor(n / count) + 1}`, random))
  }
  const newest = new Map<string, { daemon: string; metric: SimulatedMetric }>()
  const crashes: { agent: string; daemon: string; cause: CrashCause }[] = []
  const alerts: { agent: string; daemon: string; type: string }[] = []
  const history = new Map<string, number[]>()
  let lastMs: number | undefined

  function stepOf(daemon: string, fleet: readonly SimulatedAgent[], nowMs: number, sinceMs: number): Told {
    const told = { metrics: [] as SimulatedMetric[], crashes: [] as object[], alerts: [] as object[] }
    for (const { name, step } of fleet) {
      const { metric, death, alert } = step(nowMs, sinceMs)
      if (metric !== undefined) {
        told.metrics.push(metric)
        newest.set(name, { daemon, metric })
        history.set(name, [...(history.get(name) ?? []), metric.rssBytes])
      }
      if (death !== undefined) {
        const crashedAt = new Date(nowMs).toISOString()
        told.crashes.push({ agentName: name, crashedAt, ...death.report })
        crashes.push({ agent: name, daemon, cause: death.cause })
      }
      if (alert !== undefined) {
        told.alerts.push({ agentName: name, createdAt: new Date(nowMs).toISOString(), ...alert })
        alerts.push({ agent: name, daemon, type: alert.alertType })
      }
    }
    return { daemon, atMs: nowMs, ...told } as Told
  }

  return {
    daemons,
    truth: { newest, crashes, alerts, history },
    step(nowMs) {
      const sinceMs = nowMs - (lastMs ?? nowMs)
      lastMs = nowMs
      return daemons.map((daemon) => stepOf(daemon, of.get(daemon)!, nowMs, sinceMs))
    },
  }
}
