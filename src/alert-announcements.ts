import type { AlertingEvents } from './alerting.ts'
import type { ToldEpisode } from './alertmanager/record.ts'
import type { Withheld } from './alertmanager/table.ts'
import type { EventLog } from './events/model.ts'
import type { Bus } from './platform/bus.ts'

const CHANGED = {
  opened: 'fires',
  closed: 'has resolved',
  unknown: 'is no longer repeated, so whether it fires is not known',
  refired: 'fires again while the agent stands still for it',
  forgotten: 'was never heard of again',
} as const

const WITHHELD: Readonly<Record<Withheld, string>> = {
  other_hold: 'something else holds it too',
  not_measured: 'what we measure ourselves does not say that it is over',
  still_measured: 'what we measure ourselves says that it is not over',
  too_many_series: 'more senders told of it than are kept apart',
}

/** Publishes what is heard from Alertmanager, and what is meant to follow, to whoever follows the event stream. */
export function announceAlertsOn(bus: Pick<Bus<AlertingEvents>, 'on'>, log: EventLog): void {
  const about = (type: string, episode: ToldEpisode, said: string, more: Record<string, unknown> = {}) => {
    const { agent, alertname, episode: name, state, action, incarnation } = episode
    const detail = { alertname, episode: name, state, action, incarnation, ...more }
    log.publish({ type, agent, summary: `${alertname} about ${agent} ${said}.`, detail })
  }

  bus.on('alert.received', ({ source, receiver, alerts, truncatedAlerts, outcomes }) => {
    // Repeats are told by the episode, or an hour of heartbeats would be all that the stream remembers.
    if (truncatedAlerts === 0 && Object.keys(outcomes).every((outcome) => outcome === 'repeated')) return
    const cut = truncatedAlerts === 0 ? '' : `; ${truncatedAlerts} more were cut off`
    const summary = `A notification of ${source} told ${alerts} ${alerts === 1 ? 'alert' : 'alerts'}${cut}.`
    log.publish({
      ...{ type: 'alert.received', agent: undefined, summary },
      detail: { source, receiver, alerts, truncatedAlerts, outcomes },
    })
  })
  bus.on('alert.deduplicated', ({ episode }) =>
    about('alert.deduplicated', episode, 'was told again, and nothing more is done'),
  )
  bus.on('alert.refused', ({ alertname, agent, outcome }) => {
    const whom = agent === undefined ? '' : ` about ${agent}`
    const summary = `${alertname}${whom} is not followed: ${outcome}.`
    log.publish({ type: 'alert.refused', agent, summary, detail: { alertname, agent, outcome } })
  })
  bus.on('alert.notified', ({ episode, summary }) =>
    about('alert.notified', episode, summary === undefined ? 'fires' : `fires: ${summary}`, {
      said: summary,
    }),
  )
  bus.on('alert.episode_changed', ({ episode, change }) =>
    about('alert.episode_changed', episode, CHANGED[change], { change }),
  )
  bus.on('alert.resume_withheld', ({ episode, why }) =>
    about('alert.resume_withheld', episode, `has resolved, but the agent stays paused: ${WITHHELD[why]}`, {
      why,
    }),
  )
  bus.on('alert.pause_overdue', ({ episode, pausedMs }) => {
    const minutes = Math.max(1, Math.round(pausedMs / 60_000))
    const said = `has kept the agent paused for ${minutes} min, and somebody has to decide`
    about('alert.pause_overdue', episode, said, { pausedSeconds: pausedMs / 1_000 })
  })
}
