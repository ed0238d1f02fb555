import { createHash } from 'node:crypto'
import { createMatcher, type Labels, type Matcher, parseMatchers } from './matchers.ts'

export const RULE_ACTIONS = [
  'pause',
  'resume',
  'terminate',
  'resize',
  'restart',
  'scale_up',
  'scale_down',
  'migrate',
  'notify',
] as const
export type RuleAction = (typeof RULE_ACTIONS)[number]

/** One entry of `alertmanager.rules`, decoded; times in milliseconds. */
export interface Rule {
  readonly match: Readonly<Record<string, string>>
  readonly matchers: readonly string[]
  readonly action: RuleAction
  readonly dryRun: boolean
  readonly onResolved: 'none' | 'resume'
  readonly curedByPause: boolean
  readonly deafFor: number
  readonly minHold: number
  readonly approval: 'none' | 'required'
  readonly grace: number
  readonly deadline: number
  readonly size?: { readonly memoryBytes: number; readonly maxMemoryBytes: number }
}

/** A rule that can be asked. */
export interface Policy {
  /**
   * The same as long as the rule selects the same alerts, wherever it stands and whatever it does with them: an episode
   * that is open stays open over a change of the configuration.
   */
  readonly id: string
  readonly rule: Rule
  readonly matchers: readonly Matcher[]
}

export interface Policies {
  /** The first rule that fits. */
  of(labels: Labels): Policy | 'none'
  /** Undefined: there is no such rule any more. */
  byId(id: string): Policy | undefined
}

/** @throws MatcherError for a rule that the check of the configuration refuses */
export function compilePolicies(rules: readonly Rule[]): Policies {
  const policies = rules.map((rule): Policy => ({ id: idOf(rule), rule, matchers: matchersOf(rule) }))
  return {
    of: (labels) => policies.find(({ matchers }) => fits(matchers, labels)) ?? 'none',
    byId: (id) => policies.find((policy) => policy.id === id),
  }
}

function matchersOf({ match, matchers }: Rule): readonly Matcher[] {
  const equal = Object.entries(match).map(([name, value]) => createMatcher(name, '=', value))
  return [...equal, ...matchers.flatMap(parseMatchers)]
}

/** Nothing to fit is nothing that fits, not everything. */
function fits(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.length > 0 && matchers.every((matcher) => matcher.matches(labels))
}

function idOf({ match, matchers }: Rule): string {
  const selects = JSON.stringify([Object.entries(match).sort(), [...matchers].sort()])
  return createHash('sha256').update(selects).digest('hex').slice(0, 16)
}
