import { describe, expect, it } from 'vitest'
import { storedBy } from '../../../../dashboards/preview/history/alerts.ts'
import { knownFamilies } from '../../../../dashboards/preview/history/families.ts'
import { createRecording } from '../../../../dashboards/preview/history/recording.ts'
import { simulateHistory } from '../../../../dashboards/preview/history/world.ts'
import { withPalette } from '../../../../dashboards/preview/png.ts'
import { FOREIGN } from '../../../../dashboards/src/foreign.ts'
import { type Family, histogram } from '../../../../src/platform/exposition/family.ts'

const COARSE_SECONDS = 300

describe('the simulated history', () => {
  it('tells only families that an exporter shows, each with exactly its labels', async () => {
    const families = await knownFamilies()
    const labelsOf = (name: string): readonly string[] | undefined => {
      const family = families.get(name.replace(/_(bucket|sum|count)$/, '')) ?? families.get(name)
      const le = name.endsWith('_bucket') ? ['le'] : []
      const foreign: Readonly<Record<string, { readonly labels: readonly string[] }>> = FOREIGN
      return family ? [...family.labels, ...le] : foreign[name]?.labels
    }
    const strange = simulateHistory(families, 1_780_000_000, COARSE_SECONDS).filter(({ metric, labels }) => {
      const own = Object.keys(labels).filter((label) => label !== 'job' && label !== 'instance')
      return own.sort().join() !== labelsOf(metric)?.toSorted().join()
    })
    expect(strange.map(({ metric }) => metric)).toEqual([])
  })

  it('is the same every time', async () => {
    const families = await knownFamilies()
    const [one, other] = [1, 2].map(() => simulateHistory(families, 1_780_000_000, COARSE_SECONDS))
    expect(one).toEqual(other)
  })
})

describe('a recording', () => {
  const FAMILIES = new Map<string, Family>([
    ['agent_api_calls', histogram('agent_api_calls', { labels: ['role'], buckets: [1, 5], help: '' })],
  ])

  it('adds up counters and forgets gauges that are not told again', () => {
    const told = createRecording({ job: 'j', instance: 'i' }, FAMILIES)
    for (const seconds of [1, 2]) {
      told.count('agent_io_read_bytes_total', { agent: 'a' }, 5)
      if (seconds === 1) told.gauge('agent_processes', { agent: 'a' }, 3)
      told.scrape(seconds)
    }
    expect([...told.series.values()].map(({ metric, samples }) => [metric, samples])).toEqual([
      [
        'agent_io_read_bytes_total',
        [
          [1, 5],
          [2, 10],
        ],
      ],
      ['agent_processes', [[1, 3]]],
    ])
  })

  it('counts an observation in every bucket that it is not above', () => {
    const told = createRecording({ job: 'j', instance: 'i' }, FAMILIES)
    told.observe('agent_api_calls', { role: 'coder' }, 3)
    told.scrape(1)
    const buckets = [...told.series.values()].filter(({ metric }) => metric === 'agent_api_calls_bucket')
    expect(buckets.map(({ labels, samples }) => [labels['le'], samples[0]![1]])).toEqual([
      ['1', 0],
      ['5', 1],
      ['+Inf', 1],
    ])
  })
})

describe('alerts as Prometheus stores them', () => {
  const STEP = { holdsFor: 60, keeps: 0, stepSeconds: 30, endSeconds: 600 }
  const stored = (times: readonly number[], more: object = {}) =>
    Object.fromEntries(
      storedBy(times, { alertname: 'A' }, { ...STEP, ...more }).map(({ metric, labels, samples }) => [
        `${metric} ${labels['alertstate'] ?? ''}`.trim(),
        samples,
      ]),
    )

  it('are pending for as long as the rule says, and then fire', () => {
    expect(stored([0, 30, 60])).toEqual({
      'ALERTS pending': [
        [0, 1],
        [30, 1],
      ],
      'ALERTS firing': [[60, 1]],
      ALERTS_FOR_STATE: [
        [0, 0],
        [30, 0],
        [60, 0],
      ],
    })
  })

  it('begin anew after a gap, unless they are kept firing', () => {
    expect(stored([0, 30, 60, 120])['ALERTS pending']).toEqual([
      [0, 1],
      [30, 1],
      [120, 1],
    ])
    expect(stored([0, 30, 60, 120], { keeps: 60 })['ALERTS firing']?.map(([at]) => at)).toEqual([
      60, 90, 120, 150, 180,
    ])
  })
})

describe('a picture', () => {
  it('is refused when it is not of the kind that Chromium writes', () => {
    const header = Buffer.alloc(25)
    header.writeUInt32BE(13, 0)
    header.write('IHDR', 4)
    header[16] = 16
    expect(() => withPalette(Buffer.concat([Buffer.alloc(8), header]))).toThrow(RangeError)
  })
})
