import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addHold, type HoldSet, NO_HOLDS, releaseHold } from '../../../src/control/holds.ts'
import type { HoldCause } from '../../../src/control/model.ts'

const cause = fc.constantFrom<HoldCause>('human', 'budget', 'memory', 'unknown', 'alert:1', 'alert:2')
const step = fc.oneof(
  fc.record({ verb: fc.constant('add' as const), cause, sinceMs: fc.nat() }),
  fc.record({ verb: fc.constant('release' as const), cause }),
  fc.record({ verb: fc.constant('clear' as const) }),
)

function run(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): {
  readonly holds: HoldSet
  readonly model: Set<HoldCause>
} {
  let holds: HoldSet = NO_HOLDS
  const model = new Set<HoldCause>()
  for (const one of steps) {
    if (one.verb === 'add') {
      holds = addHold(holds, { cause: one.cause, sinceMs: one.sinceMs, reason: '', actionId: 'a' })
      model.add(one.cause)
    } else {
      const by = one.verb === 'clear' ? 'all' : one.cause
      const { left, released } = releaseHold(holds, by)
      expect(new Set([...left.keys(), ...released])).toEqual(model)
      expect(left.size + released.length).toBe(model.size)
      holds = left
      if (by === 'all') model.clear()
      else model.delete(by)
    }
  }
  return { holds, model }
}

describe('holds', () => {
  it('are exactly the causes added and not released, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { holds, model } = run(steps)
        expect(new Set(holds.keys())).toEqual(model)
      }),
    )
  })

  it('remember since when: a cause that holds already is not renewed', () => {
    const first = addHold(NO_HOLDS, { cause: 'budget', sinceMs: 1, reason: 'a', actionId: 'a' })
    const again = addHold(first, { cause: 'budget', sinceMs: 2, reason: 'b', actionId: 'b' })
    expect(again.get('budget')).toMatchObject({ sinceMs: 1, actionId: 'a' })
  })

  it('never change under who looks at them', () => {
    const before = addHold(NO_HOLDS, { cause: 'human', sinceMs: 1, reason: '', actionId: 'a' })
    addHold(before, { cause: 'budget', sinceMs: 2, reason: '', actionId: 'b' })
    releaseHold(before, 'all')
    expect([...before.keys()]).toEqual(['human'])
    expect(NO_HOLDS.size).toBe(0)
  })
})
