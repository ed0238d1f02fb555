import type { Effect } from '../runtimes/model.ts'
import { type Action, type ActionStatus, REFUSALS, type RefusalReason } from './model.ts'
import type { Result } from './record.ts'

/** What may be claimed of an effect. */
export interface Outcome {
  readonly status: ActionStatus
  readonly refusal: RefusalReason | undefined
  readonly detail: string | undefined
  readonly result: Result
  /** False: the same may be asked for again. */
  readonly claimsKey: boolean
}

const REASONS: ReadonlySet<string> = new Set(REFUSALS)

/**
 * Turns what a driver verified into what the journal says. Nothing is claimed that the driver did not say; a driver
 * that would not begin names the reason first in its detail (`below_usage: …`).
 */
export function judgeEffect(action: Action, effect: Omit<Effect, 'rung'>, halted: RefusalReason): Outcome {
  const { outcome, touched, detail } = effect
  switch (outcome) {
    case 'done':
      return claim('done', 'success', detail)
    case 'noop':
      return claim('noop', 'neutral', detail)
    case 'needs_foreground':
      return claim('needs_foreground', 'neutral', detail ?? 'its terminal stopped it again: use fg')
    case 'partial':
      return release('partial', 'failure', detail)
    case 'gone':
      return action === 'terminate'
        ? claim('done', 'success', detail ?? 'it had ended')
        : release('failed', 'neutral', detail ?? 'the agent has ended')
    case 'halted':
      if (!touched) return { ...release('refused', 'neutral', detail ?? 'halted'), refusal: halted }
      return { ...release('partial', 'neutral', detail ?? 'halted half-way'), refusal: halted }
    case 'failed': {
      const reason = /^[a-z_]+/.exec(detail ?? '')?.[0]
      if (touched || reason === undefined || !REASONS.has(reason)) return release('failed', 'failure', detail)
      return { ...release('refused', 'neutral', detail), refusal: reason as RefusalReason }
    }
  }
}

function claim(status: ActionStatus, result: Result, detail: string | undefined): Outcome {
  return { status, result, detail, refusal: undefined, claimsKey: true }
}

function release(status: ActionStatus, result: Result, detail: string | undefined): Outcome {
  return { status, result, detail, refusal: undefined, claimsKey: false }
}
