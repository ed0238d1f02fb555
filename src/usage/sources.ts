import { callsOf } from './llm.ts'
import { type Quantity, TOKEN_TYPES, type UsageRecord } from './model.ts'

/** Who reports what of one agent. */
export type Sources = Readonly<Partial<Record<Quantity, string>>>

export type SourceClaim =
  | { readonly outcome: 'granted'; readonly sources: Sources }
  | {
      readonly outcome: 'conflict'
      readonly index: number
      readonly quantity: Quantity
      readonly owner: string
    }

/**
 * The first source of a quantity owns it for the life of the agent: the same tokens told by a hook and by telemetry
 * would otherwise count twice. A zero claims nothing, so a reporter that sends every field does not shut others out.
 */
export function claimSources(sources: Sources, records: readonly UsageRecord[]): SourceClaim {
  const claimed: Partial<Record<Quantity, string>> = { ...sources }
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    for (const [quantity, reports] of REPORTS) {
      if (!reports(record)) continue
      claimed[quantity] ??= record.source
      const owner = claimed[quantity]
      if (owner !== record.source) return { outcome: 'conflict', index, quantity, owner }
    }
  }
  return { outcome: 'granted', sources: claimed }
}

const REPORTS: readonly (readonly [Quantity, (record: UsageRecord) => boolean])[] = [
  ['files', ({ files }) => files?.some(({ count }) => count > 0) === true],
  ['api_calls', (record) => callsOf(record) > 0],
  ['tokens', ({ tokens }) => tokens !== undefined && TOKEN_TYPES.some((type) => (tokens[type] ?? 0) > 0)],
  ['subtasks', ({ subtasks = 0 }) => subtasks > 0],
  ['cost_usd', ({ costUsd = 0 }) => costUsd > 0],
]
