import type { ActingEvents } from './acting.ts'
import type { Agent } from './agents/model.ts'
import { announceAlertsOn } from './alert-announcements.ts'
import type { AlertingEvents } from './alerting.ts'
import type { ActionEntry } from './control/model.ts'
import type { EventLog } from './events/model.ts'
import type { Bus } from './platform/bus.ts'
import type { WatchingEvents } from './watching.ts'

/** Publishes what the rooms tell each other to whoever follows the event stream. */
export function announceOn(
  bus: Pick<Bus<ActingEvents & WatchingEvents & AlertingEvents>, 'on'>,
  log: EventLog,
): void {
  announceAlertsOn(bus, log)
  const aboutAgent = (type: 'discovered' | 'registered' | 'started' | 'exited', said: string) =>
    bus.on(`agent.${type}`, ({ agent }) =>
      publish(`agent.${type}`, agent.id, `${agent.id} ${said}.`, lifeOf(agent)),
    )
  const aboutAction = (type: 'intended' | 'refused' | 'done' | 'failed') =>
    bus.on(`action.${type}`, ({ entry }) =>
      publish(`action.${type}`, entry.agent, sentence(entry), actionOf(entry)),
    )

  function publish(type: string, agent: string, summary: string, detail: Record<string, unknown>): void {
    log.publish({ type, agent, summary, detail })
  }

  aboutAgent('discovered', 'was found')
  aboutAgent('registered', 'was registered')
  aboutAgent('started', 'is there')
  aboutAgent('exited', 'ended')
  bus.on('agent.paused', ({ entry }) =>
    publish('agent.paused', entry.agent, `${entry.agent} is paused: ${entry.reason}`, actionOf(entry)),
  )
  bus.on('agent.resumed', ({ entry, released }) => {
    publish('agent.resumed', entry.agent, `${entry.agent} goes on: ${entry.reason}`, {
      ...actionOf(entry),
      released,
    })
  })
  bus.on('agent.terminated', ({ entry }) =>
    publish('agent.terminated', entry.agent, `${entry.agent} was ended: ${entry.reason}`, actionOf(entry)),
  )
  bus.on('agent.deliverable_recorded', ({ deliverable }) => {
    const { agent, id, type, epoch, verified } = deliverable
    const summary = `${agent} delivered: ${type}.`
    publish('agent.deliverable_recorded', agent, summary, { id, deliverable: type, epoch, verified })
  })
  bus.on('agent.phase_changed', ({ event }) => {
    const { agent, phase, previousPhase, triggeredBy, actionTaken, reason, actor, epoch } = event
    publish('agent.phase_changed', agent, `${agent} went from ${previousPhase} to ${phase}: ${reason}`, {
      ...{ phase, previousPhase, triggeredBy, actionTaken, reason, actor, epoch },
    })
  })
  bus.on('agent.crashed', ({ record }) => {
    const { id, agent, verdict, occurrences, exitCode, signal } = record
    const { cause, confidence, summary, evidence } = verdict
    const detail = { crashId: id, cause, confidence, exitCode, signal, occurrences, evidence }
    publish('agent.crashed', agent, `${agent}: ${summary}`, detail)
  })
  bus.on('agent.memory_level_changed', ({ agent, from, to, gauge, stalledRatio }) => {
    const { basis, bytes, limitBytes } = gauge
    publish('agent.memory_level_changed', agent.id, `Memory of ${agent.id} went from ${from} to ${to}.`, {
      ...{ from, to, basis, bytes, limitBytes, stalledRatio },
    })
  })
  bus.on('agent.memory_trend_changed', ({ agent, from, to, growthBytesPerSecond }) => {
    const summary = `Memory of ${agent.id} was ${from} and is ${to}.`
    publish('agent.memory_trend_changed', agent.id, summary, { from, to, growthBytesPerSecond })
  })
  bus.on('agent.oom_predicted', ({ agent, timeToLimit }) => {
    const { lowSeconds, midSeconds } = timeToLimit
    const minutes = Math.max(1, Math.round(lowSeconds / 60))
    const summary = `${agent.id} will reach its memory limit in ${minutes} min if it goes on like this.`
    publish('agent.oom_predicted', agent.id, summary, { lowSeconds, midSeconds })
  })
  bus.on('agent.memory_pause_overdue', ({ agent, level, pausedMs, next }) => {
    const minutes = Math.max(1, Math.round(pausedMs / 60_000))
    const then = next === 'terminate' ? 'It is being ended.' : 'Somebody has to make room for it or end it.'
    const summary = `${agent.id} has been paused for its memory for ${minutes} min, which is no better. ${then}`
    publish('agent.memory_pause_overdue', agent.id, summary, { level, pausedSeconds: pausedMs / 1_000, next })
  })
  for (const type of ['intended', 'refused', 'done', 'failed'] as const) aboutAction(type)
}

function lifeOf({ runtime, incarnation, origin, info }: Agent): Record<string, unknown> {
  return { runtime, incarnation, origin, role: info.role, vendor: info.vendor }
}

function sentence({ action, agent, status, refusal, trigger, actor }: ActionEntry): string {
  const why = refusal === undefined ? '' : ` (${refusal})`
  return `${action} of ${agent} for ${actor === trigger ? trigger : `${actor} (${trigger})`}: ${status}${why}`
}

function actionOf(entry: ActionEntry): Record<string, unknown> {
  const { id, action, status, trigger, actor, reason, incarnation, refusal, rung, detail, durationMs } = entry
  return {
    actionId: id,
    action,
    status,
    trigger,
    actor,
    reason,
    incarnation,
    refusal,
    rung,
    detail,
    durationMs,
  }
}
