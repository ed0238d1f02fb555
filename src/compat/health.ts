import type { HealthAlerts, HealthDaemons } from '../crashes/routes.ts'
import type { AlertRepository } from '../memory/repository.ts'
import type { Clock } from '../platform/clock.ts'
import { listAlerts } from './alerts.ts'
import { answerAlert } from './answer.ts'
import type { Remotes } from './remotes.ts'

const DAY_MS = 86_400_000
const MOST_PENDING = 10

/** What the answers about health say of alerts. A recovery waits for nobody. */
export function createHealthAlerts(alerts: AlertRepository, clock: Clock): HealthAlerts {
  return {
    async pending(visible) {
      const found = await listAlerts(
        alerts,
        { acknowledged: 'open', but: 'recovered' },
        MOST_PENDING,
        undefined,
        visible,
      )
      return found.map(answerAlert)
    },
    async count24h(visible) {
      return sumVisible(await alerts.counts({ sinceMs: clock.now() - DAY_MS }), visible)
    },
  }
}

/** This daemon and those that report to it. */
export function healthDaemons(remotes: Remotes, daemonId: string): HealthDaemons {
  const others = remotes.daemons().filter(({ id }) => id !== daemonId)
  return {
    connected: 1 + others.filter(({ status }) => status === 'online').length,
    total: 1 + others.length,
  }
}

export function sumVisible(counts: ReadonlyMap<string, number>, visible: (agent: string) => boolean): number {
  let sum = 0
  for (const [agent, count] of counts) if (visible(agent)) sum += count
  return sum
}
