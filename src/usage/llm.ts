import { add, addTo } from './amount.ts'
import { TOKEN_TYPES, type TokenType, type UsageRecord } from './model.ts'

/** Calls of one model of one provider. What nobody reported is absent, not 0. */
export interface LlmCounters {
  readonly provider: string
  readonly model: string
  readonly requests?: number
  readonly failures?: number
  readonly tokens: Readonly<Partial<Record<TokenType, number>>>
  readonly costUsd?: number
}

/** Every further model of an agent is counted as `other`: names come from the agent and would never end. */
const MAX_PAIRS = 10
const UNKNOWN = 'unknown'
const OTHER = 'other'

type Draft = {
  -readonly [Key in keyof LlmCounters]: LlmCounters[Key]
} & { tokens: Partial<Record<TokenType, number>> }

/** Adds the calls, tokens and cost of `records` to the pair that each of them names. */
export function addLlmUse(
  counters: readonly LlmCounters[],
  records: readonly UsageRecord[],
): readonly LlmCounters[] {
  let drafts: Draft[] | undefined
  for (const record of records) {
    if (!saysLlm(record)) continue
    drafts ??= counters.map((one) => ({ ...one, tokens: { ...one.tokens } }))
    apply(pairOf(drafts, record.provider, record.model), record)
  }
  return drafts ?? counters
}

/** Calls are at least those that failed: a failing call is not free. */
export function callsOf({ apiCalls = 0, failedApiCalls = 0 }: UsageRecord): number {
  return Math.max(apiCalls, failedApiCalls)
}

function saysLlm({ apiCalls, failedApiCalls, tokens, costUsd }: UsageRecord): boolean {
  return (
    apiCalls !== undefined || failedApiCalls !== undefined || tokens !== undefined || costUsd !== undefined
  )
}

function pairOf(drafts: Draft[], provider = UNKNOWN, model = UNKNOWN): Draft {
  let named = 0
  for (const one of drafts) {
    if (one.provider === provider && one.model === model) return one
    if (one.provider !== OTHER || one.model !== OTHER) named++
  }
  if (named >= MAX_PAIRS && (provider !== OTHER || model !== OTHER)) return pairOf(drafts, OTHER, OTHER)
  const made: Draft = { provider, model, tokens: {} }
  drafts.push(made)
  return made
}

function apply(pair: Draft, record: UsageRecord): void {
  const { apiCalls, failedApiCalls, tokens, costUsd } = record
  if (apiCalls !== undefined || failedApiCalls !== undefined) {
    pair.requests = add(pair.requests ?? 0, callsOf(record))
    pair.failures = add(pair.failures ?? 0, failedApiCalls ?? 0)
  }
  if (tokens !== undefined) {
    for (const type of TOKEN_TYPES) {
      const count = tokens[type]
      if (count !== undefined) addTo(pair.tokens, type, count)
    }
  }
  if (costUsd !== undefined) pair.costUsd = add(pair.costUsd ?? 0, costUsd)
}
