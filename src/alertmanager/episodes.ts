import type { Moment } from '../platform/moment.ts'
import { hearFiring } from './firing.ts'
import { isForeign, withInstance } from './instances.ts'
import type { Notification, NotifiedAlert } from './payload.ts'
import type { Policy } from './policy.ts'
import { hearResolved } from './resolved.ts'
import { FRESH, type Scene } from './scene.ts'
import {
  type AlertedAgent,
  type AlertTable,
  type Entry,
  type EpisodeConfig,
  keyOf,
  MOST_ENTRIES,
  type Surroundings,
  withEntries,
} from './table.ts'
import type { AlertJudgement, AlertOutcome, AlertVerdict, Judged } from './verdict.ts'

/**
 * One notification judged: each alert on its own, whatever its group says. No clock and no I/O; the answers to what is
 * asked for come back with `settle`, and time passes with `review`.
 */
export function judgeNotification(
  table: AlertTable,
  notification: Pick<Notification, 'alerts' | 'rejected'>,
  config: EpisodeConfig,
  around: Surroundings,
  now: Moment,
): readonly [AlertTable, Judged] {
  const changes = new Map<string, Entry>()
  let { size } = table.entries
  let { nextEpisode, instances } = table
  const verdicts: AlertVerdict[] = []
  const alerts: AlertJudgement[] = []

  // All instances first: that there are two must not depend on the order in one notification.
  const chosen = notification.alerts.map((alert) => ({ alert, policy: config.policies.of(alert.labels) }))
  for (const { alert, policy } of chosen) {
    if (policy !== 'none') instances = withInstance(instances, alert.labels.get('instance'), now)
  }

  function judge(
    alert: NotifiedAlert,
    policy: Policy | 'none',
  ): AlertOutcome | readonly [AlertOutcome, Entry] {
    if (policy === 'none') return 'no_policy'
    const id = alert.labels.get('agent') ?? ''
    if (id === '') return 'no_agent'
    if (isForeign(alert.labels.get('instance'), instances, config)) return 'foreign_instance'
    const agent = around.agent(id)
    if (agent === undefined || agent.endedAtMs !== undefined) return 'unknown_agent'
    const key = keyOf(alert.alertname, policy.id, agent.id)
    const known = rebound(changes.get(key) ?? table.entries.get(key), agent)
    if (known === undefined && size >= MOST_ENTRIES) return 'rejected'
    const scene: Scene = { alert, policy, agent, key, known, config, around, now, nextEpisode }
    const {
      entry,
      outcome,
      verdicts: said,
    } = alert.status === 'firing' ? hearFiring(scene) : hearResolved(scene)
    if (entry.episode !== known?.episode) nextEpisode++
    if (known === undefined) size++
    changes.set(key, entry)
    verdicts.push(...said)
    return [outcome, entry]
  }

  for (const { alert, policy } of chosen) {
    const judged = judge(alert, policy)
    const [outcome, entry] = typeof judged === 'string' ? [judged, undefined] : judged
    alerts.push({ alert, outcome, entry })
  }
  const rejected = notification.rejected.map(({ why }) => why)
  return [
    { ...withEntries(table, changes), nextEpisode, instances },
    { alerts, rejected, verdicts },
  ]
}

/** In another life nothing was done yet, and what was done to the last one is nothing to be taken back. */
function rebound(entry: Entry | undefined, { incarnation }: AlertedAgent): Entry | undefined {
  if (entry === undefined || entry.incarnation === incarnation) return entry
  const { action, progress, resume, resumeTries, resumeRefusedAt, answer, heldAt, overdue, withheld } = FRESH
  return {
    ...{ ...entry, incarnation, actedAt: undefined, action, progress, answer },
    ...{ resume, resumeTries, resumeRefusedAt, heldAt, overdue, withheld },
  }
}
