import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { AGENT_ID_PATTERN } from '../agents/model.ts'
import { decodeConfig } from '../config/decode.ts'
import { type BudgetRequest, checkProfile, parseBudget } from '../exhaustion/budget.ts'
import type { ExhaustionConfig } from '../exhaustion/limits.ts'
import type { Thresholds } from '../exhaustion/model.ts'
import { Problem, type ProblemField } from '../platform/problem.ts'
import {
  type DeliverableInput,
  DeliverableRequest,
  toDeliverable,
  toRecords,
  UsageRequest,
} from '../usage/input.ts'
import type { UsageRecord } from '../usage/model.ts'
import type { AgentChoice, ResourceExhaustionConfig } from './model.ts'

const AGENT_ID = new RegExp(AGENT_ID_PATTERN)

/** The section with its defaults. */
export type Section = ExhaustionConfig & {
  readonly resetCountersOnDeliverable: boolean
  readonly verifyArtifacts: boolean
}

/** @throws ConfigError that names every key which is wrong */
export function sectionOf(config: ResourceExhaustionConfig = {}): Section {
  return decodeConfig('config', { resourceExhaustion: config }).resourceExhaustion
}

/** @throws Problem AE_INVALID */
export function checkAgentId(id: string): void {
  if (!AGENT_ID.test(id)) throw invalid([{ path: '/agentId', message: `must match ${AGENT_ID_PATTERN}` }])
}

/** @throws Problem AE_INVALID when there is no such profile or a limit is none */
export function choiceOf({ profile, budget = {} }: AgentChoice, { profiles }: Section) {
  const parsed = parseBudget(budget as BudgetRequest)
  const problems = [...(profile === undefined ? [] : checkProfile(profile, profiles)), ...parsed.problems]
  if (problems.length > 0) throw invalid(problems)
  return { profile, budget: parsed.budget }
}

/** @throws Problem AE_INVALID */
export function extraOf(extra: Readonly<Record<string, number>>): Thresholds {
  const { budget, problems } = parseBudget(extra, '/extraBudget')
  if (problems.length > 0) throw invalid(problems)
  return budget
}

export type Use = Parameters<typeof toRecords>[0]

/** The same check that the route for usage makes. @throws Problem AE_INVALID */
export function recordsOf(body: Use, nowMs: number): readonly UsageRecord[] {
  check(UsageRequest, body)
  return toRecords(body, nowMs)
}

/** The same check that the route for deliverables makes. @throws Problem AE_INVALID */
export function deliverableOf(body: Parameters<typeof toDeliverable>[0]): DeliverableInput {
  check(DeliverableRequest, body)
  return toDeliverable(body)
}

function check(schema: TSchema, body: unknown): void {
  const errors = [...Value.Errors(schema, body)]
  if (errors.length === 0) return
  throw invalid(errors.map(({ instancePath, message }) => ({ path: instancePath, message })))
}

function invalid(errors: readonly ProblemField[]): Problem {
  const [first] = errors
  return new Problem('AE_INVALID', `${first?.path ?? ''} ${first?.message ?? ''}`.trim(), errors)
}
