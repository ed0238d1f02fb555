import { describe, expect, test } from 'vitest'
import { createCatalogue } from '../../../../src/platform/exposition/catalogue.ts'
import { counter, type Family, gauge, histogram } from '../../../../src/platform/exposition/family.ts'

const help = 'Words.'
const refusal = (...families: Family[]) => {
  try {
    createCatalogue(families)
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('what the catalogue refuses', () => {
  test.each<[string, Family, string]>([
    ['capitals', gauge('agentName', { help }), 'lower_snake_case'],
    ['a colon', gauge('agent:rss', { help }), 'lower_snake_case'],
    ['the prefix of Prometheus', gauge('scrape_agents', { help }), 'scrape_'],
    ['a counter without _total', counter('agent_restarts', { help }), 'must end in _total'],
    ['a gauge with _total', gauge('agent_restarts_total', { help }), 'only a counter'],
    ['a gauge named like a part of a histogram', gauge('agent_use_count', { help }), '_count'],
    ['a counter named like a sum', counter('agent_use_sum_total', { help }), '_sum'],
    ['_created', gauge('agent_created', { help }), '_created'],
    ['an info without labels', gauge('agent_info', { help }), '_info'],
    ['an info counter', counter('agent_info_total', { labels: ['agent'], help }), '_info'],
    [
      'a unit that is not the suffix',
      gauge('agent_bytes_rss', { unit: 'bytes', help }),
      'the end of the name',
    ],
    ['a unit after _total', counter('agent_cpu_total', { unit: 'seconds', help }), 'the end of the name'],
    ['a unit that is only in the name', gauge('agent_rss_bytes', { help }), 'the name says bytes'],
    ['half of the unit', gauge('agent_x_bytes_per_second', { help }), 'the name says bytes_per_second'],
    ['a target label', gauge('agent_x', { labels: ['instance'], help }), 'label instance is never used'],
    ['le', gauge('agent_x', { labels: ['le'], help }), 'label le is never used'],
    ['a label with a dash', gauge('agent_x', { labels: ['a-b'], help }), 'label a-b'],
    ['a reserved label', gauge('agent_x', { labels: ['__name__'], help }), 'label __name__'],
    ['a label twice', gauge('agent_x', { labels: ['a', 'a'], help }), 'named twice'],
    ['no help', gauge('agent_x', { help: '  ' }), 'help must be a sentence'],
    ['two lines of help', gauge('agent_x', { help: 'a\nb' }), 'one line'],
    ['no buckets', histogram('agent_x', { help, buckets: [] }), 'needs a bucket'],
    ['buckets that fall', histogram('agent_x', { help, buckets: [1, 3, 2] }), 'ascend'],
    ['an infinite bucket', histogram('agent_x', { help, buckets: [1, Infinity] }), 'finite'],
  ])('%s', (_, family, message) => {
    expect(refusal(family)).toContain(message)
    expect(refusal(family)).toContain(family.name)
  })

  test('two different declarations of one name', () => {
    expect(refusal(gauge('agent_x', { help }), gauge('agent_x', { help: 'Other.' }))).toContain('differently')
  })

  test('names that two families would print', () => {
    expect(
      refusal(histogram('agent_x', { help, buckets: [1] }), gauge('agent_x_bucket', { help })),
    ).toContain('agent_x')
    expect(refusal(counter('agent_x_total', { help }), gauge('agent_x', { help }))).toContain(
      'already a name',
    )
  })

  test('names all faults at once', () => {
    const message = refusal(gauge('agent_A', { help }), counter('agent_b', { help }))
    expect(message).toContain('agent_A')
    expect(message).toContain('agent_b')
  })
})

test('a family declared alike by two rooms is one family, whichever object is used', () => {
  const one = counter('agent_cpu_seconds_total', { unit: 'seconds', labels: ['agent'], help })
  const two = counter('agent_cpu_seconds_total', { unit: 'seconds', labels: ['agent'], help })
  const catalogue = createCatalogue([one, two])
  expect(catalogue.families).toEqual([one])
  expect(catalogue.has(two)).toBe(true)
  expect(catalogue.indexOf(two)).toBe(0)
  expect(catalogue.has(counter('agent_cpu_seconds_total', { unit: 'seconds', help }))).toBe(false)
  expect(catalogue.has(gauge('agent_unknown', { help }))).toBe(false)
})
