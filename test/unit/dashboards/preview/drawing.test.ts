import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import type { NamedSeries } from '../../../../dashboards/model/panel-data.ts'
import { bandsOf } from '../../../../dashboards/preview/annotations.ts'
import { cssColour, readableOn } from '../../../../dashboards/preview/colour.ts'
import { html } from '../../../../dashboards/preview/html.ts'
import { graphPanel, stacked } from '../../../../dashboards/preview/panels/graph.ts'
import { columnWidths } from '../../../../dashboards/preview/panels/table.ts'
import { spansOf } from '../../../../dashboards/preview/panels/timeline.ts'
import { boxOf, placesOf } from '../../../../dashboards/preview/place.ts'
import { timeTicks, valueScale } from '../../../../dashboards/preview/ticks.ts'

describe('places', () => {
  it('puts panels side by side with the gaps of Grafana', () => {
    const left = boxOf({ x: 0, y: 0, w: 12, h: 8 }, 1_408)
    const right = boxOf({ x: 12, y: 0, w: 12, h: 8 }, 1_408)
    expect(right.left - (left.left + left.width)).toBe(8)
    expect(left.height).toBe(8 * 30 + 7 * 8)
    expect(right.left + right.width).toBe(1_408)
  })

  it('leaves collapsed rows as lines, or opens them and moves the rest down', () => {
    const inside = { type: 'stat', id: 2, gridPos: { x: 0, y: 1, w: 24, h: 6 } }
    const board = {
      panels: [
        { type: 'row', id: 1, collapsed: true, gridPos: { x: 0, y: 0, w: 24, h: 1 }, panels: [inside] },
        { type: 'stat', id: 3, gridPos: { x: 0, y: 1, w: 24, h: 4 } },
      ],
    } as unknown as Dashboard
    const tops = (rows: 'saved' | 'open'): number[] => placesOf(board, rows).map(({ gridPos }) => gridPos.y)
    expect(tops('saved')).toEqual([0, 1])
    expect(tops('open')).toEqual([0, 1, 7])
  })
})

describe('scales', () => {
  const wish = { low: 0, room: 5, base: 'decimal', least: 0 } as const

  it('has round steps and room above the highest value', () => {
    expect(valueScale({ ...wish, high: 8.2 }).ticks).toEqual([0, 2, 4, 6, 8, 10])
    expect(valueScale({ ...wish, high: 1.5 * 2 ** 30, base: 'binary' }).ticks.at(-1)).toBe(2 * 2 ** 30)
  })

  it('writes no halves of what is counted', () => {
    const { ticks } = valueScale({ ...wish, high: 9.5, room: 4, least: 1 })
    expect(ticks.every(Number.isInteger)).toBe(true)
  })

  it('keeps a limit that the panel sets, and draws a line that is level', () => {
    expect(valueScale({ ...wish, high: 0.4, min: 0, max: 1 })).toMatchObject({ min: 0, max: 1 })
    const level = valueScale({ ...wish, low: 7, high: 7 })
    expect(level.max).toBeGreaterThan(level.min)
  })

  it('marks full hours when there are many', () => {
    const hour = 3_600_000
    expect(timeTicks(0, 6 * hour, 7)).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => n * hour))
  })
})

describe('lines, bars and spans', () => {
  it('stacks what is there and leaves a gap where nothing is', () => {
    expect(
      stacked([
        [1, null, 3],
        [10, 20, null],
      ]),
    ).toEqual([
      [1, null, 3],
      [11, 20, null],
    ])
  })

  it('draws what is mirrored below zero, and lists its numbers as they are', () => {
    const series = (name: string, values: number[], custom: object) =>
      ({
        ...{ name, refId: 'A', labels: {}, times: [0, 60_000], values, look: { unit: 'short', custom } },
        show: (value: number | undefined) => ({ text: `${value} B` }),
      }) as unknown as NamedSeries
    const panel = {
      id: 1,
      fieldConfig: { defaults: { custom: { stacking: { mode: 'none' } } } },
      options: { legend: { displayMode: 'table', placement: 'bottom', calcs: ['max'] } },
    } as unknown as Panel
    const view = { fromMs: 0, toMs: 60_000, width: 400, height: 300, bands: [] }
    const { drawing, body } = graphPanel(
      panel,
      [series('in', [1, 2], {}), series('out', [3, 4], { transform: 'negative-Y' })],
      view,
    )
    expect(drawing.data.slice(1)).toEqual([
      [1, 2],
      [-3, -4],
    ])
    expect(drawing.yMin).toBeLessThanOrEqual(-4)
    expect(body.html).toContain('4 B')
    expect(body.html).not.toContain('-4 B')
  })

  it('makes one span of equal values and ends it where nothing follows', () => {
    const spans = spansOf({ times: [0, 10, 20, 40], values: [1, 1, 2, 2] }, 10)
    expect(spans).toEqual([
      { from: 0, to: 20, value: 1 },
      { from: 20, to: 30, value: 2 },
      { from: 40, to: 50, value: 2 },
    ])
  })

  it('marks once what goes on, and nothing that is zero', () => {
    const times = [0, 60_000, 120_000, 300_000]
    const bands = bandsOf([{ labels: {}, times, values: [1, 1, 0, 1] }], 60_000, 'red')
    expect(bands.map(({ from, to }) => [from, to])).toEqual([
      [0, 60],
      [300, 300],
    ])
  })
})

describe('tables, colours and texts', () => {
  it('gives columns their width and the others at least what Grafana gives them', () => {
    const column = (width?: number) => ({ look: { custom: width === undefined ? {} : { width } } })
    expect(columnWidths([column(100), column(), column()], 700)).toEqual([100, 300, 300])
    expect(columnWidths([column(400), column(), column()], 600)).toEqual([400, 150, 150])
  })

  it('writes with the ink that can be read', () => {
    expect(readableOn(cssColour('yellow'))).toBe('#111217')
    expect(readableOn(cssColour('red'))).toBe('#ffffff')
    expect(cssColour('#123456')).toBe('#123456')
  })

  it('never lets a label become markup', () => {
    expect(html`<b title="${'"x"'}">${'<script>'}${html`<i>${['a&b', false, undefined]}</i>`}</b>`.html).toBe(
      '<b title="&quot;x&quot;">&lt;script&gt;<i>a&amp;b</i></b>',
    )
  })
})
