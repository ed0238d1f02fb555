import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../../dashboards/model/answers.ts'
import { addressOf } from '../../../../dashboards/model/data-links.ts'
import { type PanelData, panelData, type TableData } from '../../../../dashboards/model/panel-data.ts'

const NOW = 1_735_732_800_000
const SECONDS = NOW / 1000

/** As `api/v1/query` answers. */
function vector(...rows: readonly (readonly [Record<string, string>, string])[]): Answer {
  return {
    resultType: 'vector',
    result: rows.map(([metric, value]) => ({ metric, value: [SECONDS, value] })),
  }
}

const A = { agent: 'planner', instance: 'one:10780' }
const B = { agent: '007', instance: 'two:10780' }

function panelOf(type: string, targets: readonly object[], rest: object = {}): Panel {
  return { type, targets, fieldConfig: { defaults: {}, overrides: [] }, ...rest } as unknown as Panel
}

describe('a table of several queries', () => {
  const tables = ['A', 'B', 'C'].map((refId) => ({ refId, format: 'table', instant: true, expr: refId }))
  const panel = panelOf('table', tables, {
    options: { sortBy: [{ displayName: 'Memory', desc: true }] },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true, 'Value #A': true },
          indexByName: { agent: 0, state: 1, 'Value #B': 2, 'Value #C': 3, instance: 4 },
          renameByName: {},
        },
      },
    ],
    fieldConfig: {
      defaults: { unit: 'none', noValue: 'No agents' },
      overrides: [
        override('byName', 'agent', { displayName: 'Agent', unit: 'string' }),
        override('byName', 'state', {
          mappings: [{ type: 'value', options: { paused: { text: 'Paused', color: 'blue' } } }],
        }),
        override('byName', 'Value #B', { displayName: 'Memory', unit: 'bytes', decimals: 0 }),
        override('byRegexp', '/#C$/', {
          thresholds: {
            mode: 'absolute',
            steps: [
              { value: null, color: 'text' },
              { value: 1, color: 'red' },
            ],
          },
          noValue: '–',
        }),
        override('byName', 'instance', { 'custom.hidden': true }),
      ],
    },
  })
  const data = table(
    panelData(
      panel,
      {
        A: vector([{ ...A, state: 'paused' }, '1'], [{ ...B, state: 'idle' }, '1']),
        B: vector([A, '1024'], [B, '4096']),
        C: vector([A, '1']),
      },
      { now: NOW },
    ),
  )

  it('has a row for each thing, sorted', () => {
    expect(data.columns.map(({ title }) => title)).toEqual([
      'Agent',
      'state',
      'Memory',
      'Value #C',
      'instance',
    ])
    expect(data.rows.map((row) => row.map(({ text }) => text))).toEqual([
      ['007', 'idle', '4 KiB', '–', 'two:10780'],
      ['planner', 'Paused', '1 KiB', '1', 'one:10780'],
    ])
  })

  it('hides columns and keeps them for links', () => {
    expect(data.columns.filter(({ isHidden }) => isHidden).map(({ name }) => name)).toEqual(['instance'])
    const url =
      '/d/x?var-agent=${__data.fields.agent:percentencode}&i=${__data.fields.instance:percentencode}'
    const [row] = data.rows
    expect(addressOf(url, { columns: data.columns, row: row! })).toBe('/d/x?var-agent=007&i=two%3A10780')
  })

  it('has colours by mapping and by threshold', () => {
    expect(data.rows[1]!.map(({ colour }) => colour)).toEqual(['green', 'blue', 'red', 'red', 'green'])
  })

  it('keeps its names and rows when a query finds nothing', () => {
    const { columns, rows } = table(
      panelData(
        panel,
        { A: vector([{ ...A, state: 'idle' }, '1']), B: vector([A, '1024'], [B, '4096']), C: vector() },
        { now: NOW },
      ),
    )
    expect(columns.map(({ name }) => name)).toEqual(['agent', 'state', 'Value #B', 'Value #C', 'instance'])
    expect(rows.map((row) => row.map(({ text }) => text))).toEqual([
      ['007', 'No agents', '4 KiB', '–', 'two:10780'],
      ['planner', 'idle', '1 KiB', '–', 'one:10780'],
    ])
  })

  it('of nothing is the text for nothing', () => {
    expect(panelData(panel, { A: vector(), B: vector(), C: vector() }, { now: NOW })).toEqual({
      kind: 'nothing',
      text: 'No agents',
    })
  })
})

