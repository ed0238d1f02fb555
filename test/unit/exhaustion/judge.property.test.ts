import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRESH, type JudgeState, judge, terminate, type Verdict } from '../../../src/exhaustion/judge.ts'
import { PHASES, RESOURCES, type Resource } from '../../../src/exhaustion/model.ts'
import { AT, limitsFor } from './shapes.ts'

const LIMITS = limitsFor(RESOURCES)
const ratio = fc.double({ min: 0, max: 3, noNaN: true })
const ratios = fc.record(
  Object.fromEntries(RESOURCES.map((r) => [r, ratio])) as Record<Resource, typeof ratio>,
)
const warning = fc.double({ min: 0.1, max: 0.99, noNaN: true })
const rank = (state: JudgeState) => PHASES.indexOf(state.phase)

function step(state: JudgeState, all: Record<Resource, number>, share: number, held = false) {
  return judge(state, { limits: LIMITS, ratios: all, held }, { warningThresholdPercent: share }, AT)
}

describe('properties of the judge', () => {
  it('never lowers the phase while totals only grow', () => {
    fc.assert(
      fc.property(fc.array(ratios, { maxLength: 30 }), warning, (steps, share) => {
        const totals = Object.fromEntries(RESOURCES.map((r) => [r, 0])) as Record<Resource, number>
        let state = FRESH
        for (const growth of steps) {
          for (const r of RESOURCES) totals[r] += growth[r] / 10
          const [next] = step(state, totals, share)
          expect(rank(next)).toBeGreaterThanOrEqual(rank(state))
          state = next
        }
      }),
    )
  })

  it('says at most one thing per judgement and never two of one excursion', () => {
    const moves = fc.array(fc.tuple(ratios, fc.boolean()), { maxLength: 60 })
    fc.assert(
      fc.property(moves, warning, (steps, share) => {
        let state = FRESH
        const all: Verdict[] = []
        for (const [values, held] of steps) {
          const [next, verdicts] = step(state, values, share, held)
          expect(verdicts.length).toBeLessThanOrEqual(1)
          expect(verdicts.length).toBe(next.phase === state.phase ? 0 : 1)
          all.push(...verdicts)
          state = next
        }
        // A level is entered again only after something left it downwards.
        const open = { warning: false, intervention: false }
        for (const { kind, from, to } of all) {
          if (kind === 'entered') {
            expect(open[to as 'warning' | 'intervention']).toBe(false)
            open[to as 'warning' | 'intervention'] = true
          } else {
            if (from === 'intervention') open.intervention = false
            if (to === 'normal') open.warning = false
          }
        }
      }),
    )
  })

  it('stays terminated', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ratios, fc.boolean())), warning, (steps, share) => {
        let [state] = terminate(FRESH, 'manual')
        for (const [values, held] of steps) {
          const [next, verdicts] = step(state, values, share, held)
          expect(verdicts).toEqual([])
          state = next
        }
        expect(state.phase).toBe('termination')
      }),
    )
  })

  it('names the first resource in order that reached the severity', () => {
    fc.assert(
      fc.property(ratios, warning, (values, share) => {
        const [, [verdict]] = step(FRESH, values, share)
        const exceeded = RESOURCES.find((r) => values[r] >= 1)
        const near = RESOURCES.find((r) => values[r] >= share)
        expect(verdict?.triggeredBy).toBe(exceeded ?? near)
        expect(verdict?.to).toBe(exceeded ? 'intervention' : near && 'warning')
      }),
    )
  })

  it('never flaps on jitter smaller than the margin', () => {
    const jitter = fc.array(fc.double({ min: -0.5, max: 0.5, noNaN: true }), { minLength: 2, maxLength: 80 })
    fc.assert(
      fc.property(ratio, jitter, warning, (centre, noise, share) => {
        const margin = Math.min(share * 0.1, 0.05) * 0.999
        let state = FRESH
        const entered = { warning: 0, intervention: 0 }
        for (const offset of noise) {
          const level = Math.max(0, centre + offset * margin)
          const zero = Object.fromEntries(RESOURCES.map((r) => [r, 0])) as Record<Resource, number>
          const [next, verdicts] = step(state, { ...zero, tokens: level }, share)
          for (const { kind, to } of verdicts) {
            if (kind === 'entered') entered[to as 'warning' | 'intervention']++
          }
          state = next
        }
        expect(entered.warning).toBeLessThanOrEqual(1)
        expect(entered.intervention).toBeLessThanOrEqual(1)
      }),
    )
  })
})
