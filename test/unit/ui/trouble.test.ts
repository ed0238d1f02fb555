import { describe, expect, it } from 'vitest'
import type { ShownAgent } from '../../../src/ui/model.ts'
import { findings } from '../../../src/ui/trouble.ts'
import { at, NOW_MS, shownAction, shownAgent } from './scene.ts'

const MIB = 2 ** 20
const LIMITED = {
  ...{ limitBytes: 200 * MIB, judgedBytes: 190 * MIB },
  thresholds: { warning: 160 * MIB, critical: 180 * MIB, oom_imminent: 190 * MIB },
} as const
const all = (changes: Partial<ShownAgent>, pending = [] as Parameters<typeof findings>[1]) =>
  findings(shownAgent(changes), pending, NOW_MS).map(({ severity, says }) => [severity, says])

describe('what is wrong with an agent', () => {
  it('is nothing that was not measured', () => {
    expect(all({})).toEqual([['fine', 'Nothing is known to be wrong.']])
    expect(all({ memory: null })).toEqual([['fine', 'Nothing is known to be wrong.']])
    expect(all({ endedAt: at(5), phase: 'intervention' })).toEqual([['ended', 'It has ended.']])
  })

  it('is its memory, against its limit and with the time that is left', () => {
    const timeToLimit = { lowSeconds: 200, midSeconds: 400 }
    expect(all({ memory: { ...LIMITED, level: 'oom_imminent', trend: 'growing', timeToLimit } })).toEqual([
      [
        'critical',
        'Memory is about to run out: 190 MiB of 200 MiB (95 %); full in about 3 min if it goes on.',
      ],
    ])
  })

  it('is its memory where it has no limit of its own', () => {
    const memory = {
      level: 'critical',
      ...{ judgedBytes: 300 * MIB, limitBytes: 11_000 * MIB },
      thresholds: { warning: 128 * MIB, critical: 256 * MIB, oom_imminent: 1_024 * MIB },
    } as const
    expect(all({ memory })).toEqual([
      ['serious', 'Memory is critical: 300 MiB, and critical begins at 256 MiB.'],
    ])
  })

  it('is growth that reaches the limit soon, and not growth that does not', () => {
    const grows = { ...LIMITED, level: 'healthy', trend: 'growing' } as const
    const within = (lowSeconds: number) =>
      all({ memory: { ...grows, timeToLimit: { lowSeconds, midSeconds: lowSeconds } } })[0]
    expect(within(600)?.[0]).toBe('warning')
    expect(within(36_000)?.[0]).toBe('fine')
  })

  it('is its budget, and that nothing is done about one that is only observed', () => {
    const budget = { phase: 'intervention', resource: 'tokens', ratios: { tokens: 1.4 } } as const
    expect(all(budget)).toEqual([['serious', 'Budget is exceeded: 140 % of the limit of tokens.']])
    expect(all({ ...budget, enforced: false })).toEqual([
      ['serious', 'Budget is exceeded: 140 % of the limit of tokens; it did not opt in, so nothing is done.'],
    ])
  })

  it('is every hold with who set it, and a stop that is not ours', () => {
    const holds = [
      { cause: 'budget', since: at(120), reason: 'tokens' },
      { cause: 'alert:Rate#3', since: at(60), reason: 'too fast' },
    ] as const
    expect(all({ holds })).toEqual([
      ['held', 'Paused by its budget for 2 min: tokens'],
      ['held', 'Paused by the alert Rate#3 for 1 min: too fast'],
    ])
    const state = { lifecycleState: 'paused', lifecycleMetrics: { uptimeSeconds: 1 } }
    expect(all({ state })).toEqual([['held', 'It stands still, and not because of us.']])
  })

  it('is a late crash as long as it is news', () => {
    const crash = (seconds: number) => ({
      ...{ endedAt: at(seconds), crashes: 1 },
      lastCrash: { id: 'c1', at: at(seconds), confidence: 'high', summary: 'SIGSEGV.' },
    })
    expect(all(crash(60))).toEqual([['serious', 'It crashed: SIGSEGV.']])
    expect(all(crash(4_000))).toEqual([['ended', 'It has ended.']])
  })

  it('begins with what needs somebody most', () => {
    const waits = shownAction({ status: 'pending_approval', action: 'terminate', reason: 'too long' })
    const severities = all(
      {
        ...{ phase: 'warning', conflict: true, memory: { ...LIMITED, level: 'critical' } },
        holds: [{ cause: 'human', since: at(1), reason: 'x' }],
      },
      [waits, shownAction({ id: 'a2', agent: 'somebody-else' })],
    ).map(([severity]) => severity)
    expect(severities).toEqual(['critical', 'serious', 'serious', 'held', 'warning'])
  })
})