it('a text that looks like a number is written as one unless its unit is "string"', () => {
  const texts = (unit: string) => {
    const panel = panelOf('table', [{ refId: 'A', format: 'table', expr: 'x' }], {
      fieldConfig: { defaults: { unit: 'none' }, overrides: [override('byName', 'agent', { unit })] },
    })
    return table(panelData(panel, { A: vector([{ agent: '1e3' }, '5']) }, { now: NOW })).rows[0]!.map(
      ({ text }) => text,
    )
  }
  expect([texts('none').slice(1), texts('string').slice(1)]).toEqual([
    ['1000', '5'],
    ['1e3', '5'],
  ])
})

describe('numbers of now', () => {
  const targets = [
    { refId: 'A', instant: true, expr: 'a', legendFormat: '{{agent}} @ {{ nothing }}' },
    { refId: 'B', instant: true, expr: 'b', legendFormat: 'all' },
  ]
  const panel = panelOf('bargauge', targets, {
    fieldConfig: {
      defaults: { unit: 'percentunit', decimals: 0, noValue: 'None' },
      overrides: [
        override('byFrameRefID', 'A', { color: { mode: 'fixed', fixedColor: 'red' } }),
        override('byName', 'all', { color: { mode: 'fixed', fixedColor: 'blue' } }),
      ],
    },
  })

  it('are called by their legends and coloured by their queries', () => {
    const data = panelData(panel, { A: vector([A, '0.5']), B: vector([{}, 'NaN']) }, { now: NOW })
    expect(
      data.kind === 'values' && data.values.map(({ name, text, colour }) => [name, text, colour]),
    ).toEqual([
      ['planner @ ', '50%', 'red'],
      ['all', 'None', 'blue'],
    ])
  })

  it('have labels for their links', () => {
    const url = 'http://${__field.labels.instance}/ui/agents/${__field.labels.agent:percentencode}'
    expect(addressOf(url, { labels: { agent: "a(b)'", instance: 'h:1' } })).toBe(
      'http://h:1/ui/agents/a%28b%29%27',
    )
  })
})

describe('a history', () => {
  const answer: Answer = {
    resultType: 'matrix',
    result: [
      {
        metric: { __name__: 'up', job: 'x' },
        values: [
          [SECONDS, '1'],
          [SECONDS + 15, '+Inf'],
          [SECONDS + 60, '3'],
        ],
      },
    ],
  }
  const line = (legendFormat: string | undefined) => {
    const panel = panelOf('timeseries', [{ refId: 'A', range: true, expr: 'up', legendFormat }])
    const data = panelData(panel, { A: answer }, { now: NOW, stepMs: 15_000 })
    return data.kind === 'series' ? data.series[0]! : undefined
  }

  it('is interrupted where samples are missing', () => {
    expect(line('{{job}}')!.times.map((at) => (at - NOW) / 1000)).toEqual([0, 15, 30, 60])
    expect(line('{{job}}')!.values).toEqual([1, Infinity, undefined, 3])
  })

  it('is called by its labels when it has no legend', () => {
    expect([line('{{job}}')!.name, line(undefined)!.name]).toEqual(['x', 'up{job="x"}'])
  })
})

it.each<[string, object, string]>([
  ['a transformation', { transformations: [{ id: 'joinByLabels', options: {} }] }, 'joinByLabels'],
  [
    'a matcher',
    { fieldConfig: { defaults: {}, overrides: [override('byValue', 1, {})] } },
    'the matcher byValue',
  ],
  [
    'a mapping',
    { fieldConfig: { defaults: { mappings: [{ type: 'range', options: {} }] }, overrides: [] } },
    'of the type range',
  ],
])('%s that has no model is refused rather than left out', (_, rest, message) => {
  const panel = panelOf('stat', [{ refId: 'A', expr: 'x', legendFormat: 'x' }], rest)
  expect(() => panelData(panel, { A: vector([{}, '1']) }, { now: NOW })).toThrow(message)
})

function override(id: string, options: unknown, properties: object) {
  return {
    matcher: { id, options },
    properties: Object.entries(properties).map(([property, value]) => ({ id: property, value })),
  }
}

function table(data: PanelData): TableData {
  if (data.kind !== 'table') throw new Error(`a table was expected, it is ${data.kind}`)
  return data
}
