import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCrash, judgeEnd } from '../../../src/crashes/cause.ts'
import {
  CONFIDENCES,
  type Evidence,
  type ExitEvidence,
  MEMORY_TRENDS,
  type MemoryEvidence,
} from '../../../src/crashes/model.ts'

const END = 1_000_000
const KILL = { pid: 7, comm: 'node', scope: 'memcg', limitGroup: '/docker/x', sequence: 1 } as const

function evidence(more: Partial<Evidence> = {}): Evidence {
  return { runtime: 'container', life: 'ended', ended: { atMs: END, by: 'event' }, actions: [], ...more }
}

const engineExit = (code: number): Pick<Evidence, 'exit'> => ({ exit: { source: 'engine', code } })
const parentExit = (how: Omit<ExitEvidence, 'source'>): Partial<Evidence> => ({
  runtime: 'process',
  exit: { source: 'parent', ...how },
})
const events = (
  ...those: readonly (readonly [action: 'oom' | 'kill', beforeMs: number, signal?: string])[]
): Pick<Evidence, 'engine'> => ({
  engine: {
    coverage: 'whole',
    events: those.map(([action, beforeMs, signal]) => ({
      action,
      atMs: END - beforeMs,
      ...(signal === undefined ? {} : { signal }),
    })),
  },
})
const NO_EVENTS = events()
const memory = (trend: MemoryEvidence['trend'], more: Partial<MemoryEvidence> = {}) => ({
  memory: { lastBytes: 90, peakBytes: 95, averageBytes: 60, trend, ...more },
})
const HEAP = { output: { heapLimit: { text: 'Reached heap limit Allocation failed' } } } as const
const QUIET_HOST = { host: { kills: 0, explained: 0 } } as const
const kernel = (...whom: ('main' | 'child')[]): Pick<Evidence, 'kernel'> => ({
  kernel: { coverage: 'whole', kills: whom.map((who) => ({ whom: who, kill: KILL })) },
})

