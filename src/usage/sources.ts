import { callsOf } from './llm.ts'
import type { Quantity, UsageRecord } from './model.ts'

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
  let claimed = sources
  for (const [index, record] of records.entries()) {
    for (const quantity of quantitiesOf(record)) {
      const owner = claimed[quantity]
      if (owner === undefined) claimed = { ...claimed, [quantity]: record.source }
      else if (owner !== record.source) return { outcome: 'conflict', index, quantity, owner }
    }
  }
  return { outcome: 'granted', sources: claimed }
}

function* quantitiesOf(record: UsageRecord): Generator<Quantity> {
  const { files = [], tokens = {}, subtasks = 0, costUsd = 0 } = record
  if (files.some(({ count }) => count > 0)) yield 'files'
  if (callsOf(record) > 0) yield 'api_calls'
  for (const count of Object.values(tokens)) {
    if (count > 0) {
      yield 'tokens'
      break
    }
  }
  if (subtasks > 0) yield 'subtasks'
  if (costUsd > 0) yield 'cost_usd'
}
