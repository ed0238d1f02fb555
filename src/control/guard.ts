import type { Agent, AgentId } from '../agents/model.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import type { Action, ActionRequest, Judgement, RefusalReason, Trigger } from './model.ts'
import type { Result } from './record.ts'
import { type MemoryFacts, objectionToSize } from './room-for.ts'

/** The section `control` of the configuration, as far as it decides; times in milliseconds. */
export interface ControlConfig {
  readonly mode: 'off' | 'dry-run' | 'enforce'
  readonly enforceDiscovered: boolean
  readonly cooldown: number
  readonly maxFleetShare: number
  readonly maxFailures: number
  readonly maxAutoResumesPerHour: number
  readonly approvalExpiry: number
  readonly grace: number
}

/** An effect that was let go. */
export interface Deed {
  readonly agent: AgentId
  readonly action: Action
  readonly trigger: Trigger
  readonly started: Moment
  readonly ended: Moment | undefined
  /** Undefined while it is under way. */
  readonly result: Result | undefined
}

/**
 * Of the container that an agent is or runs in. `own`: we run in it. `unlabelled`: no label of its own lets anybody act
 * on it.
 */
export type ContainerStanding = 'labelled' | 'unlabelled' | 'own'

/** Everything the guard looks at besides the request, taken at one moment. */
export interface Facts {
  /** Whether this daemon is the one that acts. */
  readonly acting: boolean
  readonly killSwitch: boolean
  readonly agent: Pick<Agent, 'incarnation' | 'endedAtMs' | 'conflict' | 'uid'> | undefined
  /** `none`: nothing that has processes of this host. `missing`: the agent claims to live, its tree was not found. */
  readonly tree: { readonly pids: readonly number[] } | 'none' | 'missing'
  /** Whether there is a driver that can do it. */
  readonly supported: boolean
  /** Undefined: no container is concerned. */
  readonly container: ContainerStanding | undefined
  /** This process and all above it. */
  readonly protectedPids: ReadonlySet<number>
  readonly otherUser: boolean
  readonly enforced: boolean
  readonly held: boolean
  /** A terminate of this incarnation was verified or is under way. */
  readonly terminal: boolean
  /** The journal was lost or cannot be read: what was done before is not known. */
  readonly damaged: boolean
  readonly memory: MemoryFacts
  /** Live agents that may be acted on. */
  readonly fleet: number
  /** Attempts under the same key that failed. */
  readonly attempts: number
  /** Of the last hour, oldest first. */
  readonly deeds: readonly Deed[]
  /** When a person last cleared the failure stops. */
  readonly resetAt: Moment | undefined
}

/** Triggers that share the fleet and cool down. Budgets are exempt: an exhausted agent stays exhausted. */
const SHARED: ReadonlySet<Trigger> = new Set(['alert', 'memory', 'reaper', 'scaler'])
const SHARE_WINDOW_MS = 600_000
const FAILURE_WINDOW_MS = 600_000
const FAILURE_STOP_MS = 1_800_000
const RESUME_WINDOW_MS = 3_600_000
/** Nothing older is asked for. */
export const DEEDS_KEPT_MS = 3_600_000

/**
 * May this be done now? Pure; the first rule that objects is the answer. A resume of what we hold passes every rule
 * that only protects from doing too much: nobody stays stopped because of a setting.
 */
export function judgeGuard(
  request: ActionRequest,
  facts: Facts,
  config: ControlConfig,
  now: Moment,
): Judgement {
  return (
    standing(request, facts, config) ??
    identity(request, facts) ??
    reach(request, facts) ??
    rehearsal(request, facts, config) ??
    pace(request, facts, config, now) ?? { verdict: 'allow' }
  )
}

function refused(reason: RefusalReason, detail: string): Judgement {
  return { verdict: 'refused', reason, detail }
}

function releases({ action }: ActionRequest, { held }: Facts): boolean {
  return action === 'resume' && held
}

function standing(request: ActionRequest, facts: Facts, { mode }: ControlConfig): Judgement | undefined {
  if (mode === 'off' && !releases(request, facts)) return refused('control_off', 'control.mode is off')
  if (!facts.acting) return refused('second_daemon', 'another daemon on this host acts')
  if (facts.killSwitch && request.action !== 'resume')
    return refused('kill_switch', 'the kill switch is engaged')
  return undefined
}

function identity(request: ActionRequest, facts: Facts): Judgement | undefined {
  const { agent } = facts
  if (agent === undefined) return refused('unknown_agent', 'no such agent')
  if (request.incarnation !== undefined && request.incarnation !== agent.incarnation) {
    return refused('other_incarnation', 'the agent was started anew since')
  }
  if (agent.endedAtMs !== undefined) return refused('ended', 'the agent has ended')
  if (agent.conflict && !releases(request, facts)) {
    return refused('conflict', 'another live incarnation has the same id')
  }
  return undefined
}

