import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CATALOGUE } from '../../../dashboards/src/catalogue.ts'
import { UNUSED } from '../../../dashboards/src/unused.ts'
import { FOLDER, shippedBoards } from '../../support/boards/boards.ts'
import type { BoardRule } from '../../support/boards/finding.ts'
import { faultsOfLink } from '../../support/boards/link-rules.ts'
import { LINTER_RULES } from '../../support/boards/linter-rules.ts'
import { expressionsOf } from '../../support/boards/our-rules.ts'
import { selectorsOf } from '../../support/boards/read.ts'
import { boardRules } from '../../support/boards/rules.ts'
import { familyOf } from '../../support/boards/series.ts'
import { SPOILT } from '../../support/boards/spoilt.ts'
import { alertFiles, recordingFiles } from '../../support/rule-files.ts'

interface Exclusions {
  readonly exclusions: Readonly<
    Record<
      string,
      { readonly reason: string; readonly entries: readonly { dashboard: string; panel: string }[] }
    >
  >
}

const boards = shippedBoards()
const { exclusions } = parse(readFileSync(join(FOLDER, '.lint'), 'utf8')) as Exclusions
const rules = boardRules(boards)

/** Findings that no exclusion covers, and the exclusions that cover nothing. */
function lint(rule: BoardRule, board: Dashboard): string[] {
  const entries = exclusions[rule.name]?.entries.filter(({ dashboard }) => dashboard === board.title) ?? []
  const findings = rule.check(board)
  return [
    ...findings.filter((finding) => !entries.some(({ panel }) => finding.startsWith(panel))),
    ...entries
      .filter(({ panel }) => !findings.some((finding) => finding.startsWith(panel)))
      .map(({ panel }) => `excluded for nothing: ${panel}`),
  ]
}

describe.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_, rule) => {
  it.each(boards.map((board) => [board.uid, board] as const))('%s', (_uid, board) => {
    expect(lint(rule, board)).toEqual([])
  })
})

it('every exclusion names a rule of the linter and has a reason', () => {
  for (const [name, { reason }] of Object.entries(exclusions)) {
    expect(LINTER_RULES.map((rule) => rule.name)).toContain(name)
    expect(reason).toMatch(/^\S.{30,}\.$/s)
  }
})

it('all 17 rules of the linter are here', () => {
  expect(LINTER_RULES).toHaveLength(17)
})

it('what neither a board nor a rule asks for is listed with its reason, and nothing else', () => {
  const rulesOf = [...alertFiles, ...recordingFiles].flatMap((file) => file.rules.map(({ expr }) => expr))
  const asked = new Set(
    [...boards.flatMap((board) => expressionsOf(board).map(([, expr]) => expr)), ...rulesOf]
      .flatMap(selectorsOf)
      .map(({ metric }) => familyOf(metric)),
  )
  expect(Object.keys(CATALOGUE).filter((family) => !asked.has(family))).toEqual(Object.keys(UNUSED).sort())
})

it('every board is reached from the links of alerts or from another board, and links of alerts are alive', () => {
  const urls = alertFiles.flatMap((file) =>
    file.rules.map(({ annotations }) => annotations['dashboard_url']!),
  )
  expect(urls.flatMap((url) => faultsOfLink(url, boards))).toEqual([])
})

describe('a board that breaks a rule is found by it', () => {
  const fleet = boards.find(({ uid }) => uid === 'agent-exporter-fleet')!

  it.each(SPOILT)('%s: %s', (name, _, spoil) => {
    const board = structuredClone(fleet)
    spoil(board)
    const rule = rules.find((one) => one.name === name)!
    expect(rule.check(board).length).toBeGreaterThan(rule.check(fleet).length)
  })

  it('no rule is without such a board', () => {
    const spoilt = SPOILT.map(([name]) => name)
    expect(rules.map(({ name }) => name).filter((name) => !spoilt.includes(name))).toEqual([])
  })
})
