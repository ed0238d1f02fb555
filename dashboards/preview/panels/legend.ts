import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { NamedSeries } from '../../model/panel-data.ts'
import { type Html, html } from '../html.ts'

export interface Coloured {
  readonly one: NamedSeries
  /** As CSS writes it. */
  readonly colour: string
}

interface LegendOptions {
  readonly displayMode: 'table' | 'list'
  readonly placement: 'bottom' | 'right'
  readonly calcs: readonly string[]
  /** The title of a calculation. */
  readonly sortBy?: string
}

interface Calculation {
  readonly title: string
  of(values: readonly number[]): number | undefined
}

const CALCULATIONS: Readonly<Record<string, Calculation>> = {
  lastNotNull: { title: 'Last *', of: (values) => values.at(-1) },
  max: { title: 'Max', of: (values) => (values.length === 0 ? undefined : Math.max(...values)) },
  sum: { title: 'Total', of: (values) => values.reduce((sum, value) => sum + value, 0) },
}

/** What stands below a graph or beside it: names alone, or a line for each series with what is calculated of it. */
export function legendOf(
  panel: Panel,
  lines: readonly Coloured[],
): { readonly kind: 'names' | 'table' | 'beside'; readonly text: Html } {
  const { legend } = panel.options as { legend: LegendOptions }
  if (legend.displayMode === 'list') {
    return {
      kind: 'names',
      text: html`${lines.map((line) => html`<span class="name">${key(line)}${line.one.name}</span>`)}`,
    }
  }
  return { kind: legend.placement === 'right' ? 'beside' : 'table', text: tableOf(legend, lines) }
}

function tableOf({ calcs, sortBy }: LegendOptions, lines: readonly Coloured[]): Html {
  const calculations = calcs.map((name) => {
    const found = CALCULATIONS[name]
    if (found === undefined) throw new RangeError(`the preview does not know the calculation ${name}`)
    return found
  })
  const rows = lines.map((line) => {
    const values = line.one.values.filter(
      (value) => value !== undefined && Number.isFinite(value),
    ) as number[]
    return { line, results: calculations.map((calculation) => calculation.of(values)) }
  })
  const by = calculations.findIndex(({ title }) => title === sortBy)
  const sorted =
    by === -1
      ? rows
      : rows.toSorted((a, b) => (b.results[by] ?? -Infinity) - (a.results[by] ?? -Infinity) || 0)
  return html`<table>
    <tr><th>Name</th>${calculations.map(({ title }) => html`<th class="number">${title}</th>`)}</tr>
    ${sorted.map(
      ({ line, results }) => html`<tr>
        <td>${key(line)}<span class="name">${line.one.name}</span></td>
        ${results.map((result) => html`<td class="number">${line.one.show(result).text}</td>`)}
      </tr>`,
    )}
  </table>`
}

function key({ one, colour }: Coloured): Html {
  const kind = one.look.custom['lineStyle'] ? 'key dashed' : 'key'
  return html`<span class="${kind}" style="--colour:${colour}"></span>`
}
