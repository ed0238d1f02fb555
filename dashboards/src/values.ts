import type { AgentState, Runtime } from '../../src/agents/model.ts'
import type { OutcomeLabel } from '../../src/control/families.ts'
import type { Action, RefusalReason, Trigger } from '../../src/control/model.ts'
import type { CrashCause, ExitReason } from '../../src/crashes/model.ts'
import type { Phase, ResourceLabel } from '../../src/exhaustion/model.ts'
import type { Basis, Level, Trend } from '../../src/memory/model.ts'
import type { TokenType } from '../../src/usage/model.ts'

/** Labels whose values are a closed list: a misspelt one would match nothing, for ever. All others take any text. */
export interface LabelValues {
  readonly action: Action
  readonly basis: Basis
  readonly cause: CrashCause
  readonly estimate: 'low' | 'mid'
  readonly level: Level | 'intervention'
  readonly mode: 'user' | 'system' | 'unspecified'
  readonly outcome: OutcomeLabel
  readonly phase: Phase
  readonly reason: ExitReason | RefusalReason
  readonly resource: ResourceLabel
  readonly runtime: Runtime
  readonly state: AgentState
  readonly token_type: TokenType
  readonly trend: Trend
  readonly trigger: Trigger
}
