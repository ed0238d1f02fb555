import type { Agent } from '../agents/model.ts'
import { type ActionEntry, type ActionRequest, type Control, isSettled } from '../control/model.ts'
import type { Log } from '../platform/log.ts'
import type { ActionTaken } from './model.ts'
import type { Intervention, Tracked } from './tracked.ts'

export interface EnforcementDependencies {
  readonly control: Pick<Control, 'request' | 'settled' | 'holds' | 'isTerminal'>
  readonly log: Log
  readonly config: () => {
    readonly pauseOnIntervention: boolean
    readonly requireConfirmationOnIntervention: boolean
  }
  readonly enforced: (agent: Agent) => boolean
  /** Aborts when the daemon stops. */
  readonly signal: AbortSignal
  /** What is known now about an intervention: written down. `answered`: a person said yes or no. */
  readonly onOutcome: (tracked: Tracked, intervention: Intervention, answered: 'answered' | 'no') => void
  /** Nothing is asked for any more: the agent can be judged again. */
  readonly onIdle: (tracked: Tracked) => void
}

/** Asks for pauses and terminations, and finds out what became of them. Never throws. */
export interface Enforcement {
  /** @param crossedAtMs monotonic time of the crossing; undefined when it is an older debt. */
  pause(tracked: Tracked, crossedAtMs: number | undefined): void
  terminate(tracked: Tracked): void
  /** Whether an intervention still waits for what should have followed it. */
  owesPause(tracked: Tracked): boolean
}

const ACTOR = 'budget'

export function createEnforcement(dependencies: EnforcementDependencies): Enforcement {
  const { control, log, config, enforced, signal, onOutcome, onIdle } = dependencies

  function requestOf(tracked: Tracked, intervention: Intervention): ActionRequest {
    const { event } = intervention
    return {
      action: 'pause',
      agent: tracked.agent.id,
      incarnation: tracked.agent.incarnation,
      trigger: 'budget',
      episode: `${event.epoch}:${event.triggeredBy}`,
      hold: 'budget',
      actor: ACTOR,
      reason: baseReason(event.reason),
      ...(config().requireConfirmationOnIntervention ? { approval: 'required' as const } : {}),
    }
  }

  async function decide(
    tracked: Tracked,
    intervention: Intervention,
    crossedAtMs: number | undefined,
  ): Promise<ActionEntry> {
    const { event, outcome } = intervention
    if (outcome === 'pending_approval' && event.actionId !== undefined) {
      // Asked for in an earlier run of the daemon: it still waits, or was answered meanwhile.
      try {
        return await control.settled(event.actionId, AbortSignal.abort())
      } catch {
        // The journal no longer knows it.
      }
    }
    const request = requestOf(tracked, intervention)
    return control.request(crossedAtMs === undefined ? request : { ...request, crossedAtMs })
  }

  async function askForPause(
    tracked: Tracked,
    intervention: Intervention,
    crossedAtMs: number | undefined,
  ): Promise<void> {
    let waited = intervention.outcome === 'pending_approval'
    let entry = await decide(tracked, intervention, crossedAtMs)
    if (entry.status === 'pending_approval') {
      waited = true
      intervention.asking = 'approval'
      note(intervention, 'pending_approval', entry)
      onOutcome(tracked, intervention, 'no')
    }
    if (!isSettled(entry)) entry = await control.settled(entry.id, signal)
    // Stopping: the next run goes on from here.
    if (!isSettled(entry)) return
    const { status, refusal } = entry
    const byPerson = waited && (status !== 'refused' || refusal === 'rejected' || refusal === 'superseded')
    note(intervention, outcomeOf(entry), entry)
    onOutcome(tracked, intervention, byPerson ? 'answered' : 'no')
  }

  async function askForEnd(tracked: Tracked): Promise<void> {
    const { agent, epoch, intervention } = tracked
    const entry = await control.request({
      action: 'terminate',
      agent: agent.id,
      incarnation: agent.incarnation,
      trigger: 'budget',
      episode: `${epoch}:terminate`,
      hold: 'budget',
      actor: ACTOR,
      reason: `nobody answered the intervention; ${baseReason(intervention?.event.reason ?? '')}`,
    })
    if (!isSettled(entry)) await control.settled(entry.id, signal)
  }

  return {
    pause(tracked, crossedAtMs) {
      const { intervention } = tracked
      if (intervention === undefined || intervention.asking !== 'no') return
      intervention.asking = 'deciding'
      intervention.asked = enforced(tracked.agent) ? 'enforced' : 'observed'
      askForPause(tracked, intervention, crossedAtMs)
        .catch((error: unknown) => {
          if (signal.aborted) return
          log.warn('a pause could not be asked for', { agent: tracked.agent.id, error: String(error) })
          intervention.outcome = 'failed'
        })
        .finally(() => {
          intervention.asking = 'no'
          if (!signal.aborted) onIdle(tracked)
        })
    },

    terminate(tracked) {
      if (tracked.terminating || !enforced(tracked.agent) || control.isTerminal(tracked.agent.id)) return
      tracked.terminating = true
      askForEnd(tracked)
        .catch((error: unknown) => {
          if (signal.aborted) return
          log.warn('an end could not be asked for', { agent: tracked.agent.id, error: String(error) })
        })
        .finally(() => {
          tracked.terminating = false
        })
    },

    owesPause({ agent, state, intervention }) {
      if (!config().pauseOnIntervention || intervention === undefined || state.phase !== 'intervention') {
        return false
      }
      if (intervention.asking !== 'no') return false
      const isHeld = control.holds(agent.id).has('budget')
      switch (intervention.outcome) {
        case undefined:
        case 'pending_approval':
          // An earlier run of the daemon did not learn what came of it: the journal knows.
          return true
        case 'failed':
          return !isHeld
        case 'refused':
          // A person who rejected it need not say so every minute.
          return !isHeld && state.intervention?.answer !== 'given'
        case 'dry_run':
          return !isHeld && intervention.asked !== 'enforced' && enforced(agent)
        default:
          return false
      }
    },
  }
}

const DETAIL = ' | '

/** The reason without what was added about the outcome. */
function baseReason(reason: string): string {
  return reason.split(DETAIL, 1)[0] ?? reason
}

function note(intervention: Intervention, outcome: ActionTaken, entry: ActionEntry): void {
  const { event } = intervention
  intervention.outcome = outcome
  const why = [entry.status, entry.refusal, entry.detail].filter((part) => part !== undefined)
  const said = outcome === 'failed' || outcome === 'refused' ? `${DETAIL}${why.join(': ')}` : ''
  intervention.event = {
    ...event,
    actionTaken: outcome,
    actionId: entry.id,
    reason: `${baseReason(event.reason)}${said}`,
  }
}

function outcomeOf({ status }: ActionEntry): ActionTaken {
  switch (status) {
    case 'done':
    case 'noop':
      return 'paused'
    case 'refused':
    case 'dry_run':
      return status
    default:
      return 'failed'
  }
}
