import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { parseDuration } from '../../../src/platform/duration.ts'
import { type AlertRule, alertFiles } from '../../support/rule-files.ts'

const RULE = 'alertmanager: { rules: [{ match: { alertname: X }, action: pause }] }'
const defaultMs = parseConfig('test', RULE, {}).alertmanager.rules[0]!.deafFor
const page = readFileSync(join(import.meta.dirname, '../../../docs/alertmanager.md'), 'utf8')
const told = new Map(
  [...page.matchAll(/^\| (Agent\w+) \| (\w+) \|$/gm)].map(([, name, time]) => [name, time]),
)

/** How long it may go on to fire after what it is about has ended. */
function lookBackMs({ expr, keep_firing_for: keep = '0s' }: AlertRule): number {
  const ranges = [...expr.matchAll(/\[(\w+)[\]:]/g)].map(([, range]) => parseDuration(range!)!)
  return Math.max(0, ...ranges) + parseDuration(keep)!
}

// Only of these can a rule of the receiver make an action: it needs the label.
const aboutAgents = alertFiles.flatMap(({ rules }) =>
  rules.filter(({ annotations }) => annotations['description']?.includes('$labels.agent ')),
)

describe('the time in which an action is not repeated', () => {
  it.each(aboutAgents.map((rule) => [rule.alert, rule] as const))('outlasts %s', (alert, rule) => {
    const needed = lookBackMs(rule)
    if (needed <= defaultMs) expect(told.get(alert)).toBeUndefined()
    else expect(parseDuration(told.get(alert) ?? '0s')).toBe(needed)
  })

  it('is told of no alert that does not exist', () => {
    expect(aboutAgents.map(({ alert }) => alert)).toEqual(expect.arrayContaining([...told.keys()]))
  })
})
