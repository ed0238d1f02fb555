import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SharedMap } from '../../../src/alertmanager/shared-map.ts'

const keys = fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', ''), fc.string({ maxLength: 3 }))
const changes = fc
  .array(fc.tuple(keys, fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined })), { maxLength: 8 })
  .map((pairs) => new Map(pairs))

const sorted = (map: Iterable<readonly [string, unknown]>) =>
  [...map].map(([key, value]) => JSON.stringify([key, value ?? null])).sort()

function plain(map: ReadonlyMap<string, number>, some: ReadonlyMap<string, number | undefined>) {
  const copy = new Map(map)
  for (const [key, value] of some) {
    if (value === undefined) copy.delete(key)
    else copy.set(key, value)
  }
  return copy
}

describe('a shared map', () => {
  it('is what a copied map would be, and the one it was made of stays what it was', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 6 }), (steps) => {
        let ours = SharedMap.of<number>(new Map())
        let theirs: ReadonlyMap<string, number> = new Map()
        const past: [SharedMap<number>, string[]][] = []
        for (const step of steps) {
          past.push([ours, sorted(theirs)])
          const before = ours
          const copy = plain(theirs, step)
          ours = ours.with(step)
          expect(ours.size).toBe(copy.size)
          expect(sorted(ours)).toEqual(sorted(copy))
          expect([...ours.keys()].sort()).toEqual([...copy.keys()].sort())
          expect([...ours.values()].sort()).toEqual([...copy.values()].sort())
          for (const key of step.keys()) {
            expect([ours.get(key), ours.has(key)]).toEqual([copy.get(key), copy.has(key)])
          }
          const wanted = new Map<string, number | undefined>()
          for (const [key, value] of copy) if (theirs.get(key) !== value) wanted.set(key, value)
          for (const key of theirs.keys()) if (!copy.has(key)) wanted.set(key, undefined)
          expect(sorted(ours.since(before))).toEqual(sorted(wanted))
          theirs = copy
        }
        for (const [map, was] of past) expect(sorted(map)).toEqual(was)
      }),
    )
  })

  it('takes any map for one, and itself as it is', () => {
    const map = SharedMap.of(new Map([['a', 1]]))
    expect(SharedMap.of(map)).toBe(map)
    const seen: unknown[] = []
    map.forEach((value, key, whole) => void seen.push(value, key, whole))
    expect(seen).toEqual([1, 'a', map])
  })
})
