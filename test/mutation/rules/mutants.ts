import type { AlertRule, RecordingRule } from '../../support/rule-files.ts'
import { factorsOf } from './durations.ts'
import { changesOf } from './expressions.ts'

/** A rule that differs from one of ours in one small thing. */
export interface Mutant<Rule extends AlertRule | RecordingRule = AlertRule | RecordingRule> {
  /** The alert or the recorded series. */
  readonly of: string
  readonly name: string
  readonly rule: Rule
}

export function alertMutants(rule: AlertRule): Mutant<AlertRule>[] {
  const of = rule.alert
  return [
    ...changesOf(rule.expr).map(({ name, expression }) => ({
      of,
      name,
      rule: { ...rule, expr: expression },
    })),
    ...times(rule, 'for'),
    ...times(rule, 'keep_firing_for'),
    ...['critical', 'warning', 'info']
      .filter((severity) => severity !== rule.labels['severity'])
      .map((severity) => ({
        of,
        name: `severity: ${rule.labels['severity']} → ${severity}`,
        rule: { ...rule, labels: { ...rule.labels, severity } },
      })),
  ]
}

export function recordingMutants(rule: RecordingRule): Mutant<RecordingRule>[] {
  return changesOf(rule.expr).map(({ name, expression }) => ({
    of: rule.record,
    name,
    rule: { ...rule, expr: expression },
  }))
}

function times(rule: AlertRule, key: 'for' | 'keep_firing_for'): Mutant<AlertRule>[] {
  const time = rule[key]
  if (time === undefined) return []
  const { [key]: _, ...without } = rule
  return [
    { of: rule.alert, name: `${key}: ${time} → ∅`, rule: without },
    ...factorsOf(time).map((other) => ({
      of: rule.alert,
      name: `${key}: ${time} → ${other}`,
      rule: { ...rule, [key]: other },
    })),
  ]
}
