import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptsGzip, negotiate } from '../../../../src/platform/exposition/negotiate.ts'

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

describe('Accept', () => {
  test.each<[string, string | undefined, string]>([
    ['nothing', undefined, TEXT],
    ['an empty header', '', TEXT],
    ['curl', '*/*', TEXT],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8', TEXT],
    [
      'Prometheus 2.42',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      OPEN,
    ],
    [
      'Prometheus 3, which asks for an escaping',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      `${OPEN}; escaping=underscores`,
    ],
    [
      'Prometheus 3 with protobuf first',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3',
      OPEN,
    ],
    ['only an OpenMetrics that we do not speak', 'application/openmetrics-text;version=0.0.1', TEXT],
    ['a newer OpenMetrics', 'application/openmetrics-text;version=2.0.0,text/plain;q=0.1', TEXT],
    ['OpenMetrics without a version', 'application/openmetrics-text', OPEN],
    ['OpenMetrics in capitals', 'Application/OpenMetrics-Text; Version=1.0.0', OPEN],
    ['a quoted version', 'application/openmetrics-text; version="1.0.0"', OPEN],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0, text/plain;q=0.1', TEXT],
    ['text preferred', 'application/openmetrics-text;q=0.4,text/plain;version=0.0.4;q=0.5', TEXT],
    ['equal weight, text first', 'text/plain,application/openmetrics-text', TEXT],
    ['equal weight, OpenMetrics first', 'application/openmetrics-text,text/plain', OPEN],
    ['text with the escaping of another', 'text/plain;version=1.0.0;escaping=values,text/plain', TEXT],
    ['something else', 'application/json', TEXT],
    ['a q that is none', 'application/openmetrics-text;q=2,text/plain;q=0.1', TEXT],
    ['a negative q', 'application/openmetrics-text;q=-1', TEXT],
    ['commas and semicolons in quotes', 'text/html;a="x,application/openmetrics-text;q=1"', TEXT],
    ['an open quote', 'text/html;a="x,application/openmetrics-text', TEXT],
    ['only separators', ',,;;=,;q=', TEXT],
    [
      'a header longer than any scraper sends',
      `${'text/html,'.repeat(1000)}application/openmetrics-text`,
      TEXT,
    ],
  ])('%s', (_, accept, contentType) => {
    expect(negotiate(accept)).toEqual({
      contentType,
      format: contentType === TEXT ? 'text' : 'openmetrics',
    })
  })

  test('anything else gets one of the two types and never throws', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'application/openmetrics-text',
        'text/plain',
        ';',
        ',',
        '=',
        '"',
        '\\',
        'q=',
        '0.5',
        'version=1.0.0',
      ),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const { format, contentType } = negotiate(pieces.join(''))
        expect(contentType.replace('; escaping=underscores', '')).toBe(format === 'text' ? TEXT : OPEN)
        acceptsGzip(pieces.join(''))
      }),
    )
  })

  test('a hostile header costs no more than a long one', () => {
    for (const hostile of ['"'.repeat(4096), '"\\'.repeat(2048), ';='.repeat(2048), 'a;b="'.repeat(800)]) {
      expect(negotiate(hostile).format).toBe('text')
    }
  })
})

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['gzip, deflate, br', true],
  ['GZIP', true],
  ['x-gzip', true],
  ['gzip;q=0', false],
  ['gzip;q=0.000', false],
  ['gzip;q=0.001', true],
  ['*', true],
  ['*;q=0', false],
  ['*;q=0, gzip', true],
  ['gzip;q=0, *', false],
  ['identity', false],
  ['identity;q=1, gzip;q=0.5', false],
  ['identity;q=0.5, gzip;q=1.0', true],
  ['br', false],
])('Accept-Encoding %j: gzip %j', (header, expected) => {
  expect(acceptsGzip(header)).toBe(expected)
})
