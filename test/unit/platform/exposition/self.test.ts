import { afterEach, describe, expect, test } from 'vitest'
import { createCatalogue } from '../../../../src/platform/exposition/catalogue.ts'
import { counter, gauge, histogram } from '../../../../src/platform/exposition/family.ts'
import { createInstruments } from '../../../../src/platform/exposition/instruments.ts'
import { createLoopLag } from '../../../../src/platform/exposition/loop-lag.ts'
import { createScraper, scrapeFamilies } from '../../../../src/platform/exposition/scrape.ts'
import { createSelfMetrics, type SelfMetrics } from '../../../../src/platform/exposition/self.ts'
import { renderText } from '../../../../src/platform/exposition/writer.ts'
import type { Collector } from '../../../../src/platform/feature.ts'
import { PROBLEMS } from '../../../../src/platform/problem.ts'
import { parseExposition } from '../../../support/exposition-parser.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const clock = fakeClock()
let self: SelfMetrics | undefined
afterEach(() => self?.close())

async function printed(collector: Collector, format: 'text' | 'openmetrics' = 'text') {
  const catalogue = createCatalogue([...scrapeFamilies, ...collector.families])
  const scraper = createScraper({
    catalogue,
    collectors: [collector],
    clock: fakeClock(),
    onError: (_, error) => {
      throw error
    },
  })
  return parseExposition(renderText(await scraper.scrape(), format), format)
}

describe('the self collector', () => {
  const start = () => {
    self = createSelfMetrics({ version: '1.2.3', revision: 'abc', nodeVersion: '24.0.0', clock })
    return self
  }

  test('says which build runs and what went wrong, from 0', async () => {
    const metrics = start()
    metrics.countHttpError('AE_FORBIDDEN')
    metrics.countDropped(12)
    metrics.countRefused('duplicate', 2)
    const { values } = await printed(metrics.collector)
    expect(values.get('agent_exporter_build_info{nodeversion="24.0.0",revision="abc",version="1.2.3"}')).toBe(
      1,
    )
    expect(values.get('agent_exporter_series_dropped_total')).toBe(12)
    expect(values.get('agent_exporter_samples_refused_total{reason="duplicate"}')).toBe(2)
    for (const code of Object.keys(PROBLEMS)) {
      expect(values.get(`agent_exporter_http_errors_total{code="${code}"}`), code).toBe(
        code === 'AE_FORBIDDEN' ? 1 : 0,
      )
    }
    expect(values.get('agent_exporter_loop_lag_seconds')).toBeGreaterThanOrEqual(0)
  })

  test('has the usual process metrics, the same in both formats and after switching between them', async () => {
    const { collector } = start()
    const text = await printed(collector)
    const open = await printed(collector, 'openmetrics')
    const again = await printed(collector)
    for (const { values } of [text, open, again]) {
      expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(1e6)
      expect(values.get('process_cpu_seconds_total')).toBeGreaterThan(0)
      expect(values.get('process_start_time_seconds')).toBeGreaterThan(1.6e9)
      expect(values.get('nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6)
      expect(
        [...values.keys()].filter((key) => key.startsWith('nodejs_heap_space_size_used_bytes')),
      ).not.toEqual([])
    }
    expect(again.types).toEqual(text.types)
    for (const kind of ['major', 'minor', 'incremental', 'weakcb']) {
      expect(text.values.has(`nodejs_gc_duration_seconds_count{kind="${kind}"}`), kind).toBe(true)
    }
  })

  test('leaves out what is named like a counter and is none, and prom-client labels that we never use', async () => {
    const { samples } = await printed(start().collector)
    expect(samples.filter(({ name }) => /^nodejs_active_.*_total$/.test(name))).toEqual([])
    expect(samples.filter(({ labels }) => 'type' in labels)).toEqual([])
    const resources = samples.filter(({ name }) => name === 'nodejs_active_resources')
    for (const { labels } of resources) expect(labels['kind']).not.toBe('undefined')
  })
})

describe('instruments of a room', () => {
  const actions = counter('agent_actions_total', { labels: ['action', 'outcome'], help: 'Actions.' })
  const pending = gauge('agent_actions_pending', { labels: ['action'], help: 'Pending.' })
  const took = histogram('agent_action_duration_seconds', {
    unit: 'seconds',
    labels: ['action'],
    buckets: [0.25, 1],
    help: 'Duration.',
  })

  test('count from 0, keep state between scrapes and print through the same writer', async () => {
    const room = createInstruments('control')
    const counted = room.counter(actions, [
      { action: 'pause', outcome: 'done' },
      { action: 'pause', outcome: 'failed' },
    ])
    const waits = room.gauge(pending)
    const times = room.histogram(took, [{ action: 'resume' }])
    counted.inc({ action: 'pause', outcome: 'done' })
    waits.set({ action: 'pause' }, 3)
    waits.set({ action: 'resume' }, 1)
    waits.remove({ action: 'resume' })
    for (const seconds of [0.1, 0.25, 0.5, 7]) times.observe({ action: 'pause' }, seconds)
    const { values } = await printed(room.collector)
    const own = [...values].filter(([key]) => !key.startsWith('agent_scrape'))
    expect(Object.fromEntries(own)).toEqual({
      'agent_actions_total{action="pause",outcome="done"}': 1,
      'agent_actions_total{action="pause",outcome="failed"}': 0,
      'agent_actions_pending{action="pause"}': 3,
      'agent_action_duration_seconds_bucket{action="pause",le="0.25"}': 2,
      'agent_action_duration_seconds_bucket{action="pause",le="1.0"}': 3,
      'agent_action_duration_seconds_bucket{action="pause",le="+Inf"}': 4,
      'agent_action_duration_seconds_sum{action="pause"}': 7.85,
      'agent_action_duration_seconds_count{action="pause"}': 4,
      'agent_action_duration_seconds_bucket{action="resume",le="0.25"}': 0,
      'agent_action_duration_seconds_bucket{action="resume",le="1.0"}': 0,
      'agent_action_duration_seconds_bucket{action="resume",le="+Inf"}': 0,
      'agent_action_duration_seconds_sum{action="resume"}': 0,
      'agent_action_duration_seconds_count{action="resume"}': 0,
    })
  })

  test('two rooms do not see each other', async () => {
    const one = createInstruments('one')
    const two = createInstruments('two')
    one.counter(actions)
    two.counter(actions)
    expect(one.collector.families).toEqual([actions])
    expect(one.collector.name).toBe('one')
  })
})

test('the loop lag is the worst of this and the previous window, without the sampling interval', () => {
  const time = fakeClock()
  const monitor = {
    max: 0,
    reset() {
      monitor.max = 0
    },
    enable: () => true,
    disable: () => true,
  }
  const lag = createLoopLag(time, monitor)
  expect(lag.seconds()).toBe(0)
  monitor.max = 125e6
  expect(lag.seconds()).toBeCloseTo(0.025, 9)
  time.advance(15_000)
  expect(lag.seconds()).toBeCloseTo(0.025, 9)
  monitor.max = 102e6
  expect(lag.seconds()).toBeCloseTo(0.025, 9)
  time.advance(15_000)
  expect(lag.seconds()).toBeCloseTo(0.002, 9)
  lag.close()
})
