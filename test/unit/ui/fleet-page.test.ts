import { describe, expect, it } from 'vitest'
import { byNeed, FLEET_PAGE, type Fleet, fleetPage, fleetRow, matches } from '../../../src/ui/fleet-page.ts'
import type { ShownAgent } from '../../../src/ui/model.ts'
import { at, frame, NOW_MS, shownAction, shownAgent } from './scene.ts'

const rowOf = (changes: Partial<ShownAgent>) => fleetRow(shownAgent(changes), [], NOW_MS)
const fleet = (changes: Partial<Fleet> = {}): Fleet => ({
  ...{ rows: [], tally: {}, total: 0, matching: 0, filter: '', page: 1 },
  ...changes,
})

describe('the fleet', () => {
  it('never says that nothing was used because nothing was told', () => {
    const used = (changes: Partial<ShownAgent>) =>
      fleetPage(fleet({ rows: [rowOf(changes)], total: 1, matching: 1 }), frame()).markup
    expect(used({ tokensConsumed: 0, costUsd: 0 })).toContain('none told')
    expect(used({ tokensConsumed: 0, costUsd: 0 })).not.toContain('0 tokens')
    expect(used({ tokensConsumed: 1_200, costUsd: 0 })).toContain('1,200 tokens')
    expect(used({ tokensConsumed: 0, costUsd: 0.5 })).toContain('$0.50')
    expect(used({ tokensConsumed: 1_200, costUsd: 0.5 })).toContain('1,200 tokens<br>$0.50')
    // What was not told is left out, also beside what was.
    expect(used({ tokensConsumed: 1_200, costUsd: 0 })).not.toContain('$')
    expect(used({ tokensConsumed: 0, costUsd: 0.5 })).not.toContain('tokens')
  })
  it('has those on top who need somebody, nearest to an end first among equals', () => {
    const rows = [
      rowOf({ id: 'a-fine' }),
      rowOf({ id: 'b-warned', phase: 'warning', resource: 'tokens', ratios: { tokens: 0.81 } }),
      rowOf({ id: 'c-warned-more', phase: 'warning', resource: 'tokens', ratios: { tokens: 0.99 } }),
      rowOf({ id: 'd-held', holds: [{ cause: 'human', since: at(1), reason: 'x' }] }),
      rowOf({ id: 'e-ended', endedAt: at(5) }),
      rowOf({ id: 'f-over', phase: 'intervention', resource: 'tokens', ratios: { tokens: 1.2 } }),
    ]
    expect(rows.sort(byNeed).map(({ agent }) => agent.id)).toEqual([
      ...['f-over', 'd-held', 'c-warned-more', 'b-warned', 'a-fine', 'e-ended'],
    ])
  })

  it('does not change places of rows for a little more or less', () => {
    const rows = [rowOf({ id: 'b', ratios: { tokens: 0.52 } }), rowOf({ id: 'a', ratios: { tokens: 0.51 } })]
    expect(rows.sort(byNeed).map(({ agent }) => agent.id)).toEqual(['a', 'b'])
  })

  it('is filtered by what a person sees', () => {
    const row = rowOf({ role: 'Database', holds: [{ cause: 'budget', since: at(1), reason: 'x' }] })
    for (const text of ['WRIT', 'data', 'paused', 'held', 'its budget']) expect(matches(row, text)).toBe(true)
    expect(matches(row, 'nobody')).toBe(false)
  })

  it('shows a dash where nothing was measured', () => {
    const { markup } = fleetPage(fleet({ rows: [rowOf({})], total: 1, matching: 1 }), frame())
    expect(markup).not.toContain('NaN')
    expect(markup).not.toContain('undefined')
    expect(markup).toMatch(/<td class="number">–<\/td>/)
  })

  it('is told apart from a filter that nothing fits', () => {
    expect(fleetPage(fleet(), frame()).markup).toContain('agent-exporter run')
    expect(fleetPage(fleet({ total: 3, filter: 'x' }), frame()).markup).toContain('No agent fits')
  })

  it('has pages, and keeps the filter from one to the next', () => {
    const { markup } = fleetPage(
      fleet({ rows: [rowOf({})], total: 1_000, matching: 3 * FLEET_PAGE, filter: 'a b', page: 2 }),
      frame(),
    )
    expect(markup).toContain('page 2 of 3')
    expect(markup).toContain('href="/ui/?q=a+b&amp;page=1"')
    expect(markup).toContain('href="/ui/?q=a+b&amp;page=3"')
  })

  it('asks for a decision where one is waited for', () => {
    const pending = [
      shownAction({ id: 'p1', status: 'pending_approval', trigger: 'budget', actor: 'budget' }),
    ]
    const { markup } = fleetPage(fleet(), frame({ pending }))
    expect(markup).toContain('data-deed="approve" data-subject="p1"')
    expect(markup).toContain('data-deed="reject" data-subject="p1"')
  })

  it('takes nothing an agent says of itself for markup', () => {
    const evil = `"><img src=x onerror=alert(1)>`
    const row = rowOf({ role: evil, name: evil, holds: [{ cause: 'human', since: at(1), reason: evil }] })
    expect(
      fleetPage(fleet({ rows: [row], total: 1, matching: 1, filter: evil }), frame()).markup,
    ).not.toContain('<img')
  })
})
