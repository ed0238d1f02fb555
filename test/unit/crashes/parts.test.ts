import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCrashTallies } from '../../../src/crashes/collector.ts'
import { endingOf, exitOfWaitStatus, signalName } from '../../../src/crashes/ending.ts'
import { formatBytes } from '../../../src/crashes/evidence-lines.ts'
import { createMarks } from '../../../src/crashes/marks.ts'
import { memoryEvidence } from '../../../src/crashes/memory-evidence.ts'
import { CRASH_CAUSES } from '../../../src/crashes/model.ts'
import { recommend } from '../../../src/crashes/recommendations.ts'

const MIB = 2 ** 20

function points(values: readonly number[], stepMs = 1_000) {
  return values.map((rssBytes, at) => ({
    ...{ atMs: at * stepMs, rssBytes, rssAnonBytes: undefined, workingSetBytes: undefined },
    ...{ swapBytes: undefined, memoryCurrentBytes: undefined, cpuSeconds: undefined },
  }))
}

describe('memory before the end (R12)', () => {
  const line = (of: (at: number) => number) => points(Array.from({ length: 120 }, (_, at) => of(at)))
  it.each([
    ['growing', line((at) => (100 + at) * MIB)],
    ['stable', line((at) => (100 + (at % 5)) * MIB)],
    ['shrinking', line((at) => (300 - at) * MIB)],
    ['step', line((at) => (at < 115 ? 100 : 400) * MIB)],
    ['unknown', points([1, 2, 3])],
  ])('was %s', (trend, given) => {
    expect(memoryEvidence(given, 10, undefined)).toMatchObject({ trend, limitBytes: 10 })
  })

  it('a start is no leak, and a sawtooth is none', () => {
    const sawtooth = line((at) => (100 + (at % 30) * 5) * MIB)
    expect(memoryEvidence(sawtooth, undefined, undefined)?.trend).toBe('stable')
  })

  it('leaves out what was not read, and is absent without anything (E2)', () => {
    const gap = points([5, 9]).map((point, at) => (at === 1 ? { ...point, rssBytes: undefined } : point))
    expect(memoryEvidence(gap, undefined, undefined)).toMatchObject({
      lastBytes: 5,
      peakBytes: 5,
      averageBytes: 5,
    })
    expect(memoryEvidence([], undefined, undefined)).toBeUndefined()
  })

  it('takes the word of the room that follows memory', () => {
    const known = { trend: 'growing', growthBytesPerSecond: 3 } as const
    expect(memoryEvidence(points([1]), undefined, known)).toMatchObject(known)
  })
})

describe('what was seen lately', () => {
  it('tells kills of a group just before from those of its life', () => {
    const marks = createMarks()
    marks.groupKills('a', 'life', 0, 2)
    marks.groupKills('a', 'life', 50_000, 3)
    expect(marks.group('a', 49_000)).toEqual({ recentKills: 1, totalKills: 3 })
    expect(marks.group('a', 51_000)).toEqual({ recentKills: 0, totalKills: 3 })
    expect(marks.group('b', 0)).toBeUndefined()
  })

  it('tells kills of others from those on the host', () => {
    const marks = createMarks()
    marks.groupKills('other', 'life', 0, 0)
    marks.hostKills(0, 10)
    marks.hostKills(1_000, 10)
    expect(marks.host(500, 'mine')).toEqual({ kills: 0, explained: 0 })
    marks.groupKills('other', 'life', 1_500, 1)
    marks.hostKills(2_000, 12)
    expect(marks.host(1_000, 'mine')).toEqual({ kills: 2, explained: 1 })
    expect(marks.host(1_000, 'other')).toEqual({ kills: 2, explained: 0 })
  })

  it('knows nothing of the host before its first look', () => {
    const marks = createMarks()
    expect(marks.host(0, undefined)).toBeUndefined()
    marks.hostKills(1_000, 5)
    expect(marks.host(0, undefined)).toBeUndefined()
  })

  it('forgets', () => {
    const marks = createMarks()
    for (let at = 0; at < 1_000; at++) marks.event('a', { action: 'kill', atMs: 7 }, at * 1_000, 0)
    expect(marks.events('a', 0).length).toBeLessThanOrEqual(91)
    marks.forgetContainer('a')
    expect(marks.events('a', 0)).toEqual([])
  })
})

