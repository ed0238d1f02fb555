import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Effect, RuntimeDriver, Target } from './model.ts'

export interface CooperativeRuntimeOptions {
  readonly clock: Clock
  /** What the gate answers this agent now; `ended` once it was terminated. */
  readonly gate: (agent: AgentId) => 'open' | 'closed' | 'ended'
  /** The life that is registered now; undefined when the agent has ended or was removed. */
  readonly incarnation: (agent: AgentId) => Incarnation | undefined
}

/** Stands in `stopped` for the whole agent, which has no process that we know: neither number is one of a process. */
const MARK: ProcessKey = { pid: 0, startTime: 0 }

/**
 * For agents of which nothing but their word is known: they ask the gate before each step and stop when it says no.
 * The gate is closed by the hold itself, before this driver is asked, and opened by its release; so there is nothing
 * to do here and nothing that could fail. That the agent obeys cannot be verified, which is what the rung
 * `cooperative` says. It has no size.
 */
export function createCooperativeRuntime(options: CooperativeRuntimeOptions): RuntimeDriver {
  const { clock, gate, incarnation } = options
  const rung = 'cooperative'

  function isGone({ agent, incarnation: wanted }: Target): boolean {
    return incarnation(agent) !== wanted || gate(agent) === 'ended'
  }

  /** Why an effect ends before it begins. */
  function obstacle(deadlineMs: number, mayGoOn: () => boolean): Effect | undefined {
    if (deadlineMs <= clock.monotonic()) {
      return { outcome: 'failed', rung, touched: false, detail: 'the deadline is over' }
    }
    return mayGoOn() ? undefined : { outcome: 'halted', rung, touched: false }
  }

  return {
    kind: 'cooperative',

    async identify(target) {
      return gate(target.agent) === 'ended' ? 'gone' : (incarnation(target.agent) ?? 'gone')
    },

    async pause(target, { deadlineMs, mayGoOn }) {
      if (isGone(target)) return { outcome: 'gone', rung, touched: false }
      const { stopped } = target
      if (stopped.length > 0) return { outcome: 'noop', rung, touched: false, stopped }
      return obstacle(deadlineMs, mayGoOn) ?? { outcome: 'done', rung, touched: true, stopped: [MARK] }
    },

    async resume(target) {
      if (isGone(target)) return { outcome: 'gone', rung, touched: false }
      const wasPaused = target.stopped.length > 0
      return { outcome: wasPaused ? 'done' : 'noop', rung, touched: wasPaused }
    },

    async terminate(target, { deadlineMs, mayGoOn }) {
      // Control has closed the gate for good already: only another life is out of reach.
      if (incarnation(target.agent) !== target.incarnation) return { outcome: 'gone', rung, touched: false }
      return obstacle(deadlineMs, mayGoOn) ?? { outcome: 'done', rung, touched: true }
    },

    async observe(target) {
      if (isGone(target)) return 'gone'
      return gate(target.agent) === 'closed' ? 'paused' : 'running'
    },
  }
}
