import type { ShownAction } from './model.ts'
import type { Severity } from './trouble.ts'

/** What came of an action, in one sentence, and how it is marked. */
export interface Outcome {
  readonly says: string
  readonly mark: Severity
}

const DONE = {
  pause: 'is paused',
  resume: 'runs again',
  terminate: 'has ended',
  resize: 'has its new size',
} as const
const ALREADY = {
  pause: 'was paused already',
  resume: 'was running already',
  terminate: 'had ended already',
  resize: 'had that size already',
} as const
const PARTLY = { pause: 'paused', resume: 'resumed', terminate: 'ended', resize: 'resized' } as const

/** Nothing is claimed that the entry does not say was verified. */
export function outcomeOf(entry: ShownAction): Outcome {
  const { agent, action, status, refusal, detail } = entry
  const why = detail ?? refusal
  const because = why === undefined ? '' : `: ${why}`
  switch (status) {
    case 'done': {
      const verified =
        entry.verifiedAt === undefined ? '' : `, verified${took(entry.durationMs)}${by(entry.rung)}`
      return { says: `${agent} ${DONE[action]}${verified}.`, mark: 'fine' }
    }
    case 'noop':
      return { says: `${agent} ${ALREADY[action]}.`, mark: 'fine' }
    case 'dry_run':
      return { says: `Dry run, nothing was done to ${agent}${because}.`, mark: 'warning' }
    case 'refused':
      return { says: `Refused to ${action} ${agent}${because}.`, mark: 'serious' }
    case 'needs_foreground':
      return {
        says: `${agent} needs the foreground: ${detail ?? 'type fg in its terminal'}.`,
        mark: 'warning',
      }
    case 'partial':
      return { says: `${agent} could be ${PARTLY[action]} only in part${because}.`, mark: 'serious' }
    case 'failed':
      return { says: `Could not ${action} ${agent}${because}.`, mark: 'critical' }
    case 'pending_approval':
      return { says: `To ${action} ${agent} waits for approval.`, mark: 'held' }
    case 'intended':
      return { says: `To ${action} ${agent} is under way and not verified yet.`, mark: 'held' }
  }
}

const took = (durationMs: number | undefined) =>
  durationMs === undefined ? '' : ` after ${Math.round(durationMs)} ms`
const by = (rung: string | undefined) => (rung === undefined ? '' : ` by ${rung.replaceAll('_', ' ')}`)
