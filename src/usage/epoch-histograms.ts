import type { Family } from '../platform/exposition/family.ts'
import type { SnapshotBuilder } from '../platform/exposition/snapshot.ts'
import { apiCalls, filesAccessed, tokensConsumed } from './families.ts'
import { type EpochTotals, TOKEN_TYPES, type TokenType } from './model.ts'

/** Roles are what agents and people write; every further one is `other`. */
const MAX_ROLES = 50
const OTHER_ROLE = 'other'
/** Of an agent without a role: an empty label would be no label at all. */
const NO_ROLE = 'none'

const FAMILIES = [filesAccessed, apiCalls, tokensConsumed] as const

interface Value {
  readonly counts: number[]
  sum: number
  count: number
}

/** Distributions over epochs; each epoch is observed once, at its end. Begins empty with every run of the daemon. */
export interface EpochHistograms {
  /** A role whose epochs will end one day: its series begin with 0, so that the first epoch is an increase. */
  meet(role: string | undefined): void
  observe(role: string | undefined, totals: EpochTotals, tokenTypes: readonly TokenType[]): void
  collect(out: SnapshotBuilder): void
}

/** Tokens of the types that count against a budget; tokens of no stated type always do. */
export function countedTokens({ tokens }: EpochTotals, types: readonly TokenType[]): number {
  let sum = 0
  for (const type of TOKEN_TYPES) if (type === 'unspecified' || types.includes(type)) sum += tokens[type]
  return sum
}

export const countedFiles = ({ filesRead, filesWritten, filesModified }: EpochTotals): number =>
  filesRead + filesWritten + filesModified

export function createEpochHistograms(): EpochHistograms {
  const roles = new Map<string, readonly Value[]>()

  function valuesOf(role: string): readonly Value[] {
    const known = roles.get(role)
    if (known !== undefined) return known
    if (roles.size >= MAX_ROLES && role !== OTHER_ROLE) return valuesOf(OTHER_ROLE)
    const made = FAMILIES.map(({ buckets = [] }) => ({ counts: buckets.map(() => 0), sum: 0, count: 0 }))
    roles.set(role, made)
    return made
  }

  return {
    meet: (role) => void valuesOf(role || NO_ROLE),
    observe(role, totals, tokenTypes) {
      const numbers = [countedFiles(totals), totals.apiCalls, countedTokens(totals, tokenTypes)]
      for (const [place, value] of valuesOf(role || NO_ROLE).entries()) {
        add(FAMILIES[place]!, value, numbers[place] ?? 0)
      }
    },
    collect(out) {
      for (const [role, values] of roles) {
        for (const [place, value] of values.entries()) out.histogram(FAMILIES[place]!, { role }, value)
      }
    },
  }
}

function add({ buckets = [] }: Family, value: Value, number: number): void {
  const place = buckets.findIndex((bound) => number <= bound)
  if (place >= 0) value.counts[place] = (value.counts[place] ?? 0) + 1
  value.sum += number
  value.count++
}
