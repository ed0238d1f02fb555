import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { referenceSettings } from '../../../scripts/documents.ts'
import { SHAPES } from '../../../scripts/fixture-trees/tree.ts'
import { AGENT_STATES } from '../../../src/agents/model.ts'
import { createCatalogue, openMetricsName } from '../../../src/platform/exposition/catalogue.ts'
import type { Family } from '../../../src/platform/exposition/family.ts'
import { metricsGroups } from '../../../src/reference.ts'
import { type ParsedSample, parseExposition } from '../../support/exposition-parser.ts'
import { PUBLIC_FAMILIES } from './public-families.ts'

const ROOT = join(import.meta.dirname, '../../..')
const golden = (file: string) => readFileSync(join(ROOT, 'test/fixtures/golden', file), 'utf8')

let families: ReadonlyMap<string, Family>
beforeAll(async () => {
  const declared = (await metricsGroups(referenceSettings)).flatMap((group) => group.families)
  families = new Map(createCatalogue(declared).families.map((family) => [family.name, family]))
})

describe.each(SHAPES)('every family on the page of a %s host', (shape) => {
  it('is in the catalogue with this type, unit and help', () => {
    const text = parseExposition(golden(`${shape}.txt`), 'text')
    const openmetrics = parseExposition(golden(`${shape}.om`), 'openmetrics')
    expect(text.types.size).toBeGreaterThan(60)
    expect(openmetrics.types.size).toBe(text.types.size)
    for (const [name, type] of text.types) {
      const family = families.get(name)
      expect(family, name).toBeDefined()
      expect({ type, help: text.help.get(name) }, name).toEqual({ type: family?.type, help: family?.help })
      const base = openMetricsName(family!)
      expect(openmetrics.types.get(base), base).toBe(type)
      expect(openmetrics.units.get(base), base).toBe(family?.unit)
    }
  })

  it('has samples with the declared labels and no others', () => {
    const { samples } = parseExposition(golden(`${shape}.txt`), 'text')
    for (const sample of samples) {
      const family = familyOf(sample)
      const own = Object.keys(sample.labels).filter((label) => label !== 'le')
      expect(own.sort(), sample.name).toEqual([...family.labels].sort())
    }
  })

  it('is explained in docs/metrics.md', () => {
    const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8')
    for (const name of parseExposition(golden(`${shape}.txt`), 'text').types.keys())
      expect(page, name).toContain(`| \`${name}\` |`)
  })
})

describe('what others build against', () => {
  it.each(PUBLIC_FAMILIES)('$name is a $type with these labels', ({ name, type, labels, unit }) => {
    const family = families.get(name)
    expect(family, name).toBeDefined()
    expect({ type: family?.type, labels: [...family!.labels].sort(), unit: family?.unit }).toEqual({
      type,
      labels: [...labels].sort(),
      unit,
    })
  })

  it('all of it is on the page of a host that has everything', () => {
    const { types } = parseExposition(golden('v2-systemd.txt'), 'text')
    // Only after the agent has been seen to be active, which takes time.
    const late = ['agent_last_activity_timestamp_seconds']
    for (const { name } of PUBLIC_FAMILIES)
      if (!late.includes(name)) expect([...types.keys()]).toContain(name)
  })

  it('every state of an agent is there, exactly one of them is 1', () => {
    for (const shape of SHAPES) {
      const { samples } = parseExposition(golden(`${shape}.txt`), 'text')
      const all = samples.filter(({ name }) => name === 'agent_state')
      const agents = new Set(all.map(({ labels }) => labels['agent']))
      expect(agents.size).toBe(2)
      for (const agent of agents) {
        const states = all.filter(({ labels }) => labels['agent'] === agent)
        expect(states.map(({ labels }) => labels['state'])).toEqual([...AGENT_STATES])
        expect(states.filter(({ value }) => value === 1)).toHaveLength(1)
        expect(states.filter(({ value }) => value === 0)).toHaveLength(AGENT_STATES.length - 1)
      }
    }
  })
})

function familyOf({ name }: ParsedSample): Family {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  if (family === undefined) throw new Error(`${name} belongs to no family`)
  return family
}
