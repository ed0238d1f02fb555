import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ALERT_CHECKS, duplicates, EXPRESSION_CHECKS } from '../../support/rule-checks.ts'
import { alertFiles, recordingFiles } from '../../support/rule-files.ts'
import { ruleWorld } from '../../support/rule-world.ts'

const world = await ruleWorld()
const runbooks = readFileSync(join(import.meta.dirname, '../../../docs/runbooks.md'), 'utf8')
const sections = new Map(
  runbooks.split(/\n(?=## )/).flatMap((text) => {
    const name = /^## (.*)/.exec(text)?.[1]
    return name === undefined ? [] : [[name, text] as const]
  }),
)
const alerts = alertFiles.flatMap(({ room, rules }) => rules.map((rule) => ({ ...rule, room })))
const recordings = recordingFiles.flatMap(({ rules }) => rules)
const named = [
  ...alerts.map((rule) => [rule.alert, rule] as const),
  ...recordings.map((rule) => [rule.record, rule] as const),
]

describe.each(alertFiles.map((file) => [file.room, file] as const))('alerts/%s.rules.yml', (room, file) => {
  it('is one group with the name of its room', () => {
    expect(file.groups.map(({ name }) => name)).toEqual([`agent-${room}`])
  })
})

describe.each(Object.entries(EXPRESSION_CHECKS))('%s', (_, check) => {
  it.each(named)('has nothing against %s', (_name, rule) => expect(check(rule, world)).toEqual([]))
})

describe.each(Object.entries(ALERT_CHECKS))('%s', (_, check) => {
  it.each(alerts.map((rule) => [rule.alert, rule] as const))('has nothing against %s', (_alert, rule) => {
    expect(check(rule, world)).toEqual([])
  })
})

it('no two rules have the same name or ask the same', () => {
  expect(duplicates([...alerts, ...recordings])).toEqual([])
})

it('every recording is named for what it keeps, what it reads and what is done to it', () => {
  for (const { record } of recordings) expect(record).toMatch(/^[a-z_]+:agent_[a-z_]+:[a-z]+(\d+[smhd])?$/)
})

describe('the runbooks', () => {
  it('have a section for each alert and for nothing else', () => {
    expect([...sections.keys()].sort()).toEqual(alerts.map(({ alert }) => alert).sort())
  })

  it.each([...sections])('%s: how to check, what was done already and how to mend it', (_, text) => {
    for (const part of ['\n- Check: ', '\n- Already done: ', '\n- Mend: ']) expect(text).toContain(part)
  })
})
