import { expect, test } from 'vitest'
import { createSlices } from '../../../../src/platform/exposition/slices.ts'

/** Time that passes only by work. */
function workshop() {
  let ms = 0
  const diary: string[] = []
  function* work(name: string, steps: number, msPerStep: number): Generator<string, string, void> {
    for (let i = 0; i < steps; i++) {
      ms += msPerStep
      diary.push(name)
      yield name
    }
    return `${name} done`
  }
  return { diary, work, slices: createSlices({ sliceMs: 4, now: () => ms }) }
}

test('two long works take turns of one slice, and other callbacks come in between', async () => {
  const { diary, work, slices } = workshop()
  const both = Promise.all([slices.drive(work('a', 4, 2)), slices.drive(work('b', 4, 2))])
  const tick = () => {
    diary.push('|')
    if (diary.length < 30) setImmediate(tick)
  }
  setImmediate(tick)
  expect(await both).toEqual(['a done', 'b done'])
  expect(diary.join('').replace(/\|+/g, '|').slice(0, 12)).toBe('aa|bb|aa|bb|')
})

test('short work is not interrupted', async () => {
  const { diary, work, slices } = workshop()
  await Promise.all([slices.drive(work('a', 5, 0.5)), slices.drive(work('b', 1, 1))])
  expect(diary.join('')).toBe('aaaaab')
})

test('steps are handed on; a throwing listener ends the work and its finally runs', async () => {
  const { slices } = workshop()
  let cleaned = false
  function* work(): Generator<number, void, void> {
    try {
      yield 1
      yield 2
      yield 3
    } finally {
      cleaned = true
    }
  }
  const seen: number[] = []
  const ended = slices.drive(work(), (step) => {
    seen.push(step)
    if (step === 2) throw new Error('enough')
  })
  await expect(ended).rejects.toThrow('enough')
  expect(seen).toEqual([1, 2])
  expect(cleaned).toBe(true)
})

test('work that throws rejects, and the turnstile goes on', async () => {
  const { work, slices } = workshop()
  // biome-ignore lint/correctness/useYield: it breaks before it yields
  function* broken(): Generator<never, void, void> {
    throw new Error('broken')
  }
  await expect(slices.drive(broken())).rejects.toThrow('broken')
  expect(await slices.drive(work('a', 1, 1))).toBe('a done')
})