describe('the cause of an end', () => {
  const cases: readonly (readonly [name: string, Evidence, expected: string])[] = [
    // Containers and the memory limit (R12, R14, E11).
    ['OOM in its group', evidence({ ...engineExit(137), ...events(['oom', 30]) }), 'crashed oom_cgroup high'],
    [
      'OOM in its group by its counter alone',
      evidence({ ...engineExit(137), group: { recentKills: 1, totalKills: 1 } }),
      'crashed oom_cgroup medium',
    ],
    [
      'a step of its counter that the engine does not call an OOM',
      evidence({ ...engineExit(137), ...NO_EVENTS, group: { recentKills: 1, totalKills: 1 } }),
      'crashed oom_cgroup medium',
    ],
    [
      '{137, OOMKilled} alone',
      evidence({ ...engineExit(137), inspect: { oomKilled: true } }),
      'crashed oom_cgroup low',
    ],
    [
      'OOMKilled of a child long ago, then an unseen SIGKILL',
      evidence({
        ...engineExit(137),
        inspect: { oomKilled: true },
        ...events(['oom', 60_000]),
        ...QUIET_HOST,
      }),
      'crashed killed high',
    ],
    ['docker kill', evidence({ ...engineExit(137), ...events(['kill', 10, '9']) }), 'crashed killed high'],
    [
      'docker kill during an OOM',
      evidence({ ...engineExit(137), ...events(['oom', 50], ['kill', 10, '9']) }),
      'crashed killed medium',
    ],
    [
      'docker kill -s TERM',
      evidence({ ...engineExit(143), ...events(['kill', 10, '15']) }),
      'stopped - high',
    ],
    ['docker stop, handled', evidence({ ...engineExit(0), ...events(['kill', 10, '15']) }), 'stopped - high'],
    [
      'docker stop, not handled',
      evidence({ ...engineExit(137), ...events(['kill', 10_010, '15'], ['kill', 10, '9']) }),
      'stopped - high',
    ],
    [
      'docker stop with code 1',
      evidence({ ...engineExit(1), ...events(['kill', 100, 'SIGTERM']) }),
      'stopped - high',
    ],
    [
      'a crash while it was stopped',
      evidence({ ...engineExit(139), ...events(['kill', 100, '15']) }),
      'crashed segfault high',
    ],
    ['137 and nothing else (E11)', evidence(engineExit(137)), 'crashed killed low'],
    ['137 with a watched engine', evidence({ ...engineExit(137), ...NO_EVENTS }), 'crashed killed low'],
    [
      '137 from outside of the engine',
      evidence({ ...engineExit(137), ...NO_EVENTS, ...QUIET_HOST }),
      'crashed killed high',
    ],
    [
      'a host OOM by elimination',
      evidence({ ...engineExit(137), ...NO_EVENTS, host: { kills: 1, explained: 0 } }),
      'crashed oom_host medium',
    ],
    [
      'a host OOM that hit somebody else',
      evidence({ ...engineExit(137), ...NO_EVENTS, host: { kills: 1, explained: 1 } }),
      'crashed killed high',
    ],
    ['the kernel names it', evidence({ ...engineExit(137), ...kernel('main') }), 'crashed oom_cgroup high'],
    [
      'the kernel names it and the host',
      evidence({
        ...engineExit(137),
        kernel: { coverage: 'whole', kills: [{ whom: 'main', kill: { ...KILL, scope: 'host' } }] },
      }),
      'crashed oom_host high',
    ],
    [
      'the kernel names a child and a shell passes its end on',
      evidence({ ...engineExit(137), ...events(['oom', 30]), ...kernel('child') }),
      'crashed oom_child high',
    ],
    [
      'a child was killed, the container ended with 1',
      evidence({ ...engineExit(1), ...events(['oom', 500]) }),
      'crashed oom_child high',
    ],
    [
      'OOMKilled with another code',
      evidence({ ...engineExit(1), inspect: { oomKilled: true } }),
      'crashed oom_child medium',
    ],
    [
      'OOMKilled with code 0',
      evidence({ ...engineExit(0), inspect: { oomKilled: true } }),
      'clean oom_child high',
    ],
    [
      'a child was killed long ago, the error is another',
      evidence({ ...engineExit(1), inspect: { oomKilled: true }, ...events(['oom', 60_000]), output: {} }),
      'crashed error high',
    ],
    // Living containers (moby#15621).
    [
      'a child in a living container',
      evidence({ life: 'alive', ...events(['oom', 300]), group: { recentKills: 1, totalKills: 1 } }),
      'lives oom_child high',
    ],
    [
      'a child by the counter alone',
      evidence({ life: 'alive', group: { recentKills: 1, totalKills: 1 } }),
      'lives oom_child medium',
    ],
    [
      'a living container with an old kill',
      evidence({ life: 'alive', group: { recentKills: 0, totalKills: 1 } }),
      'lives - low',
    ],
    // Processes.
    ['SIGKILL, nothing known', evidence(parentExit({ signal: 'SIGKILL' })), 'crashed killed low'],
    [
      'SIGKILL, quiet host',
      evidence({ ...parentExit({ signal: 'SIGKILL' }), ...QUIET_HOST }),
      'crashed killed high',
    ],
    [
      'SIGKILL, the kernel killed another',
      evidence({ ...parentExit({ signal: 'SIGKILL' }), host: { kills: 1, explained: 0 }, ...kernel() }),
      'crashed killed high',
    ],
    [
      'a host OOM chose it, exit unseen',
      evidence({ runtime: 'process', ...kernel('main') }),
      'crashed oom_cgroup high',
    ],
    ['137 from a shell', evidence({ ...parentExit({ code: 137 }), ...QUIET_HOST }), 'crashed killed medium'],
    ['V8 heap limit', evidence({ ...parentExit({ signal: 'SIGABRT' }), ...HEAP }), 'crashed heap_limit high'],
    [
      'V8 heap limit, by number',
      evidence({ ...parentExit({ code: 134 }), ...HEAP }),
      'crashed heap_limit medium',
    ],
    ['V8 heap limit in a container', evidence({ ...engineExit(134), ...HEAP }), 'crashed heap_limit high'],
    [
      'text of V8 from a child, own code 1',
      evidence({ ...parentExit({ code: 1 }), ...HEAP }),
      'crashed error high',
    ],
    ['abort', evidence({ ...parentExit({ signal: 'SIGABRT' }), output: {} }), 'crashed abort high'],
    ['abort without output', evidence(parentExit({ signal: 'SIGABRT' })), 'crashed abort medium'],
    ['illegal instruction', evidence({ ...engineExit(132), output: {} }), 'crashed abort high'],
    ['segfault', evidence(parentExit({ signal: 'SIGSEGV' })), 'crashed segfault high'],
    ['bus error', evidence(engineExit(135)), 'crashed segfault high'],
    ['SIGTERM by an operator', evidence(parentExit({ signal: 'SIGTERM' })), 'stopped - high'],
    ['^C', evidence(parentExit({ signal: 'SIGINT' })), 'stopped - high'],
    ['clean', evidence(parentExit({ code: 0 })), 'clean - high'],
    [
      'error',
      evidence({ ...parentExit({ code: 1 }), output: { errorType: 'TypeError' } }),
      'crashed error high',
    ],
    [
      'a leak',
      evidence({
        ...parentExit({ code: 1 }),
        output: { allocationFailure: 'MemoryError' },
        ...memory('growing'),
      }),
      'crashed memory_leak medium',
    ],
    [
      'a spike',
      evidence({
        ...parentExit({ code: 1 }),
        output: { allocationFailure: 'MemoryError' },
        ...memory('step'),
      }),
      'crashed sudden_spike medium',
    ],
    [
      'no memory left, no history',
      evidence({ ...parentExit({ code: 1 }), output: { allocationFailure: 'MemoryError' } }),
      'crashed error medium',
    ],
    [
      'bad_alloc',
      evidence({
        ...parentExit({ signal: 'SIGABRT' }),
        output: { allocationFailure: 'std::bad_alloc' },
        ...memory('growing'),
      }),
      'crashed memory_leak medium',
    ],
    [
      'growing memory says nothing about a SIGKILL',
      evidence({ ...parentExit({ signal: 'SIGKILL' }), ...QUIET_HOST, ...memory('growing') }),
      'crashed killed high',
    ],
    // Nobody saw it.
    ['nothing known', evidence({ runtime: 'process' }), 'unknown unknown low'],
    [
      'nothing known but a kill on the host',
      evidence({ runtime: 'process', host: { kills: 1, explained: 0 } }),
      'unknown unknown low',
    ],
    ['a reported crash without anything', evidence({ claim: 'crash' }), 'crashed unknown low'],
    [
      'a reported crash at its limit',
      evidence({ claim: 'crash', ...memory('growing', { limitBytes: 100 }) }),
      'crashed memory_leak low',
    ],
    [
      'a reported SIGSEGV',
      evidence({ claim: 'crash', exit: { source: 'report', signal: 'SIGSEGV' } }),
      'crashed segfault medium',
    ],
    // Us.
    [
      'our own terminate',
      evidence({
        ...engineExit(137),
        ...events(['kill', 5, '9']),
        actions: [{ id: 'a', trigger: 'budget', actor: 'budget', atMs: END - 50 }],
      }),
      'terminated - high',
    ],
  ]

  for (const [name, given, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      const { reason, cause, confidence } = judgeEnd(given)
      expect(`${reason} ${cause ?? '-'} ${confidence}`).toBe(expected)
    })
  }

  it('is a crash only when something went wrong (E12)', () => {
    const crashed = cases.filter(([, given]) => isCrash(judgeEnd(given))).map(([name]) => name)
    for (const name of ['clean', '^C', 'docker stop, handled', 'nothing known', 'our own terminate'])
      expect(crashed).not.toContain(name)
    for (const name of ['a child in a living container', 'error', '137 and nothing else (E11)'])
      expect(crashed).toContain(name)
  })

  it('lists what speaks against it, too', () => {
    const { evidence: lines } = judgeEnd(
      evidence({
        ...engineExit(137),
        ...events(['oom', 50], ['kill', 10, '9']),
        inspect: { oomKilled: true },
      }),
    )
    expect(lines).toEqual([
      { source: 'exit', says: 'exit code 137, says the container engine' },
      { source: 'engine', says: 'event oom, 50 ms before the end' },
      { source: 'engine', says: 'event kill SIGKILL, 10 ms before the end' },
      { source: 'inspect', says: 'OOMKilled is true' },
    ])
  })
})

