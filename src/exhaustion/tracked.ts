import type { Agent, AgentInfo } from '../agents/model.ts'
import type { EpochUsage } from '../usage/model.ts'
import { FRESH, type JudgeState } from './judge.ts'
import { extended, type LimitConfig, limitsOf } from './limits.ts'
import type { ActionTaken, Enrolment, ExhaustionEvent, Limits, Thresholds } from './model.ts'
import type { StoredState } from './repository.ts'

/** The open intervention of one agent and what has come of it so far. */
export interface Intervention {
  event: ExhaustionEvent
  /** `deciding`: asked for and not yet answered. `approval`: waits for a person. */
  asking: 'no' | 'deciding' | 'approval'
  /** Undefined until the first answer. */
  outcome: ActionTaken | undefined
  asked: 'enforced' | 'observed' | undefined
}

/** One life of an agent as this room knows it. */
export interface Tracked {
  /** The registry's object; another one when the same life got another name. */
  agent: Agent
  state: JudgeState
  epoch: number
  intervention: Intervention | undefined
  /** A termination is asked for and not yet answered. */
  terminating: boolean
  extra: StoredState['extra']
  heard: StoredState['heard']
  /** A new epoch is being opened: its first numbers are judged after that. */
  reopening: boolean
  cached: CachedLimits | undefined
}

interface CachedLimits {
  readonly config: LimitConfig
  readonly info: AgentInfo
  readonly enrolment: Enrolment | undefined
  readonly extra: Thresholds | undefined
  readonly limits: Limits
}

export function freshTracked(agent: Agent): Tracked {
  return {
    agent,
    state: FRESH,
    epoch: 0,
    intervention: undefined,
    terminating: false,
    extra: undefined,
    heard: {},
    reopening: false,
    cached: undefined,
  }
}

export function restoredTracked(
  agent: Agent,
  stored: StoredState,
  events: ReadonlyMap<string, ExhaustionEvent>,
): Tracked {
  const event = stored.eventId === undefined ? undefined : events.get(stored.eventId)
  return {
    ...freshTracked(agent),
    state: stored.judged,
    epoch: stored.epoch,
    extra: stored.extra,
    heard: stored.heard,
    intervention:
      event === undefined
        ? undefined
        : {
            event,
            asking: 'no',
            // What an event says before anybody answered.
            outcome: event.actionTaken === 'allowed' ? undefined : event.actionTaken,
            asked: stored.asked,
          },
  }
}

export function storedOf({ agent, state, epoch, extra, heard, intervention }: Tracked): StoredState {
  return {
    agent: agent.id,
    incarnation: agent.incarnation,
    judged: state,
    epoch,
    extra,
    heard,
    eventId: intervention?.event.id,
    asked: intervention?.asked,
  }
}

/** Limits of the agent in this epoch, worked out again only when something they depend on is another. */
export function limitsNow(
  tracked: Tracked,
  usage: Pick<EpochUsage, 'epoch'>,
  config: LimitConfig,
  enrolments: {
    of(agent: Agent): Enrolment | undefined
    choice(agent: Agent): { readonly profile: string | undefined; readonly budget: Thresholds }
  },
): Limits {
  const { agent, cached } = tracked
  const { info } = agent
  const enrolment = enrolments.of(agent)
  const extra = tracked.extra?.epoch === usage.epoch ? tracked.extra.budget : undefined
  if (
    cached?.config === config &&
    cached.info === info &&
    cached.enrolment === enrolment &&
    cached.extra === extra
  ) {
    return cached.limits
  }
  const limits = extended(limitsOf(config, { role: info.role, ...enrolments.choice(agent) }), extra)
  tracked.cached = { config, info, enrolment, extra, limits }
  return limits
}
