import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../../dashboards/src/catalogue.ts'
import { UNUSED_LABELS } from '../../../dashboards/src/unused.ts'
import { panelsOf, shippedBoards } from '../../support/boards/boards.ts'
import { contractRules } from '../../support/boards/contract-rules.ts'
import { EQUIVALENT } from '../../support/boards/equivalent-mutants.ts'
import { subjectsOf } from '../../support/boards/mutants.ts'
import { expressionsOf } from '../../support/boards/our-rules.ts'
import { selectorsOf } from '../../support/boards/read.ts'
import { boardRules } from '../../support/boards/rules.ts'
import { FAMILIES, familyOf, seriesOfFamilies } from '../../support/boards/series.ts'

/** All boards are judged some ten thousand times: half a minute on a busy machine. */
const TIMEOUT_MS = 240_000

const boards = shippedBoards()
const rules = boardRules(boards)
const subjects = boards.flatMap(subjectsOf)

it.each(boards.map((board) => [board.uid!] as const))(
  'every single fault of %s is found',
  (uid) => {
    const survivors: string[] = []
    for (const { name, board, faults } of subjects.filter(({ name }) => name.startsWith(uid))) {
      const before = rules.map((rule) => new Set(rule.check(board)))
      const isFound = (json: Dashboard): boolean =>
        rules.some((rule, at) => rule.check(json).some((finding) => !before[at]!.has(finding)))
      for (const { operator, site, json } of faults()) {
        const place = `${name}: ${site}`
        const isNone = EQUIVALENT.some((one) => one.operator === operator && one.site.test(place))
        if (!isNone && !isFound(json)) survivors.push(`${operator} | ${place}`)
      }
    }
    expect(survivors).toEqual([])
  },
  TIMEOUT_MS,
)

it(
  'every fault that is said to be none is made, and is found by nothing',
  () => {
    const known = subjects.flatMap(({ name, board, faults }) =>
      [...faults()].flatMap(({ operator, site, json }) => {
        const entry = EQUIVALENT.find((one) => one.operator === operator && one.site.test(`${name}: ${site}`))
        return entry === undefined ? [] : [{ entry, board, json, place: `${operator} | ${name}: ${site}` }]
      }),
    )
    expect(EQUIVALENT.filter((one) => known.every(({ entry }) => entry !== one))).toEqual([])
    const found = known.filter(({ board, json }) =>
      rules.some((rule) => {
        const before = new Set(rule.check(board))
        return rule.check(json).some((finding) => !before.has(finding))
      }),
    )
    expect(found.map(({ place }) => place)).toEqual([])
  },
  TIMEOUT_MS,
)

describe('without', () => {
  const shown = new Map<string, Dashboard[]>()
  for (const board of boards) {
    for (const [, expr] of expressionsOf(board)) {
      for (const { metric } of selectorsOf(expr)) {
        const family = familyOf(metric)
        shown.set(family, [...new Set([...(shown.get(family) ?? []), board])])
      }
    }
  }
  const findings = (families: typeof FAMILIES, family: string): string[] =>
    contractRules(seriesOfFamilies(families)).flatMap((rule) =>
      shown.get(family)!.flatMap((board) => rule.check(board)),
    )

  it.each([...shown.keys()].map((family) => [family] as const))(
    'the family %s a board is wrong',
    (family) => {
      const { [family]: _, ...rest } = FAMILIES
      expect(findings(rest, family).length).toBeGreaterThan(0)
    },
  )

  const labels = [...shown.keys()]
    .filter((family) => family in CATALOGUE)
    .flatMap((family) => FAMILIES[family]!.labels.map((label) => [label, family] as const))
  const isUnused = (label: string, family: string): boolean =>
    (UNUSED_LABELS as Readonly<Record<string, Readonly<Record<string, string>>>>)[family]?.[label] !==
    undefined

  it.each(labels.filter(([label, family]) => !isUnused(label, family)))(
    'the label %s of %s a board is wrong',
    (label, family) => {
      const { type, labels: all } = FAMILIES[family]!
      const families = { ...FAMILIES, [family]: { type, labels: all.filter((one) => one !== label) } }
      expect(findings(families, family).length).toBeGreaterThan(0)
    },
  )

  it.each(labels.filter(([label, family]) => isUnused(label, family)))(
    'the label %s of %s, which no board asks for, none is wrong',
    (label, family) => {
      const { type, labels: all } = FAMILIES[family]!
      const families = { ...FAMILIES, [family]: { type, labels: all.filter((one) => one !== label) } }
      expect(findings(families, family)).toEqual([])
    },
  )
})

it('there is a fault for every panel', () => {
  const panels = boards.flatMap(panelsOf)
  const faults = subjects.map(({ faults: all }) => [...all()].length)
  process.stdout.write(
    `${faults.reduce((sum, count) => sum + count, 0)} faults in ${panels.length} panels, ${EQUIVALENT.length} kinds said to be none\n`,
  )
  expect(Math.min(...faults)).toBeGreaterThan(10)
})