const SECTIONS = [
  'exit',
  'engine',
  'inspect',
  'group',
  'host',
  'kernel',
  'memory',
  'output',
  'actions',
] as const

const count = fc.integer({ min: 0, max: 2 })
const anyExit: fc.Arbitrary<ExitEvidence> = fc.record({
  source: fc.constantFrom('parent', 'engine', 'zombie', 'report'),
  code: fc.constantFrom(0, 1, 2, 127, 132, 134, 135, 137, 139, 143),
})
const anySignal: fc.Arbitrary<ExitEvidence> = fc.record({
  source: fc.constantFrom('parent', 'zombie', 'report'),
  signal: fc.constantFrom('SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGTERM', 'SIGPIPE', 'SIGUSR1', 'SIG64'),
})

/** What the kernel counts in one place it counts in all: a source that was read and another do not contradict. */
const consistent: fc.Arbitrary<Evidence> = fc
  .record({
    runtime: fc.constantFrom('process' as const, 'container' as const),
    exit: fc.oneof(anyExit, anySignal),
    inspect: fc.record({ oomKilled: fc.boolean() }),
    memory: fc.record({
      ...{ lastBytes: fc.nat(100), peakBytes: fc.nat(100), averageBytes: fc.nat(100) },
      ...{ limitBytes: fc.constant(100), trend: fc.constantFrom(...MEMORY_TRENDS) },
    }),
    output: fc.record(
      {
        heapLimit: fc.constant({ text: 'Reached heap limit' }),
        allocationFailure: fc.constant('MemoryError'),
        errorType: fc.constant('TypeError'),
      },
      { requiredKeys: [] },
    ),
    actions: fc.constantFrom([], [{ id: 'a', trigger: 'human', actor: 'me', atMs: END }]),
    coverage: fc.constantFrom('whole' as const, 'partial' as const),
    kernelCoverage: fc.constantFrom('whole' as const, 'partial' as const),
    ooms: fc.array(fc.constantFrom(10, 1_000, 90_000), { maxLength: 2 }),
    signals: fc.array(fc.constantFrom('9', '15', '1'), { maxLength: 2 }),
    named: fc.array(fc.constantFrom('main' as const, 'child' as const), { maxLength: 2 }),
    steps: count,
    others: count,
    claim: fc.boolean(),
    by: fc.constantFrom('event' as const, 'sample' as const),
  })
  .map(({ coverage, kernelCoverage, ooms, signals, named, steps, others, claim, by, ...rest }) => {
    const recent = ooms.filter((before) => before <= 1_000).length
    const own = Math.max(steps, recent, named.length)
    const seen = kernelCoverage === 'whole' && own > 0 && named.length === 0 ? (['child'] as const) : named
    const whole: Evidence = {
      ...rest,
      ...(claim ? { claim: 'crash' as const } : {}),
      life: 'ended',
      ended: { atMs: END, by },
      inspect: { oomKilled: rest.inspect.oomKilled || ooms.length > 0 || own > 0 },
      group: { recentKills: own, totalKills: own + ooms.length },
      host: { kills: own + others, explained: others },
      kernel: { coverage: kernelCoverage, kills: seen.map((whom) => ({ whom, kill: KILL })) },
      engine: {
        coverage,
        events: [
          ...(own > 0 && recent === 0 ? [20] : [])
            .concat(ooms)
            .map((before) => ({ action: 'oom' as const, atMs: END - before })),
          ...signals.map((signal) => ({ action: 'kill' as const, atMs: END - 100, signal })),
        ],
      },
    }
    if (rest.runtime === 'container') return whole
    // What only containers have.
    const { inspect: _, group: __, engine: ___, ...process } = whole
    return process
  })

