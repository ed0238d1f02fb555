import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type GateInput, judgeGate } from '../../../src/control/gate.ts'
import type { HoldCause } from '../../../src/control/model.ts'
import { PHASES } from '../../../src/exhaustion/model.ts'

const FREE: GateInput = {
  held: false,
  holds: new Map(),
  terminal: false,
  phase: 'normal',
  enforced: true,
  ended: false,
  mode: 'enforce',
  killSwitch: 'released',
}
const holds = new Map<HoldCause, { reason: string }>([
  ['human', { reason: 'look at the bill' }],
  ['budget', { reason: '' }],
])

describe('gate', () => {
  it('lets an agent within its budget go on', () => {
    expect(judgeGate(FREE)).toEqual({ allowed: true, phase: 'normal' })
    expect(judgeGate({ ...FREE, phase: 'warning' })).toEqual({ allowed: true, phase: 'warning' })
  })

  it('names what holds a paused agent', () => {
    const verdict = judgeGate({ ...FREE, held: true, holds })
    expect(verdict).toMatchObject({ allowed: false, retryAfterMs: 5_000 })
    expect(verdict.reason).toBe('The agent is paused by human (look at the bill), budget.')
  })

  it('lets nothing begin while a pause is being done', () => {
    expect(judgeGate({ ...FREE, held: true })).toMatchObject({
      allowed: false,
      reason: 'The agent is being paused.',
    })
  })

  it('never opens again for a terminated agent', () => {
    const verdict = judgeGate({ ...FREE, terminal: true, held: true, holds })
    expect(verdict).toMatchObject({ allowed: false, phase: 'termination' })
    expect(verdict).not.toHaveProperty('retryAfterMs')
  })

  it('refuses the next step of an enforced agent over its limit although it is not paused', () => {
    expect(judgeGate({ ...FREE, phase: 'intervention' })).toMatchObject({
      allowed: false,
      reason: 'The agent is over its budget.',
    })
  })

  it('refuses nothing over budget while control only watches or the kill switch is engaged', () => {
    for (const more of [{ mode: 'dry-run' }, { mode: 'off' }, { killSwitch: 'engaged' }] as const) {
      expect(judgeGate({ ...FREE, phase: 'intervention', ...more }).allowed).toBe(true)
    }
  })

  const input = fc.record({
    held: fc.boolean(),
    holds: fc.constantFrom(new Map(), holds),
    terminal: fc.boolean(),
    phase: fc.constantFrom(...PHASES),
    enforced: fc.boolean(),
    ended: fc.boolean(),
    mode: fc.constantFrom('off', 'dry-run', 'enforce'),
    killSwitch: fc.constantFrom('engaged', 'released'),
  }) as fc.Arbitrary<GateInput>

  it('never hinders an agent that is only observed and not held', () => {
    fc.assert(
      fc.property(input, (one) => {
        const { allowed } = judgeGate({ ...one, enforced: false, held: false, terminal: false })
        expect(allowed).toBe(true)
      }),
    )
  })

  it('never opens for a held or terminated agent, and says why whenever it is closed', () => {
    fc.assert(
      fc.property(input, (one) => {
        const verdict = judgeGate(one)
        if (one.held || one.terminal) expect(verdict.allowed).toBe(false)
        expect(verdict.reason === undefined).toBe(verdict.allowed)
      }),
    )
  })
})
