import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import {
  type AlertmanagerSection,
  alertmanagerIssues,
  alertmanagerProperties,
} from '../../../src/config/alertmanager-section.ts'

const Section = Type.Object(alertmanagerProperties, { additionalProperties: false })

function decode(text: string): AlertmanagerSection {
  const complete = Value.Default(Section, parse(text) ?? {})
  const errors = [...Value.Errors(Section, complete)]
  if (errors.length > 0) {
    throw new Error(
      errors.map((one) => `${one.instancePath}: ${one.message} ${JSON.stringify(one.params)}`).join('\n'),
    )
  }
  return Value.Decode(Section, complete) as AlertmanagerSection
}
const issuesOf = (rule: string) =>
  alertmanagerIssues(decode(`rules: [${rule}]`)).map(({ path, message }) => `${path}: ${message}`)

const RULE = 'match: { alertname: AgentTokenRateHigh }, action: pause'

describe('the section alertmanager', () => {
  it('is its defaults when empty', () => {
    expect(decode('')).toEqual({
      instances: [],
      repeatInterval: 300_000,
      url: 'none',
      grafanaSecretFile: 'none',
      rules: [],
    })
  })

  it('makes a rule of its few words, which does nothing yet', () => {
    expect(decode(`rules: [{ ${RULE} }]`).rules).toEqual([
      {
        match: { alertname: 'AgentTokenRateHigh' },
        matchers: [],
        action: 'pause',
        dryRun: true,
        onResolved: 'none',
        curedByPause: false,
        deafFor: 600_000,
        minHold: 60_000,
        approval: 'none',
        grace: 10_000,
        deadline: 1_800_000,
      },
    ])
    expect(issuesOf(`{ ${RULE} }`)).toEqual([])
  })

  it('knows sizes', () => {
    const rule = `{ match: { alertname: A }, action: resize, size: { memoryBytes: 4GiB, maxMemoryBytes: 8GiB } }`
    expect(decode(`rules: [${rule}]`).rules[0]!.size).toEqual({
      memoryBytes: 4 * 2 ** 30,
      maxMemoryBytes: 8 * 2 ** 30,
    })
    expect(issuesOf(rule)).toEqual([])
  })

  it.each([
    ['url: ftp://x', '/url'],
    ['rules: [{ match: { alertname: A } }]', 'action'],
    ['rules: [{ match: { alertname: A }, action: reboot }]', '/rules/0/action'],
    ['rules: [{ match: { alertname: A }, action: pause, command: ls }]', 'command'],
    ['rules: [{ match: { alertname: A }, action: resize, size: { memoryBytes: 1GiB } }]', 'maxMemoryBytes'],
    ['rules: [{ match: { alertname: 1 }, action: pause }]', 'match'],
  ])('refuses %s', (text, where) => {
    expect(() => decode(text)).toThrow(where.split('/').at(-1))
  })

  it.each([
    [`{ ${RULE}, onResolved: resume }`, 'rules[0].onResolved: resume needs curedByPause: true'],
    [
      '{ match: { alertname: A }, action: terminate, onResolved: resume }',
      'rules[0].onResolved: resume needs action',
    ],
    [
      '{ match: { alertname: A }, action: notify, curedByPause: true }',
      'rules[0].curedByPause: needs action: pause',
    ],
    [`{ ${RULE}, deafFor: 59s }`, 'rules[0].deafFor: must be at least 1m'],
    [`{ ${RULE}, minHold: 30m }`, 'rules[0].deadline: must be longer than minHold'],
    ['{ match: { alertname: A }, action: resize }', 'rules[0].size: must be given'],
    [`{ ${RULE}, size: { memoryBytes: 1GiB, maxMemoryBytes: 2GiB } }`, 'rules[0].size: needs action: resize'],
    [
      '{ match: { alertname: A }, action: resize, size: { memoryBytes: 2GiB, maxMemoryBytes: 1GiB } }',
      'rules[0].size.maxMemoryBytes: must not be less',
    ],
    ['{ action: pause }', 'rules[0]: fits every alert'],
    ['{ match: { team: "" }, action: pause }', 'rules[0]: fits every alert'],
    [`{ matchers: ['agent=~".*"'], action: pause }`, 'rules[0]: fits every alert'],
    [`{ matchers: ['agent!="x"'], action: pause }`, 'rules[0]: fits every alert'],
    [`{ matchers: ['agent=~"("'], action: pause }`, 'rules[0].matchers[0]: the pattern has an open group'],
    [`{ ${RULE} }, { ${RULE} }`, 'rules[1]: is never reached: rules[0] fits the same alerts'],
  ])('refuses what cannot be meant: %s', (rule, issue) => {
    expect(issuesOf(rule)).toEqual([expect.stringContaining(`alertmanager.${issue}`)])
  })

  it('takes a resume where the pause is the cure', () => {
    expect(issuesOf(`{ ${RULE}, curedByPause: true, onResolved: resume }`)).toEqual([])
  })

  it('wants no shorter repeats than Alertmanager knows', () => {
    expect(alertmanagerIssues(decode('repeatInterval: 9s'))).toEqual([
      { path: 'alertmanager.repeatInterval', message: 'must be at least 10s' },
    ])
  })
})