describe('judging an end', () => {
  it('is never surer for knowing less', () => {
    fc.assert(
      fc.property(consistent, fc.subarray([...SECTIONS]), (whole, left) => {
        const less = Object.fromEntries(
          Object.entries(whole).filter(([name]) => !(left as readonly string[]).includes(name)),
        ) as unknown as Evidence
        const rank = (of: Evidence) => CONFIDENCES.indexOf(judgeEnd(of).confidence)
        expect(rank(less)).toBeLessThanOrEqual(rank(whole))
      }),
      { numRuns: 5_000 },
    )
  })

  it('knows nothing without how it ended, unless the kernel names it or we ended it', () => {
    fc.assert(
      fc.property(consistent, ({ exit: _, kernel: __, actions: ___, claim: ____, ...rest }) => {
        expect(judgeEnd(rest)).toMatchObject({ reason: 'unknown', cause: 'unknown', confidence: 'low' })
      }),
    )
  })

  it('never blames memory for a SIGKILL that no kernel, group or engine counted', () => {
    fc.assert(
      fc.property(consistent, (given) => {
        const quiet: Evidence = {
          ...given,
          exit: { source: 'engine', code: 137 },
          inspect: { oomKilled: false },
          group: { recentKills: 0, totalKills: 0 },
          host: { kills: 0, explained: 0 },
          kernel: { coverage: 'whole', kills: [] },
          engine: { coverage: 'whole', events: [] },
        }
        expect(judgeEnd(quiet).cause ?? 'none').not.toMatch(/oom|memory/)
      }),
    )
  })
})
