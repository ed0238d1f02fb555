import type { Agent, Incarnation } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Case } from './gather.ts'
import type { Lookout } from './lookout.ts'
import type { Subject } from './model.ts'

export interface LivingDependencies {
  readonly clock: Clock
  readonly lookout: Pick<Lookout, 'look' | 'readGroup'>
  /** Its end is being looked into, or has been. */
  readonly hasEnded: (incarnation: Incarnation) => boolean
  /** It goes on without the child. */
  readonly onLivesOn: (incident: Case) => void
}

/** A process was killed for memory: waits whether its agent ends with it. */
export interface Living {
  suspect(
    incarnation: Incarnation,
    subject: () => Subject,
    agent: Agent | undefined,
    containerId: string | undefined,
  ): void
  stop(): void
}

/** An `oom` without a `die` behind it, which comes some 30 ms later: a child was killed. Told within a second. */
const CHILD_OOM_MS = 500

export function createLiving({ clock, lookout, hasEnded, onLivesOn }: LivingDependencies): Living {
  const waiting = new Map<Incarnation, Timer>()
  return {
    suspect(incarnation, subject, agent, containerId) {
      if (waiting.has(incarnation) || hasEnded(incarnation)) return
      const seenAtMs = clock.now()
      const seenAtMono = clock.monotonic()
      const limitBytes = agent?.reading.memoryLimitBytes
      const timer = clock.setTimer(CHILD_OOM_MS, () => {
        waiting.delete(incarnation)
        if (hasEnded(incarnation) || agent?.endedAtMs !== undefined) return
        lookout.look()
        if (containerId !== undefined) lookout.readGroup(containerId)
        onLivesOn({
          ...{ subject: subject(), life: 'alive', ended: { atMs: seenAtMs, by: 'event' } },
          ...{
            seenAtMs,
            seenAtMono,
            agent,
            containerId,
            after: undefined,
            exit: undefined,
            output: undefined,
            limitBytes,
          },
        })
      })
      waiting.set(incarnation, timer)
    },
    stop() {
      for (const timer of waiting.values()) timer.cancel()
      waiting.clear()
    },
  }
}
