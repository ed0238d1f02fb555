import { counter, gauge, histogram } from '../platform/exposition/family.ts'
import type { Rung } from '../runtimes/model.ts'
import type { Action } from './model.ts'

/** A pause is promised within 250 ms, so there is an edge. */
const SECONDS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export const OUTCOMES = ['done', 'failed', 'refused', 'dry_run', 'noop'] as const
export type OutcomeLabel = (typeof OUTCOMES)[number]

/** Which ways there are to do what: exported as 0 before the first, which `rate` would miss otherwise. */
export const RUNGS: Readonly<Record<Action, readonly Rung[]>> = {
  pause: ['cooperative', 'freezer', 'sigstop', 'docker_pause'],
  resume: ['cooperative', 'freezer', 'sigcont', 'docker_pause'],
  terminate: ['cooperative', 'sigterm', 'sigkill', 'docker_stop', 'docker_kill'],
  resize: ['docker_update'],
}

export const actionsTotal = counter('agent_actions_total', {
  labels: ['action', 'trigger', 'outcome'],
  help: 'Actions by how they ended; failed is also what was only done in part or needs its terminal.',
})
export const refusalsTotal = counter('agent_action_refusals_total', {
  labels: ['action', 'reason'],
  help: 'Requests to act that were refused or only rehearsed, by the rule that objected.',
})
export const actionsPending = gauge('agent_actions_pending', {
  labels: ['action'],
  help: 'Actions that are not settled: under way, or waiting for approval.',
})
export const killSwitchEngaged = gauge('agent_control_kill_switch', {
  help: 'Whether the kill switch is engaged (1): nothing but a resume is done.',
})
export const actionDuration = histogram('agent_action_duration_seconds', {
  unit: 'seconds',
  labels: ['action', 'rung'],
  buckets: SECONDS,
  help: 'From the request to the verified effect.',
})
export const reactionDuration = histogram('agent_reaction_duration_seconds', {
  unit: 'seconds',
  labels: ['trigger'],
  buckets: SECONDS,
  help: 'From the crossing of a limit to the verified effect.',
})
export const pausedCurrent = gauge('agents_paused_current', {
  help: 'Live agents that are held now.',
})
export const pausedSince = gauge('agent_paused_since_timestamp_seconds', {
  unit: 'seconds',
  labels: ['agent'],
  help: 'When the oldest hold on the agent began; absent when it is not held.',
})
export const pausesRestored = counter('agent_pauses_restored_total', {
  help: 'Agents that ran although they were held, and were stopped again.',
})
