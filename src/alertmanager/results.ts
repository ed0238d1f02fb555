import type { ActionEntry, RefusalReason } from '../control/model.ts'
import type { Answer } from './verdict.ts'

/**
 * What each refusal means for the episode. `owed`: its reason may be gone when the alert is heard again, so it is asked
 * again then. `over`: in this episode it would be refused for ever.
 */
const OF_REFUSAL: Readonly<Record<RefusalReason, 'owed' | 'over'>> = {
  // Switches that a person can turn back.
  kill_switch: 'owed',
  control_off: 'owed',
  second_daemon: 'owed',
  not_enforced: 'owed',
  // Limits that time lifts.
  cooldown: 'owed',
  fleet_share: 'owed',
  failure_stop: 'owed',
  too_many_resumes: 'owed',
  // Facts that may be known, or different, the next time.
  missing_data: 'owed',
  not_durable: 'owed',
  conflict: 'owed',
  held: 'owed',
  below_usage: 'owed',
  host_memory: 'owed',
  // Nobody answered; whoever does not want it says no.
  expired: 'owed',
  // Another life, or none.
  unknown_agent: 'over',
  other_incarnation: 'over',
  ended: 'over',
  terminal: 'over',
  // What it is does not change while it lives.
  protected_process: 'over',
  other_user: 'over',
  unlabelled_container: 'over',
  own_container: 'over',
  unsupported: 'over',
  // Somebody has decided.
  rejected: 'over',
  superseded: 'over',
  // It was tried as often as is allowed.
  too_many_attempts: 'over',
}

/** What an entry of the journal means for the episode it is about; undefined while it is not settled. */
export function resultOf({
  status,
  refusal,
}: Pick<ActionEntry, 'status' | 'refusal'>): Answer['result'] | undefined {
  switch (status) {
    case 'intended':
    case 'pending_approval':
      return undefined
    case 'done':
    // It was so already, and is so for this alert as well now.
    case 'noop':
    // Nothing of ours keeps it any more; its terminal does.
    case 'needs_foreground':
      return 'done'
    // Said once: the same would be said at every repeat.
    case 'dry_run':
      return 'over'
    // The journal counts attempts, and refuses when they are too many.
    case 'partial':
    case 'failed':
      return 'owed'
    case 'refused':
      return refusal === undefined ? 'owed' : OF_REFUSAL[refusal]
  }
}