function reach(request: ActionRequest, facts: Facts): Judgement | undefined {
  const { action } = request
  if (!facts.supported) return refused('unsupported', `nothing here can ${action} this agent`)
  if (facts.container === 'own') return refused('own_container', 'it is the container of the exporter')
  if (facts.container === 'unlabelled' && !releases(request, facts)) {
    return refused('unlabelled_container', 'the container is not labelled for it')
  }
  if (facts.otherUser) return refused('other_user', 'its processes belong to another user')
  if (action === 'resume') return undefined
  if (facts.tree === 'missing') return refused('missing_data', 'its processes were not found')
  if (facts.tree !== 'none' && facts.tree.pids.some((pid) => pid <= 1 || facts.protectedPids.has(pid))) {
    return refused('protected_process', 'the tree holds init, the exporter or one of its ancestors')
  }
  if (facts.terminal && action !== 'terminate') return refused('terminal', 'it is being terminated')
  const objection = objectionToSize(request, facts.memory)
  return objection && refused(...objection)
}

function rehearsal(request: ActionRequest, facts: Facts, config: ControlConfig): Judgement | undefined {
  const only = (reason: RefusalReason | undefined, detail: string): Judgement => ({
    verdict: 'dry_run',
    reason,
    detail,
  })
  if (request.action !== 'resume') {
    const asked = request.optIn === true && request.trigger === 'human'
    if (!facts.enforced && !config.enforceDiscovered && !asked) {
      return only('not_enforced', 'the agent was only discovered')
    }
    if (facts.damaged && request.trigger !== 'human')
      return only(undefined, 'the journal was lost; confirm by a reset, or wait')
    if (config.mode === 'dry-run') return only(undefined, 'control.mode is dry-run')
  }
  return request.dryRun ? only(undefined, 'a dry run was asked for') : undefined
}

function pace(
  request: ActionRequest,
  facts: Facts,
  config: ControlConfig,
  now: Moment,
): Judgement | undefined {
  const { action, agent, trigger } = request
  const since = (moment: Moment) => elapsedMs(moment, now)
  if (facts.attempts >= config.maxFailures) {
    return refused('too_many_attempts', `${facts.attempts} attempts of the same have failed`)
  }
  // One more hold on who is held already does nothing to the agent.
  const begins = action !== 'resume' && !(action === 'pause' && facts.held)
  if (SHARED.has(trigger) && begins) {
    const last = facts.deeds.findLast((deed) => deed.agent === agent && deed.trigger !== 'human')
    if (last !== undefined && since(last.started) < config.cooldown) {
      return refused(
        'cooldown',
        `${seconds(config.cooldown - since(last.started))} of the cool-down are left`,
      )
    }
    const begun = new Set<AgentId>()
    for (const deed of facts.deeds) {
      if (!SHARED.has(deed.trigger) || deed.action === 'resume' || since(deed.started) >= SHARE_WINDOW_MS)
        continue
      begun.add(deed.agent)
    }
    const share = Math.max(1, Math.floor(config.maxFleetShare * facts.fleet))
    // More for one of them, as an end after a pause that did not help, concerns no more of the fleet.
    if (begun.size >= share && !begun.has(agent)) {
      return refused('fleet_share', `${begun.size} of ${facts.fleet} agents in ten minutes`)
    }
  }
  if (action === 'resume' && trigger === 'human') return undefined
  const stop = failureStop(action, trigger, facts, config, now)
  if (stop !== undefined) {
    return refused(
      'failure_stop',
      `${stop.failures} failures in a row; ${seconds(stop.leftMs)} left, or a reset`,
    )
  }
  if (action !== 'resume') return undefined
  const resumes = facts.deeds.filter(
    (deed) =>
      deed.agent === agent &&
      deed.action === 'resume' &&
      deed.trigger !== 'human' &&
      since(deed.started) < RESUME_WINDOW_MS,
  ).length
  if (resumes >= config.maxAutoResumesPerHour) {
    return refused('too_many_resumes', `${resumes} automatic resumes in an hour`)
  }
  return undefined
}

/**
 * Why an action of a trigger has stopped: as many failures in a row as allowed, within ten minutes, the last of them
 * less than half an hour ago and after the last reset by a person.
 */
export function failureStop(
  action: Action,
  trigger: Trigger,
  { deeds, resetAt }: Pick<Facts, 'deeds' | 'resetAt'>,
  { maxFailures }: Pick<ControlConfig, 'maxFailures'>,
  now: Moment,
): { readonly failures: number; readonly leftMs: number } | undefined {
  const ended: { moment: Moment; result: Result }[] = []
  for (const deed of deeds) {
    if (deed.action !== action || deed.trigger !== trigger) continue
    if (deed.ended === undefined || deed.result === undefined || deed.result === 'neutral') continue
    if (resetAt !== undefined && elapsedMs(deed.ended, now) >= elapsedMs(resetAt, now)) continue
    ended.push({ moment: deed.ended, result: deed.result })
  }
  ended.sort((a, b) => elapsedMs(b.moment, now) - elapsedMs(a.moment, now))
  const failures = ended.length - 1 - ended.findLastIndex(({ result }) => result === 'success')
  if (failures < maxFailures) return undefined
  const first = ended.at(-maxFailures)!.moment
  const last = ended.at(-1)!.moment
  if (elapsedMs(first, last) > FAILURE_WINDOW_MS) return undefined
  const leftMs = FAILURE_STOP_MS - elapsedMs(last, now)
  return leftMs > 0 ? { failures, leftMs } : undefined
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1_000)} s`
}
