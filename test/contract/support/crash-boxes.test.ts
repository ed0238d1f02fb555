import { describe, expect, it } from 'vitest'
import { compareWithEngine, type EngineDeed, type JournalRow } from '../../support/crash-boxes.ts'

const row = (action: string, second: number, status = 'done', attempt = 1): JournalRow => ({
  ...{ action, status, attempt },
  at: new Date(second * 1_000).toISOString(),
})
const deed = (action: string, second: number, signal?: string): EngineDeed => ({
  ...{ action, signal },
  at: second * 1_000 + 0.25,
})

const pausedAndResumed = [row('pause', 1), row('resume', 3)]

describe('the engine against the journal', () => {
  it('agrees where every effect has its key', () => {
    const rows = [...pausedAndResumed, row('pause', 5), row('terminate', 7, 'done', 2)]
    const deeds = [
      ...[deed('start', 0), deed('pause', 1), deed('unpause', 3), deed('pause', 5)],
      // The engine was asked in both attempts, and lets go what it ends.
      ...[deed('kill', 7, '15'), deed('kill', 8, '15'), deed('unpause', 8), deed('die', 9), deed('stop', 9)],
    ]
    expect(compareWithEngine(rows, deeds)).toEqual([])
  })

  it('finds a second effect for a key, also when another key had none', () => {
    const rows = [...pausedAndResumed, row('pause', 9, 'noop')]
    const deeds = [deed('pause', 1), deed('unpause', 3), deed('pause', 4)]
    expect(compareWithEngine(rows, deeds)).toEqual([{ kind: 'doubles', what: '2 times pause for 1 keys' }])
  })

  it('finds effects that nobody asked for', () => {
    const deeds = [deed('pause', 1), deed('unpause', 2), deed('kill', 3, '15'), deed('die', 4)]
    expect(compareWithEngine([row('pause', 0, 'refused')], deeds).map(({ kind }) => kind)).toEqual(
      Array.from({ length: 4 }, () => 'doubles'),
    )
  })

  it('finds what is claimed and did not happen', () => {
    expect(compareWithEngine([...pausedAndResumed, row('terminate', 5)], [deed('pause', 1)])).toEqual([
      { kind: 'losses', what: '0 times unpause, 1 claim it' },
      { kind: 'losses', what: '0 times die, 1 claim it' },
    ])
  })
})
