import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openMetricsName } from '../../../../src/platform/exposition/catalogue.ts'
import { createInk } from '../../../../src/platform/exposition/ink.ts'
import { escapeLabelValue } from '../../../../src/platform/exposition/series.ts'
import type { SnapshotBuilder } from '../../../../src/platform/exposition/snapshot.ts'
import { render, renderText } from '../../../../src/platform/exposition/writer.ts'
import { parseExposition } from '../../../support/exposition-parser.ts'
import { cpu, duration, info, lonely, paused, rss, snapshotOf } from '../../../support/sample-families.ts'

const example = snapshotOf((out) => {
  out.set(rss, { agent: 'a' }, 1048576)
  out.set(rss, { agent: 'b' }, Number.NaN)
  out.set(cpu, { agent: 'a', mode: 'user' }, 1.5)
  out.set(paused, {}, Infinity)
  out.histogram(duration, { action: 'pause' }, { counts: [2, 0, 1, 0], sum: 3.25, count: 4 })
  out.histogram(lonely, {}, { counts: [0], sum: 0, count: 0 })
})

test('text 0.0.4', () => {
  expect(renderText(example, 'text')).toBe(`\
# HELP agent_memory_rss_bytes Resident memory "RSS" of C:\\\\agents.
# TYPE agent_memory_rss_bytes gauge
agent_memory_rss_bytes{agent="a"} 1048576
agent_memory_rss_bytes{agent="b"} NaN
# HELP agent_cpu_seconds_total CPU time.
# TYPE agent_cpu_seconds_total counter
agent_cpu_seconds_total{agent="a",mode="user"} 1.5
# HELP agents_paused_current Paused agents.
# TYPE agents_paused_current gauge
agents_paused_current +Inf
# HELP agent_action_duration_seconds From admitted to verified.
# TYPE agent_action_duration_seconds histogram
agent_action_duration_seconds_bucket{action="pause",le="0.25"} 2
agent_action_duration_seconds_bucket{action="pause",le="1.0"} 2
agent_action_duration_seconds_bucket{action="pause",le="100.0"} 3
agent_action_duration_seconds_bucket{action="pause",le="1e+06"} 3
agent_action_duration_seconds_bucket{action="pause",le="+Inf"} 4
agent_action_duration_seconds_sum{action="pause"} 3.25
agent_action_duration_seconds_count{action="pause"} 4
# HELP agent_lonely_seconds No labels.
# TYPE agent_lonely_seconds histogram
agent_lonely_seconds_bucket{le="1.0"} 0
agent_lonely_seconds_bucket{le="+Inf"} 0
agent_lonely_seconds_sum 0
agent_lonely_seconds_count 0
`)
})

test('OpenMetrics 1.0', () => {
  expect(renderText(example, 'openmetrics')).toBe(`\
# HELP agent_memory_rss_bytes Resident memory \\"RSS\\" of C:\\\\agents.
# TYPE agent_memory_rss_bytes gauge
# UNIT agent_memory_rss_bytes bytes
agent_memory_rss_bytes{agent="a"} 1048576
agent_memory_rss_bytes{agent="b"} NaN
# HELP agent_cpu_seconds CPU time.
# TYPE agent_cpu_seconds counter
# UNIT agent_cpu_seconds seconds
agent_cpu_seconds_total{agent="a",mode="user"} 1.5
# HELP agents_paused_current Paused agents.
# TYPE agents_paused_current gauge
agents_paused_current +Inf
# HELP agent_action_duration_seconds From admitted to verified.
# TYPE agent_action_duration_seconds histogram
# UNIT agent_action_duration_seconds seconds
agent_action_duration_seconds_bucket{action="pause",le="0.25"} 2
agent_action_duration_seconds_bucket{action="pause",le="1.0"} 2
agent_action_duration_seconds_bucket{action="pause",le="100.0"} 3
agent_action_duration_seconds_bucket{action="pause",le="1e+06"} 3
agent_action_duration_seconds_bucket{action="pause",le="+Inf"} 4
agent_action_duration_seconds_sum{action="pause"} 3.25
agent_action_duration_seconds_count{action="pause"} 4
# HELP agent_lonely_seconds No labels.
# TYPE agent_lonely_seconds histogram
# UNIT agent_lonely_seconds seconds
agent_lonely_seconds_bucket{le="1.0"} 0
agent_lonely_seconds_bucket{le="+Inf"} 0
agent_lonely_seconds_sum 0
agent_lonely_seconds_count 0
# EOF
`)
})

