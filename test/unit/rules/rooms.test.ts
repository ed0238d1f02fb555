import { describe, expect, it } from 'vitest'
import { referenceSettings } from '../../../scripts/documents.ts'
import { metricsGroups } from '../../../src/reference.ts'
import { parsePromql, selectorsIn } from '../../support/promql.ts'
import { alertFiles } from '../../support/rule-files.ts'

const groups = (await metricsGroups(referenceSettings)).filter(({ families }) => families.length > 0)
const files = new Map(alertFiles.map((file) => [file.room, file]))

/** Where the alerts of metrics are that have no file of their own name. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  // What an agent takes is judged, whatever it runs in.
  process: 'agents',
  alerts: 'alertmanager',
  scrape: 'self',
}
/** Metrics that nobody is woken for, with the reason. */
const WITHOUT: Readonly<Record<string, string>> = {
  events: 'a reader of the event stream that is cut comes back by itself and asks for what it missed',
}
/** Files about what is not ours. */
const FOREIGN = ['alerting']

const metricsIn = (room: string) =>
  files.get(room)?.rules.flatMap(({ expr }) => selectorsIn(parsePromql(expr)).map(({ metric }) => metric)) ??
  []

const watched = groups.filter(({ name }) => WITHOUT[name] === undefined)

describe.each(watched.map(({ name, families }) => [name, families] as const))(
  'metrics of %s',
  (name, families) => {
    it(`have rules: alerts/${ELSEWHERE[name] ?? name}.rules.yml reads some of them (alerts/README.md says how to add them)`, () => {
      const names = families.map((family) => family.name)
      const read = metricsIn(ELSEWHERE[name] ?? name).map((metric) =>
        metric.replace(/_(bucket|sum|count)$/, ''),
      )
      expect(read.filter((metric) => names.includes(metric))).not.toEqual([])
    })
  },
)

it('every exception is still one', () => {
  const names = groups.map(({ name }) => name)
  for (const name of [...Object.keys(ELSEWHERE), ...Object.keys(WITHOUT)]) {
    expect(names).toContain(name)
    expect(files.has(name), `${name} has rules`).toBe(false)
  }
})

it('every file is about metrics of a room', () => {
  const known = [...groups.map(({ name }) => ELSEWHERE[name] ?? name), ...FOREIGN]
  expect([...files.keys()].filter((room) => !known.includes(room))).toEqual([])
})
