import type { Phase } from '../exhaustion/model.ts'
import type { ControlState, HoldCause } from './model.ts'

export interface GateInput {
  /** A hold is set, or a pause is being done at this moment. */
  readonly held: boolean
  readonly holds: ReadonlyMap<HoldCause, { readonly reason: string }>
  /** A terminate of this incarnation was verified or is under way. */
  readonly terminal: boolean
  readonly phase: Phase
  /** Would an intervention act on this agent? False: it is only observed. */
  readonly enforced: boolean
  /** This incarnation is over as far as we know. */
  readonly ended: boolean
  readonly mode: ControlState['mode']
  readonly killSwitch: 'engaged' | 'released'
}

/** Answer of `GET /api/v1/agents/{id}/gate`. */
export interface GateVerdict {
  readonly allowed: boolean
  readonly phase: Phase
  readonly reason?: string
  /** Ask again after this; absent when asking again changes nothing. */
  readonly retryAfterMs?: number
}

/** A hold ends when somebody decides so: `wait-for-resume` tells at once, asking again is for those who cannot wait. */
const HELD_RETRY_MS = 5_000
/** A new life of an agent is found by the next sample. */
const ENDED_RETRY_MS = 1_000

/**
 * May the agent begin its next step?
 *
 * What is written in the journal wins: a terminated or held agent may not, whatever it uses. Beyond that only an
 * enforced agent is ever refused: over its limit it may not begin another step even where the pause itself was
 * refused, failed or waits for approval, because the limit was chosen by a person and refusing costs nothing. An
 * agent that is only observed is never hindered, nor is anyone while control does not enforce or the kill switch is
 * engaged, for then refusing would be an action too.
 */
export function judgeGate(input: GateInput): GateVerdict {
  const { held, holds, terminal, phase, enforced, ended } = input
  if (terminal) {
    return { allowed: false, phase: 'termination', reason: 'The agent is terminated or being terminated.' }
  }
  if (held) return { allowed: false, phase, reason: heldReason(holds), retryAfterMs: HELD_RETRY_MS }
  if (!enforced || input.mode !== 'enforce' || input.killSwitch === 'engaged') return { allowed: true, phase }
  if (phase === 'termination') return { allowed: false, phase, reason: 'The agent is to be terminated.' }
  if (phase === 'intervention') {
    return { allowed: false, phase, reason: 'The agent is over its budget.', retryAfterMs: HELD_RETRY_MS }
  }
  if (ended) {
    const reason = 'This life of the agent has ended and no other is known yet.'
    return { allowed: false, phase, reason, retryAfterMs: ENDED_RETRY_MS }
  }
  return { allowed: true, phase }
}

function heldReason(holds: GateInput['holds']): string {
  if (holds.size === 0) return 'The agent is being paused.'
  const causes = Array.from(holds, ([cause, { reason }]) => (reason === '' ? cause : `${cause} (${reason})`))
  return `The agent is paused by ${causes.join(', ')}.`
}
