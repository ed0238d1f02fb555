import type { SeriesLabels } from './answers.ts'
import type { Shown } from './display.ts'
import type { Column } from './panel-data.ts'

/** What was clicked: a row of a table, or the labels of a series or a bar. */
export type Clicked =
  | { readonly columns: readonly Column[]; readonly row: readonly Shown[] }
  | { readonly labels: SeriesLabels }

const FIELD = /\$\{__(?:data\.fields|field\.labels)\.(\w+)(:percentencode)?\}/g

/**
 * The address that a link of a value leads to. A cell gives its text as it is shown, mapping, unit and the text for
 * nothing included; what is not there stays as it is written.
 *
 * @param values the variables of the board and Grafana's own, `${datasource:queryparam}` for one, as they are written
 * @see grafana-data: field/getFieldDisplayValuesProxy.ts
 */
export function addressOf(
  url: string,
  clicked: Clicked,
  values: Readonly<Record<string, string>> = {},
): string {
  const filled = url.replace(FIELD, (whole, name: string, encode: string | undefined) => {
    const text = 'labels' in clicked ? clicked.labels[name] : textOf(clicked, name)
    if (text === undefined) return whole
    return encode === undefined ? text : percentEncode(text)
  })
  return Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), filled)
}

function textOf({ columns, row }: Extract<Clicked, { row: unknown }>, name: string): string | undefined {
  const at = columns.findIndex((one) => one.name === name)
  const byTitle = at === -1 ? columns.findIndex(({ look }) => look.displayName === name) : at
  return row[byTitle]?.text
}

/** Everything but what RFC 3986 calls unreserved. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
