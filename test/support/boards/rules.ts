import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { contractRules } from './contract-rules.ts'
import type { BoardRule } from './finding.ts'
import { linkRules } from './link-rules.ts'
import { LINTER_RULES } from './linter-rules.ts'
import { OUR_RULES } from './our-rules.ts'
import { SERIES } from './series.ts'
import { TABLE_RULES } from './table-rules.ts'
import { UNIT_RULES } from './unit-rules.ts'

/** Everything that a board is held to without a server. */
export function boardRules(boards: readonly Dashboard[]): readonly BoardRule[] {
  return [
    ...contractRules(SERIES),
    ...LINTER_RULES,
    ...OUR_RULES,
    ...UNIT_RULES,
    ...linkRules(boards),
    ...TABLE_RULES,
  ]
}
