import type { BadLevel } from '../memory/model.ts'
import { bytes, duration, percent } from './amounts.ts'
import { memoryScale } from './gauge.ts'
import { RESOURCE_TEXT } from './limits.ts'
import type { ShownAction, ShownAgent, ShownMemory } from './model.ts'

/** How much somebody is needed, from most to least. */
export const SEVERITIES = ['critical', 'serious', 'held', 'warning', 'fine', 'ended'] as const
export type Severity = (typeof SEVERITIES)[number]

/** One thing that is wrong, in one sentence. */
export interface Finding {
  readonly severity: Severity
  readonly says: string
  readonly crash?: string
}

/** A crash is news for so long. */
const NEWS_MS = 3_600_000
/** A limit that is farther away is not worth a sentence while all is well. */
const SOON_SECONDS = 3_600

/**
 * What is wrong with an agent, the worst first; at least one finding. Says only what is known: what was not measured is
 * not well, it is left out.
 * @param pending actions about any agent that wait for approval
 */
export function findings(
  agent: ShownAgent,
  pending: readonly ShownAction[],
  nowMs: number,
): readonly [Finding, ...Finding[]] {
  const found = [
    ...waiting(agent, pending),
    ...ofMemory(agent),
    ...ofBudget(agent),
    ...ofHolds(agent, nowMs),
    ...ofCrash(agent, nowMs),
    ...(agent.conflict
      ? [{ severity: 'serious', says: 'Two live agents claim this id: nothing is done to it.' } as const]
      : []),
  ]
  const [worst, ...rest] = found.toSorted((a, b) => rankOf(a) - rankOf(b))
  if (worst !== undefined) return [worst, ...rest]
  return [agent.endedAt === undefined ? FINE : ENDED]
}

const FINE: Finding = { severity: 'fine', says: 'Nothing is known to be wrong.' }
const ENDED: Finding = { severity: 'ended', says: 'It has ended.' }

export function rankOf({ severity }: Pick<Finding, 'severity'>): number {
  return SEVERITIES.indexOf(severity)
}

function waiting({ id }: ShownAgent, pending: readonly ShownAction[]): Finding[] {
  return pending
    .filter(({ agent }) => agent === id)
    .map(({ action, reason }) => ({
      severity: 'critical',
      says: `Waits for approval to ${action} it: ${reason}`,
    }))
}

function ofMemory({ memory, endedAt }: ShownAgent): Finding[] {
  if (memory === undefined || memory === null || endedAt !== undefined) return []
  const { level, timeToLimit, trend } = memory
  const soon = timeToLimit === undefined ? undefined : Math.max(1, timeToLimit.lowSeconds)
  const when = soon === undefined ? '' : `; full in about ${duration(soon)} if it goes on`
  if (level === undefined || level === 'healthy') {
    if (trend !== 'growing' || soon === undefined || soon > SOON_SECONDS) return []
    return [{ severity: 'warning', says: `Memory grows: ${used(memory)}${when}.` }]
  }
  return [{ severity: LEVEL_SEVERITY[level], says: `${MEMORY_SAYS[level]}: ${used(memory, level)}${when}.` }]
}

const LEVEL_SEVERITY = { warning: 'warning', critical: 'serious', oom_imminent: 'critical' } as const
const MEMORY_SAYS = {
  warning: 'Memory is high',
  critical: 'Memory is critical',
  oom_imminent: 'Memory is about to run out',
} as const

function used(memory: ShownMemory, level?: BadLevel): string {
  const { judgedBytes, thresholds } = memory
  const { bytes: scale, isLimit } = memoryScale(memory)
  if (judgedBytes === undefined) return 'not read now'
  if (isLimit && scale !== undefined && scale > 0)
    return `${bytes(judgedBytes)} of ${bytes(scale)} (${percent(judgedBytes / scale)})`
  if (level === undefined || thresholds === undefined) return bytes(judgedBytes)
  return `${bytes(judgedBytes)}, and ${level.replaceAll('_', ' ')} begins at ${bytes(thresholds[level])}`
}

function ofBudget({ phase, resource, ratios, endedAt, enforced }: ShownAgent): Finding[] {
  if (phase === undefined || phase === 'normal' || endedAt !== undefined) return []
  const ratio = resource === undefined || resource === 'manual' ? undefined : ratios?.[resource]
  const what =
    resource === undefined
      ? 'a limit'
      : resource === 'manual'
        ? 'a person decided'
        : `the limit of ${RESOURCE_TEXT[resource].name}`
  const amount = ratio === undefined ? what : `${percent(ratio)} of ${what}`
  const unheeded = enforced === false && phase !== 'warning' ? '; it did not opt in, so nothing is done' : ''
  return [{ severity: PHASE_SEVERITY[phase], says: `${PHASE_SAYS[phase]}: ${amount}${unheeded}.` }]
}

const PHASE_SEVERITY = { warning: 'warning', intervention: 'serious', termination: 'critical' } as const
const PHASE_SAYS = {
  warning: 'Budget is nearly used up',
  intervention: 'Budget is exceeded',
  termination: 'Budget stayed exceeded and the agent is to be ended',
} as const

function ofHolds({ holds = [], state, endedAt }: ShownAgent, nowMs: number): Finding[] {
  if (endedAt !== undefined) return []
  if (holds.length === 0) {
    if (state.lifecycleState !== 'paused') return []
    return [{ severity: 'held', says: 'It stands still, and not because of us.' }]
  }
  return holds.map(({ cause, since, reason }) => {
    const lasts = duration((nowMs - Date.parse(since)) / 1_000)
    return { severity: 'held', says: `Paused by ${holder(cause)} for ${lasts}: ${reason}` }
  })
}

/** Who holds it, in words. */
export function holder(cause: string): string {
  if (cause.startsWith('alert:')) return `the alert ${cause.slice('alert:'.length)}`
  return HOLDERS[cause] ?? cause
}
const HOLDERS: Readonly<Record<string, string>> = {
  human: 'a person',
  budget: 'its budget',
  memory: 'its memory',
  unknown: 'an action that the journal lost',
}

function ofCrash({ lastCrash, endedAt }: ShownAgent, nowMs: number): Finding[] {
  if (lastCrash === undefined || nowMs - Date.parse(lastCrash.at) > NEWS_MS) return []
  const severity = endedAt === undefined ? 'warning' : 'serious'
  return [{ severity, says: `It crashed: ${lastCrash.summary}`, crash: lastCrash.id }]
}
