import { describe, expect, it } from 'vitest'
import { createSampler } from '../../../src/agents/sampler.ts'
import type { ReadDepth } from '../../../src/platform/proc/process.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

function setUp(work: (depth: ReadDepth) => Promise<void> = async () => {}) {
  const clock = fakeClock()
  const at: number[] = []
  const depths: ReadDepth[] = []
  const errors: unknown[] = []
  const sampler = createSampler({
    clock,
    intervalMs: 1_000,
    sample: async (depth) => {
      at.push(clock.monotonic())
      depths.push(depth)
      await work(depth)
    },
    onError: (error) => void errors.push(error),
  })
  const pass = async (ms: number, step = 250) => {
    for (let gone = 0; gone < ms; gone += step) {
      clock.advance(step)
      await turn()
    }
  }
  return { clock, sampler, at, depths, errors, pass }
}

const open = () => new AbortController().signal

describe('the sample clock', () => {
  it('keeps its beat', async () => {
    const { sampler, at, pass } = setUp()
    sampler.start()
    await pass(5_000)
    expect(at).toEqual([1_000, 2_000, 3_000, 4_000, 5_000])
    expect(sampler.missed).toBe(0)
  })

  it('does not drift when timers come late', async () => {
    const { sampler, at, pass } = setUp()
    sampler.start()
    await pass(1_300, 1_300)
    await pass(10_000, 300)
    expect(at.map((time) => Math.floor(time / 1_000))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  it('never overlaps, leaves out what was missed and counts it', async () => {
    let finish: () => void = () => {}
    const { sampler, at, pass } = setUp(() => new Promise((resolve) => (finish = resolve)))
    sampler.start()
    await pass(4_500)
    expect(at).toEqual([1_000])
    finish()
    await turn()
    await pass(1_000)
    expect(at).toEqual([1_000, 5_000])
    expect(sampler.missed).toBe(3)
    finish()
  })

  it('does not care for the wall clock', async () => {
    const { clock, sampler, at, pass } = setUp()
    sampler.start()
    await pass(2_000)
    clock.jumpWall(-86_400_000)
    await pass(2_000)
    expect(at).toEqual([1_000, 2_000, 3_000, 4_000])
  })

  it('goes on after a sample that failed', async () => {
    let fails = true
    const { sampler, at, errors, pass } = setUp(async () => {
      if (fails) throw new Error('broken')
    })
    sampler.start()
    await pass(1_000)
    fails = false
    await pass(1_000)
    expect(errors.length).toBe(1)
    expect(at.length).toBe(2)
  })

  it('stops', async () => {
    const { sampler, at, pass } = setUp()
    sampler.start()
    await pass(1_000)
    await sampler.stop()
    await pass(3_000)
    expect(at.length).toBe(1)
  })
})

describe('a scrape', () => {
  it('shares one full sample with others at the same time and does not move the beat', async () => {
    const { sampler, at, depths, pass } = setUp()
    sampler.start()
    await pass(1_500)
    await Promise.all([sampler.freshen(open()), sampler.freshen(open()), sampler.freshen(open())])
    expect(depths).toEqual(['core', 'full'])
    await pass(500)
    expect(at).toEqual([1_000, 1_500, 2_000])
  })

  it('waits for the sample under way, then takes its own', async () => {
    let finish: () => void = () => {}
    const { sampler, depths, pass } = setUp((depth) =>
      depth === 'full' ? Promise.resolve() : new Promise((resolve) => (finish = resolve)),
    )
    sampler.start()
    await pass(1_000)
    const fresh = sampler.freshen(open())
    await turn()
    expect(depths).toEqual(['core'])
    finish()
    await fresh
    expect(depths).toEqual(['core', 'full'])
  })

  it('gives up at its deadline; the next caller gets the same sample', async () => {
    let finish: () => void = () => {}
    const { sampler, depths } = setUp(() => new Promise((resolve) => (finish = resolve)))
    const late = new AbortController()
    const first = sampler.freshen(late.signal)
    late.abort(new Error('late'))
    await expect(first).rejects.toThrow('late')
    const second = sampler.freshen(open())
    await turn()
    finish()
    await second
    expect(depths).toEqual(['full'])
  })
})
