import type { Clock } from '../platform/clock.ts'
import type { WaitOptions } from './model.ts'

/** Those who wait for a paused agent, any number of them. */
export interface Waiting {
  /** True on resume; false on the end of the agent, its removal, or of the time. Rejects when the signal aborts. */
  wait(agentId: string, options: WaitOptions): Promise<boolean>
  settle(agentId: string, resumed: 'resumed' | 'over'): void
}

export function createWaiting(clock: Clock): Waiting {
  const waiting = new Map<string, Set<(answer: boolean) => void>>()
  return {
    wait(agentId, { timeoutMs, signal }) {
      return new Promise((resolve, reject) => {
        const those = waiting.get(agentId) ?? new Set()
        const leave = (): void => {
          those.delete(settle)
          if (those.size === 0 && waiting.get(agentId) === those) waiting.delete(agentId)
          timer?.cancel()
          signal?.removeEventListener('abort', abort)
        }
        const settle = (answer: boolean): void => {
          leave()
          resolve(answer)
        }
        const abort = (): void => {
          leave()
          reject(signal?.reason)
        }
        const timer = timeoutMs === undefined ? undefined : clock.setTimer(timeoutMs, () => settle(false))
        signal?.addEventListener('abort', abort, { once: true })
        waiting.set(agentId, those.add(settle))
        if (signal?.aborted) abort()
      })
    },
    settle(agentId, resumed) {
      for (const settle of [...(waiting.get(agentId) ?? [])]) settle(resumed === 'resumed')
    },
  }
}
