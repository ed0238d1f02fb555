import { describe, expect, test } from 'vitest'
import { gauge } from '../../../../src/platform/exposition/family.ts'
import { mergeParts } from '../../../../src/platform/exposition/merge.ts'
import { bindSeries, createPart } from '../../../../src/platform/exposition/snapshot.ts'
import { renderText } from '../../../../src/platform/exposition/writer.ts'
import { parseExposition } from '../../../support/exposition-parser.ts'
import {
  catalogue,
  cpu,
  duration,
  partOf,
  paused,
  rss,
  run,
  snapshotOf,
} from '../../../support/sample-families.ts'

const valuesOf = (snapshot: ReturnType<typeof snapshotOf>) =>
  parseExposition(renderText(snapshot, 'text'), 'text').values

describe('a part of a snapshot', () => {
  test('refuses a family that is not in the catalogue, even without a value', () => {
    const stray = gauge('agent_stray', { help: 'x' })
    const part = createPart(catalogue)
    expect(() => part.set(stray, {}, 1)).toThrow('agent_stray is not in the metric catalogue')
    expect(() => part.set(stray, {}, undefined)).toThrow('agent_stray')
    expect(() => part.put(bindSeries(stray, {}), undefined)).toThrow('agent_stray')
  })

  test('leaves out what was not read and prints a real 0', () => {
    const values = valuesOf(
      snapshotOf((out) => {
        out.set(rss, { agent: 'a' }, undefined)
        out.set(rss, { agent: 'b' }, 0)
        out.put(bindSeries(cpu, { agent: 'a', mode: 'user' }), undefined)
      }),
    )
    expect([...values]).toEqual([['agent_memory_rss_bytes{agent="b"}', 0]])
  })

  test('keeps the first of two samples of a series and counts the second', () => {
    const part = partOf((out) => {
      out.set(rss, { agent: 'a' }, 1)
      out.put(bindSeries(rss, { agent: 'a' }), 2)
    })
    expect(part.refused.duplicate).toBe(1)
    expect(run(mergeParts(catalogue, [part])).snapshot.families[0]?.values).toEqual([1])
  })

  test.each([Number.NaN, -1, -Infinity])('refuses %d as a counter, takes it as a gauge', (value) => {
    const part = partOf((out) => {
      out.set(cpu, { agent: 'a', mode: 'user' }, value)
      out.set(rss, { agent: 'a' }, value)
    })
    expect(part.refused.not_a_counter).toBe(1)
    expect(run(mergeParts(catalogue, [part])).snapshot.families.map(({ family }) => family.name)).toEqual([
      rss.name,
    ])
  })

  test.each([
    ['too few buckets', { counts: [1], sum: 1, count: 1 }],
    ['more in buckets than counted', { counts: [1, 1, 0, 0], sum: 1, count: 1 }],
    ['a negative bucket', { counts: [2, -1, 0, 0], sum: 1, count: 1 }],
    ['a sum that is no number', { counts: [0, 0, 0, 0], sum: Number.NaN, count: 0 }],
  ])('refuses a histogram with %s', (_, value) => {
    expect(partOf((out) => out.histogram(duration, { action: 'pause' }, value)).refused.not_a_histogram).toBe(
      1,
    )
  })

  test('keeps a histogram as it was when it was written', () => {
    const counts = [1, 0, 0, 0]
    const part = partOf((out) => out.histogram(duration, { action: 'pause' }, { counts, sum: 1, count: 1 }))
    counts[0] = 5
    const { families } = run(mergeParts(catalogue, [part])).snapshot
    expect(families[0]?.histograms).toEqual([{ counts: [1, 0, 0, 0], sum: 1, count: 1 }])
  })

  test('takes the agent of a series only from a declared label', () => {
    expect(bindSeries(rss, { agent: 'a' }).agent).toBe('a')
    expect(bindSeries(paused, { agent: 'a' } as never).agent).toBeUndefined()
  })

  test('refuses plain values for histograms and histograms for other types', () => {
    const part = createPart(catalogue)
    expect(() => part.set(duration, { action: 'pause' }, 1)).toThrow('is a histogram')
    expect(() => part.histogram(paused, {}, { counts: [], sum: 0, count: 0 })).toThrow('is a gauge')
  })

  test('refuses a series with a missing label', () => {
    expect(() => bindSeries(cpu, { agent: 'a' } as never)).toThrow('label mode has no value')
  })

  test('refuses what comes after its end', () => {
    const part = createPart(catalogue)
    part.set(rss, { agent: 'a' }, 1)
    part.finish()
    expect(() => part.set(rss, { agent: 'b' }, 1)).toThrow('after the end')
  })
})

describe('merged parts', () => {
  test('are printed family by family in the catalogue order, first writer wins', () => {
    const snapshot = snapshotOf(
      (out) => {
        out.set(cpu, { agent: 'a', mode: 'user' }, 1)
        out.set(rss, { agent: 'a' }, 10)
      },
      (out) => {
        out.set(rss, { agent: 'a' }, 99)
        out.set(rss, { agent: 'b' }, 20)
        out.set(cpu, { agent: 'b', mode: 'user' }, 2)
      },
    )
    expect([...valuesOf(snapshot)]).toEqual([
      ['agent_memory_rss_bytes{agent="a"}', 10],
      ['agent_memory_rss_bytes{agent="b"}', 20],
      ['agent_cpu_seconds_total{agent="a",mode="user"}', 1],
      ['agent_cpu_seconds_total{agent="b",mode="user"}', 2],
    ])
    expect(snapshot.size).toBe(4)
  })

  test('count series that two collectors wrote', () => {
    const one = () => partOf((out) => out.set(rss, { agent: 'a' }, 1))
    expect(run(mergeParts(catalogue, [one(), one()])).duplicates).toBe(1)
  })
})
