import {
  type Limit,
  type LimitOrigin,
  type Limits,
  RESOURCES,
  type Resource,
  type ResourceLabel,
  THRESHOLD_KEYS,
  type ThresholdKey,
  type Thresholds,
} from './model.ts'
import type { CountedTokens } from './ratios.ts'

/** Limits that nobody wrote: they only warn. Values of the system whose names these are. */
export const BUILTIN_THRESHOLDS: Thresholds = {
  maxFilesAccessed: 100,
  maxApiCalls: 50,
  maxSubtasksSpawned: 20,
  maxTokensConsumed: 100_000,
  maxTimeWithoutDeliverableMs: 300_000,
}

/** The part of the configuration that sets limits. */
export interface LimitConfig {
  readonly thresholds: Thresholds
  readonly profiles: Readonly<Record<string, Thresholds>>
  /** Profile of each role that has one. */
  readonly roles: Readonly<Record<string, string>>
}

/** Section `resourceExhaustion` of the configuration, decoded. */
export interface ExhaustionConfig extends LimitConfig {
  readonly enabled: boolean
  readonly warningThresholdPercent: number
  readonly checkIntervalMs: number
  readonly pauseOnIntervention: boolean
  readonly autoTerminate: boolean
  readonly terminateAfterMs: number
  readonly requireConfirmationOnIntervention: boolean
  readonly tokenTypes: CountedTokens
}

/** What was chosen for one agent. */
export interface Choice {
  /** Agents name their role themselves, in their environment or over the API. */
  readonly role: string | undefined
  /** Chosen by a person; goes before the profile of the role. */
  readonly profile: string | undefined
  readonly budget: Thresholds
}

/**
 * Limits of one agent: built in, then configured, then of its profile, then its own; the last that says one wins.
 * The profile of a role only ever lowers what is configured: an agent that calls itself something else must not get
 * more by it.
 */
export function limitsOf(config: LimitConfig, { role, profile, budget }: Choice): Limits {
  const ofProfile =
    profile === undefined
      ? lowered(own(config.profiles, own(config.roles, role)), config.thresholds)
      : own(config.profiles, profile)
  const layers: readonly (readonly [LimitOrigin, Thresholds | undefined])[] = [
    ['builtin', BUILTIN_THRESHOLDS],
    ['config', config.thresholds],
    ['profile', ofProfile],
    ['registration', budget],
  ]
  const limits: Partial<Record<Resource, Limit>> = {}
  for (const resource of RESOURCES) {
    const key = THRESHOLD_KEYS[resource]
    for (const [origin, thresholds] of layers) {
      const max = thresholds?.[key]
      if (max !== undefined) limits[resource] = { max, origin }
    }
  }
  return limits
}

/** Without what would be more than the configuration allows everybody. */
function lowered(profile: Thresholds | undefined, configured: Thresholds): Thresholds | undefined {
  if (profile === undefined) return undefined
  const entries = Object.entries(profile) as [ThresholdKey, number][]
  return Object.fromEntries(
    entries.filter(([key, max]) => max <= (configured[key] ?? Number.POSITIVE_INFINITY)),
  )
}

/** Limits raised by what a resume granted. A resource without a limit gets none by it. */
export function extended(limits: Limits, extra: Thresholds | undefined): Limits {
  if (extra === undefined) return limits
  const raised: Partial<Record<Resource, Limit>> = { ...limits }
  for (const resource of RESOURCES) {
    const limit = limits[resource]
    const more = extra[THRESHOLD_KEYS[resource]]
    if (limit !== undefined && more !== undefined) raised[resource] = { ...limit, max: limit.max + more }
  }
  return raised
}

/** The same limits by the names of the configuration. */
export function thresholdsOf(limits: Limits): Thresholds {
  const thresholds: { -readonly [Key in keyof Thresholds]: Thresholds[Key] } = {}
  for (const resource of RESOURCES) {
    const limit = limits[resource]
    if (limit !== undefined) thresholds[THRESHOLD_KEYS[resource]] = limit.max
  }
  return thresholds
}

/** The name of the limit in the configuration, as answers give it; `manual` stays. */
export function triggerName(resource: ResourceLabel): ThresholdKey | 'manual' {
  return resource === 'manual' ? resource : THRESHOLD_KEYS[resource]
}

/** Roles and profiles are named by agents: `constructor` must not find anything. */
function own<Value>(record: Readonly<Record<string, Value>>, key: string | undefined): Value | undefined {
  return key !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}
