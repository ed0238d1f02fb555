import type { EpochUsage, TokenCounts, TokenType } from '../usage/model.ts'
import { type Limits, RESOURCES, type Resource } from './model.ts'

/** What was used of each resource in the units of its limit; undefined is not known, never 0. */
export type Used = Readonly<Record<Resource, number | undefined>>

/** Used divided by the limit; only of resources that have a limit and whose use is known. */
export type Ratios = Readonly<Partial<Record<Resource, number>>>

/** Types of tokens that count; tokens of no stated type always do. */
export type CountedTokens = readonly Exclude<TokenType, 'unspecified'>[]

/** What the epoch used so far, as the limits count it. Times in milliseconds, the rate in tokens per minute. */
export function usedOf(usage: EpochUsage, tokenTypes: CountedTokens): Used {
  const { totals } = usage
  return {
    files: known(totals.filesRead + totals.filesWritten + totals.filesModified),
    api_calls: known(totals.apiCalls),
    subtasks: known(totals.subtasks),
    tokens: known(countTokens(totals.tokens, tokenTypes)),
    time_without_deliverable: known(usage.sinceDeliverableMs),
    cost_usd: known(totals.costUsd),
    wall_clock: known(usage.wallClockMs),
    token_rate: known(countTokens(usage.tokensLastMinute, tokenTypes)),
  }
}

export function ratiosOf(used: Used, limits: Limits): Ratios {
  const ratios: Partial<Record<Resource, number>> = {}
  for (const resource of RESOURCES) {
    const limit = limits[resource]
    const amount = used[resource]
    if (limit !== undefined && amount !== undefined) ratios[resource] = amount / limit.max
  }
  return ratios
}

function countTokens(tokens: TokenCounts, tokenTypes: CountedTokens): number {
  let sum = tokens.unspecified ?? 0
  for (const type of tokenTypes) sum += tokens[type] ?? 0
  return sum
}

function known(amount: number): number | undefined {
  return Number.isFinite(amount) ? amount : undefined
}