test('an empty snapshot is an empty text and a lone EOF', () => {
  expect(renderText(snapshotOf(), 'text')).toBe('')
  expect(renderText(snapshotOf(), 'openmetrics')).toBe('# EOF\n')
})

test('printing pauses every few lines, never within one', () => {
  const many = snapshotOf((out) => {
    for (let i = 0; i < 5000; i++) out.set(rss, { agent: `agent-é-${i}` }, i)
  })
  const ink = createInk()
  let pauses = 0
  let before = 0
  for (const _ of render(many, 'openmetrics', ink)) {
    pauses++
    expect(ink.length - before).toBeLessThan(20_000)
    expect(ink.bytes().at(-1)).toBe('\n'.charCodeAt(0))
    before = ink.length
  }
  expect(pauses).toBeGreaterThan(10)
  expect(parseExposition(ink.bytes().toString(), 'openmetrics').values.size).toBe(5000)
})

describe('label values', () => {
  test.each([
    ['plain', 'plain'],
    ['a"b', 'a\\"b'],
    ['a\\b', 'a\\\\b'],
    ['a\nb', 'a\\nb'],
    ['\\n', '\\\\n'],
    ['ünï→😀', 'ünï→😀'],
    ['tab\tcr\r', 'tab\tcr\r'],
    ['nul\0', 'nul\ufffd'],
    ['half \ud83d pair', 'half \ufffd pair'],
    ['', ''],
  ])('%j is written %j', (value, written) => {
    expect(escapeLabelValue(value)).toBe(written)
  })

  test('that print alike are one series', () => {
    const text = renderText(
      snapshotOf((out) => {
        out.set(rss, { agent: '\ud800' }, 1)
        out.set(rss, { agent: '\udfff' }, 2)
        out.set(rss, { agent: '\0' }, 3)
      }),
      'text',
    )
    expect([...parseExposition(text, 'text').values.values()]).toEqual([1])
  })
})

const label = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\n', '\\', '"', '\\"', '\\n', '{}', ',', '# EOF\n'),
)
const count = fc.nat({ max: 1e9 })
const write: fc.Arbitrary<(out: SnapshotBuilder) => void> = fc.oneof(
  fc.tuple(label, fc.double()).map(
    ([agent, v]) =>
      (out: SnapshotBuilder) =>
        out.set(rss, { agent }, v),
  ),
  fc.tuple(label, label, fc.double({ min: 0, noNaN: true })).map(
    ([agent, mode, v]) =>
      (out: SnapshotBuilder) =>
        out.set(cpu, { agent, mode }, v),
  ),
  fc.tuple(label, label).map(
    ([agent, name]) =>
      (out: SnapshotBuilder) =>
        out.set(info, { agent, name }, 1),
  ),
  fc.tuple(label, fc.tuple(count, count, count, count), count, fc.double({ noNaN: true })).map(
    ([action, counts, above, sum]) =>
      (out: SnapshotBuilder) =>
        out.histogram(duration, { action }, { counts, sum, count: counts.reduce((a, b) => a + b) + above }),
  ),
)

test('any snapshot reads back as the same samples from both formats', () => {
  fc.assert(
    fc.property(fc.array(fc.array(write, { maxLength: 20 }), { maxLength: 4 }), (collectors) => {
      const snapshot = snapshotOf(
        ...collectors.map((writes) => (out: SnapshotBuilder) => {
          for (const write of writes) write(out)
        }),
      )
      const text = parseExposition(renderText(snapshot, 'text'), 'text')
      const open = parseExposition(renderText(snapshot, 'openmetrics'), 'openmetrics')
      expect(open.values).toEqual(text.values)
      expect(text.values.size).toBe(snapshot.size)
      for (const { family, series, values } of snapshot.families) {
        expect(text.types.get(family.name)).toBe(family.type)
        expect(open.types.get(openMetricsName(family))).toBe(family.type)
        expect(open.units.get(openMetricsName(family))).toBe(family.unit)
        expect(open.help.get(openMetricsName(family))).toBe(family.help)
        expect(text.help.get(family.name)).toBe(family.help)
        if (family.type === 'histogram') continue
        const printed = text.samples.filter(({ name }) => name === family.name)
        expect(printed.map(({ value }) => value)).toEqual(values.map((value) => (value === 0 ? 0 : value)))
        expect(printed).toHaveLength(series.length)
      }
    }),
  )
})