describe('an exit status', () => {
  it('is read from a wait status', () => {
    expect(exitOfWaitStatus(0)).toEqual({ code: 0 })
    expect(exitOfWaitStatus(3 << 8)).toEqual({ code: 3 })
    expect(exitOfWaitStatus(11)).toEqual({ signal: 'SIGSEGV' })
    // With a core dump.
    expect(exitOfWaitStatus(6 | 0x80)).toEqual({ signal: 'SIGABRT' })
    expect(exitOfWaitStatus(50)).toEqual({ signal: 'SIG50' })
  })

  it('names signals however they are written', () => {
    for (const text of ['9', 'KILL', 'SIGKILL', 'sigkill']) expect(signalName(text)).toBe('SIGKILL')
    for (const text of ['', '999', 'a b', '<b>']) expect(signalName(text)).toBeUndefined()
  })

  it('above 128 is a signal; from a shell only probably', () => {
    expect(endingOf({ source: 'engine', code: 139 })).toEqual({
      kind: 'signal',
      signal: 'SIGSEGV',
      certain: true,
    })
    expect(endingOf({ source: 'parent', code: 139 })).toMatchObject({ certain: false })
    expect(endingOf({ source: 'engine', code: 255 })).toMatchObject({ kind: 'code', code: 255 })
    expect(endingOf(undefined)).toBeUndefined()
  })

  it('of any kind is understood or left out', () => {
    fc.assert(
      fc.property(fc.integer({ min: -300, max: 2 ** 32 }), fc.string(), (code, signal) => {
        expect(endingOf({ source: 'report', code })).toBeDefined()
        expect(endingOf({ source: 'report', signal })).toMatchObject({ kind: 'signal', certain: false })
      }),
    )
  })
})

describe('recommendations (R15)', () => {
  it('name the number and the next step for every cause', () => {
    const memory = {
      lastBytes: 90 * MIB,
      peakBytes: 95 * MIB,
      averageBytes: MIB,
      limitBytes: 100 * MIB,
      trend: 'growing',
    } as const
    for (const cause of CRASH_CAUSES) {
      expect(recommend({ cause, confidence: 'high' }, {}).length, cause).toBeGreaterThan(0)
      expect(recommend({ cause, confidence: 'low' }, {}).length, cause).toBeGreaterThan(1)
    }
    expect(recommend({ cause: 'oom_cgroup', confidence: 'high' }, { memory })[0]).toBe(
      'Raise the memory limit of 100 MiB of the container, or make the agent need less. Its peak was 95.0 MiB.',
    )
    expect(recommend({ cause: undefined, confidence: 'high' }, {})).toEqual([])
  })
})

it('bytes are readable and never without a unit', () => {
  expect([0, 1, 1023, 1024, 1.5 * MIB, 2 ** 50, Number.NaN].map(formatBytes)).toEqual([
    ...['0 B', '1 B', '1023 B', '1.0 KiB', '1.5 MiB', '1024 TiB', '0 B'],
  ])
})

it('counts begin with 0 for every cause of a role, and roles are bounded', () => {
  const tallies = createCrashTallies()
  tallies.meet(undefined)
  for (let n = 0; n < 100; n++) tallies.crash(`role-${n}`, 'error')
  const roles = new Map(tallies.entries())
  expect([...roles.get('none')!.crashes]).toEqual(CRASH_CAUSES.map((cause) => [cause, 0]))
  expect(roles.size).toBe(51)
  expect(roles.get('other')!.crashes.get('error')).toBe(51)
})
