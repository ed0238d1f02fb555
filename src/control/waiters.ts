import type { AgentEvents, AgentId } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import { Problem } from '../platform/problem.ts'
import type { ControlEvents } from './model.ts'

/**
 * How a wait ends. `terminated`: its end was verified, or it ended while it was being terminated. `removed`: it ended
 * otherwise or was taken out of the registry. `not_paused`: there is nothing to wait for.
 */
export type WaitOutcome = 'resumed' | 'terminated' | 'removed' | 'timeout' | 'not_paused'

export interface WaitersDependencies {
  readonly bus: Pick<Bus<AgentEvents & ControlEvents>, 'on'>
  /** Held, or being paused at this moment. Durable: the same after a restart of the daemon. */
  readonly isHeld: (agent: AgentId) => boolean
  /** A terminate was verified or is under way: its outcome is waited for, never foretold. */
  readonly isTerminal: (agent: AgentId) => boolean
  /** Known and not ended. */
  readonly isLive: (agent: AgentId) => boolean
}

export interface Waiters {
  /**
   * Settles once, with the first that happens: the end of the pause, the end of the agent, or the abort of `signal`
   * (its time is up, the client has gone, the server stops): `timeout`, so come again.
   * @throws Problem AE_TOO_MANY_WAITERS
   */
  wait(agent: AgentId, signal: AbortSignal): Promise<WaitOutcome>
  /** How many wait now. */
  count(): number
  /** Everybody is told `timeout`, now and from now on: the daemon stops, and the next one knows the holds. */
  stop(): void
}

const MAX_PER_AGENT = 32
const MAX_IN_ALL = 1_000

type Settle = (outcome: WaitOutcome) => void

/** Those who wait for a paused agent. Nothing is kept for an agent for whom nobody waits. */
export function createWaiters(dependencies: WaitersDependencies): Waiters {
  const { bus, isHeld, isTerminal, isLive } = dependencies
  const waiting = new Map<AgentId, Set<Settle>>()
  let count = 0
  let stopped = false

  function settleAll(agent: AgentId, outcome: WaitOutcome): void {
    for (const settle of [...(waiting.get(agent) ?? [])]) settle(outcome)
  }

  function settleIfFree(agent: AgentId, outcome: WaitOutcome): void {
    if (waiting.has(agent) && !isHeld(agent) && !isTerminal(agent)) settleAll(agent, outcome)
  }

  const unsubscribe = [
    // Told again for old resumes after a restart: whoever is held again goes on waiting.
    bus.on('agent.resumed', ({ entry }) => settleIfFree(entry.agent, 'resumed')),
    bus.on('agent.terminated', ({ entry }) => settleAll(entry.agent, 'terminated')),
    bus.on('action.done', ({ entry }) =>
      settleIfFree(entry.agent, entry.action === 'resume' ? 'resumed' : 'not_paused'),
    ),
    // A pause that came to nothing leaves nobody to wait for; so does a resume that could not be verified.
    bus.on('action.refused', ({ entry }) => settleIfFree(entry.agent, 'not_paused')),
    bus.on('action.failed', ({ entry }) => settleIfFree(entry.agent, 'not_paused')),
    // The end is seen before the terminate that caused it is verified.
    bus.on('agent.exited', ({ agent }) =>
      settleAll(agent.id, isTerminal(agent.id) ? 'terminated' : 'removed'),
    ),
    bus.on('agent.removed', ({ agent }) => settleAll(agent.id, 'removed')),
  ]

  /** The answer that needs no waiting. */
  function outcomeNow(agent: AgentId): WaitOutcome | undefined {
    if (!isLive(agent)) return isTerminal(agent) ? 'terminated' : 'removed'
    if (!isHeld(agent) && !isTerminal(agent)) return 'not_paused'
    return stopped ? 'timeout' : undefined
  }

  function enter(agent: AgentId, settle: Settle): void {
    const those = waiting.get(agent) ?? new Set()
    if (those.size >= MAX_PER_AGENT) {
      throw new Problem('AE_TOO_MANY_WAITERS', `At most ${MAX_PER_AGENT} callers may wait for one agent.`)
    }
    if (count >= MAX_IN_ALL) {
      throw new Problem('AE_TOO_MANY_WAITERS', `At most ${MAX_IN_ALL} callers may wait at the same time.`)
    }
    waiting.set(agent, those.add(settle))
    count++
  }

  function leave(agent: AgentId, settle: Settle): boolean {
    const those = waiting.get(agent)
    if (those?.delete(settle) !== true) return false
    if (those.size === 0) waiting.delete(agent)
    count--
    return true
  }

  return {
    async wait(agent, signal) {
      const now = outcomeNow(agent)
      if (now !== undefined) return now
      if (signal.aborted) return 'timeout'
      return new Promise((resolve) => {
        const settle: Settle = (outcome) => {
          if (!leave(agent, settle)) return
          signal.removeEventListener('abort', onAbort)
          resolve(outcome)
        }
        const onAbort = (): void => settle('timeout')
        // What it throws rejects the promise.
        enter(agent, settle)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    },
    count: () => count,
    stop() {
      stopped = true
      for (const off of unsubscribe) off()
      for (const agent of [...waiting.keys()]) settleAll(agent, 'timeout')
    },
  }
}
