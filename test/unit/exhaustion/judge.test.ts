import { describe, expect, it } from 'vitest'
import {
  answered,
  FRESH,
  type JudgeInput,
  type JudgeState,
  judge,
  msToTermination,
  terminate,
} from '../../../src/exhaustion/judge.ts'
import { RESOURCES } from '../../../src/exhaustion/model.ts'
import { AT, later, limitsFor } from './shapes.ts'

const CONFIG = { warningThresholdPercent: 0.8 }

function run(steps: readonly Partial<JudgeInput>[], from: JudgeState = FRESH) {
  let state = from
  const seen: string[] = []
  for (const step of steps) {
    const input: JudgeInput = { limits: limitsFor(RESOURCES), ratios: {}, held: false, ...step }
    const complete = { ...Object.fromEntries(Object.keys(input.limits).map((r) => [r, 0])), ...input.ratios }
    const [next, verdicts] = judge(state, { ...input, ratios: complete }, CONFIG, AT)
    state = next
    seen.push(...verdicts.map(({ kind, to, triggeredBy }) => `${kind} ${to} ${triggeredBy}`))
  }
  return { state, seen }
}

describe('the phase', () => {
  it('warns from the warning ratio on (A03) and intervenes exactly at the limit (A04)', () => {
    expect(run([{ ratios: { files: 0.799 } }]).seen).toEqual([])
    expect(run([{ ratios: { files: 0.8 } }]).seen).toEqual(['entered warning files'])
    expect(run([{ ratios: { files: 0.999 } }]).seen).toEqual(['entered warning files'])
    expect(run([{ ratios: { files: 1 } }]).seen).toEqual(['entered intervention files'])
  })

  it('takes the highest severity and names the first resource that reached it (A04, A05)', () => {
    expect(run([{ ratios: { files: 0.8, api_calls: 1.2 } }]).seen).toEqual(['entered intervention api_calls'])
    expect(run([{ ratios: { token_rate: 3, files: 1, api_calls: 2 } }]).seen).toEqual([
      'entered intervention files',
    ])
  })

  it('only warns at limits that nobody wrote', () => {
    const limits = limitsFor(['tokens'], 'builtin')
    expect(run([{ limits, ratios: { tokens: 50 } }]).seen).toEqual(['entered warning tokens'])
    const mixed = { ...limits, ...limitsFor(['subtasks'], 'registration') }
    expect(run([{ limits: mixed, ratios: { tokens: 50, subtasks: 1 } }]).seen).toEqual([
      'entered intervention subtasks',
    ])
  })

  it('says one thing per excursion, whatever else is exceeded meanwhile', () => {
    const { seen } = run([
      { ratios: { tokens: 1 } },
      { ratios: { tokens: 1, files: 1.5 } },
      { ratios: { tokens: 0.96, files: 1.5 } },
    ])
    expect(seen).toEqual(['entered intervention tokens'])
  })

  it('recovers with a trigger: what had opened the excursion (D1)', () => {
    const { seen, state } = run([{ ratios: { time_without_deliverable: 1 } }, { ratios: {} }])
    expect(seen).toEqual([
      'entered intervention time_without_deliverable',
      'recovered normal time_without_deliverable',
    ])
    expect(state).toEqual(FRESH)
  })

  it('does not flip between normal and warning with every deliverable (D7)', () => {
    const deliverables = Array.from({ length: 5 }, () => [
      { ratios: { api_calls: 0.85, time_without_deliverable: 0.9 } },
      { ratios: { api_calls: 0.85, time_without_deliverable: 0 } },
    ]).flat()
    expect(run(deliverables).seen).toEqual(['entered warning api_calls'])
  })

  it('falls to what the ratios say once all are clear of the limit', () => {
    const { seen } = run([
      { ratios: { tokens: 1 } },
      { ratios: { tokens: 0.95 } },
      { ratios: { tokens: 0.9 } },
      { ratios: { tokens: 0.73 } },
      { ratios: { tokens: 0.71 } },
    ])
    expect(seen).toEqual([
      'entered intervention tokens',
      'recovered warning tokens',
      'recovered normal tokens',
    ])
  })

  it('is not talked out of an intervention that holds the agent (D9, A13)', () => {
    const { seen, state } = run([
      { ratios: { time_without_deliverable: 1 } },
      { ratios: { time_without_deliverable: 0 }, held: true },
    ])
    expect(seen).toHaveLength(1)
    expect(state.phase).toBe('intervention')
  })

  it('neither raises nor lowers on what is not known', () => {
    const limits = limitsFor(['files', 'tokens'])
    const input = { limits, held: false }
    expect(judge(FRESH, { ...input, ratios: {} }, CONFIG, AT)[1]).toEqual([])
    expect(judge(FRESH, { ...input, ratios: { files: Number.NaN } }, CONFIG, AT)[1]).toEqual([])
    const [warned] = judge(FRESH, { ...input, ratios: { files: 0.9 } }, CONFIG, AT)
    expect(warned.phase).toBe('warning')
    expect(judge(warned, { ...input, ratios: { files: 0 } }, CONFIG, AT)[0].phase).toBe('warning')
  })
})

describe('termination', () => {
  it('is terminal: no ratio and no second termination leaves it (D5)', () => {
    const [ended, verdicts] = terminate(FRESH, 'manual')
    expect(verdicts).toEqual([{ kind: 'entered', from: 'normal', to: 'termination', triggeredBy: 'manual' }])
    expect(run([{ ratios: {} }, { ratios: { tokens: 0.9 } }, { ratios: { tokens: 2 } }], ended)).toEqual({
      state: ended,
      seen: [],
    })
    expect(terminate(ended, 'tokens')).toEqual([ended, []])
  })

  it('is due when nobody answered an intervention, and not when it is off (A31)', () => {
    const config = { autoTerminate: true, terminateAfterMs: 600_000 }
    const { state } = run([{ ratios: { tokens: 1 } }])
    expect(msToTermination(state, config, later(1_000))).toBe(599_000)
    expect(msToTermination(state, config, later(700_000))).toBe(0)
    expect(msToTermination(state, { ...config, autoTerminate: false }, later(700_000))).toBeUndefined()
    expect(msToTermination(answered(state), config, later(700_000))).toBeUndefined()
    expect(msToTermination(FRESH, config, later(700_000))).toBeUndefined()
  })

  it('waits the whole time after a reboot when the wall clock fell back', () => {
    const config = { autoTerminate: true, terminateAfterMs: 600_000 }
    const { state } = run([{ ratios: { tokens: 1 } }])
    const now = { bootId: 'next boot', bootMs: 5, wallMs: AT.wallMs - 3_600_000 }
    expect(msToTermination(state, config, now)).toBe(600_000)
  })
})
