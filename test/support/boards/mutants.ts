import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { panelsOf } from './boards.ts'
import { type Change, changesOf, type Operator } from './json-sites.ts'

const QUERY = /targets\.\d+\.expr$/
const MATCHER = /overrides\.\d+\.matcher\.options$/
const UNIT =
  /^(?:none|short|bytes|binBps|s|ops|dtdurations|percentunit|currencyUSD|dateTimeFromNow|bool_yes_no|suffix:.*)$/g

/** Misspelt. */
const x = (found: string): string => `${found}x`
const nothing = (): string => ''

/** Faults in an expression, wherever it stands. */
function ofQueries(at: RegExp): Operator[] {
  return [
    { name: 'a metric is misspelt', at, text: /\b[a-zA-Z_]\w*(?=\{)/g, becomes: x },
    { name: 'a label is misspelt', at, text: /(?<=[{ ])\w+(?=!?=~?")/g, becomes: x },
    { name: 'a value is misspelt', at, text: /(?<==~?")[^"$]+(?=")/g, becomes: x },
    { name: 'several are compared as one', at, text: /=~(?="\$)/g, becomes: () => '=' },
    { name: 'a variable is misspelt', at, text: /(?<="\$)\w+/g, becomes: x },
    { name: 'a choice is forgotten', at, text: /\w+=~?"\$\w+\|?"(?:, )?/g, becomes: nothing },
    { name: 'a bracket is left open', at, text: /\)$/g, becomes: nothing },
    { name: 'a group has a misspelt label', at, text: /(?<=by \([^)]*?)\b\w+\b/g, becomes: x },
    { name: 'a join has a misspelt label', at, text: /(?<=on \([^)]*?)\b\w+\b/g, becomes: x },
    { name: 'a join loses a label', at, text: /(?<=on \([^)]*?)\b\w+\b(?:, )?/g, becomes: nothing },
  ]
}

/** Faults of single words and parts of a panel: what is misspelt, forgotten, or of another kind. */
const OF_PANELS: readonly Operator[] = [
  ...ofQueries(QUERY),
  { name: 'a group loses a label', at: QUERY, text: /(?<=by \([^)]*?)\b\w+\b(?:, )?/g, becomes: nothing },
  { name: 'a group loses all labels', at: QUERY, text: / by \([^)]+\)/g, becomes: nothing },
  {
    name: 'a window is written',
    at: QUERY,
    text: /\$__(?:rate_interval|interval|range)(?=\])/g,
    becomes: () => '5m',
  },
  {
    name: 'the window of another question',
    at: QUERY,
    text: /\$__(?:rate_interval|interval|range)(?=\])/g,
    becomes: (found) => (found === '$__range' ? '$__rate_interval' : '$__range'),
  },
  { name: 'a rate instead of growth', at: QUERY, text: /\bincrease(?=\()/g, becomes: () => 'rate' },
  { name: 'growth instead of a rate', at: QUERY, text: /\brate(?=\()/g, becomes: () => 'increase' },
  {
    name: 'a counter as it stands',
    at: QUERY,
    text: /\b(?:rate|increase)\([^[]+\[\$__\w+\](?: @ end\(\))?\)/g,
    becomes: (found) => found.replace(/^\w+\(/, '').replace(/\[.*$/, ''),
  },
  { name: 'a legend is removed', at: /legendFormat$/, text: /^.+$/g, becomes: nothing },
  { name: 'a label of a legend is misspelt', at: /legendFormat$/, text: /\{\{\w+(?=\}\})/g, becomes: x },
  {
    name: 'a label of a legend is forgotten',
    at: /legendFormat$/,
    text: /(?: @ )?\{\{\w+\}\}/g,
    becomes: nothing,
  },
  { name: 'a query is called otherwise', at: /refId$/, text: /^[A-Z]$/g, becomes: x },
  { name: 'a query of another kind', at: /targets\.\d+\.(?:instant|range)$/, change: 'flag' },
  {
    name: 'a table as a series',
    at: /targets\.\d+\.format$/,
    text: /^table$/g,
    becomes: () => 'time_series',
  },
  { name: 'a fixed data source', at: /datasource\.uid$/, text: /^.+$/g, becomes: () => 'abc' },
  { name: 'an override of nothing', at: MATCHER, text: /^.+$/g, becomes: x },
  {
    name: 'a column without its title',
    at: /properties\.\d+\.id$/,
    text: /^displayName$/g,
    becomes: () => 'min',
  },
  {
    name: 'a column that is not hidden',
    at: /properties\.\d+\.id$/,
    text: /^custom\.hidden$/g,
    becomes: () => 'min',
  },
  {
    name: 'a cell without its text for nothing',
    at: /properties\.\d+\.id$/,
    text: /^noValue$/g,
    becomes: () => 'min',
  },
  {
    name: 'another unit',
    at: /(?:defaults\.unit|properties\.\d+\.value)$/,
    text: UNIT,
    becomes: (unit) => (unit === 'bytes' ? 's' : 'bytes'),
  },
  { name: 'a unit that is none', at: /defaults\.unit$/, text: /^.+$/g, becomes: () => 'cores' },
  {
    name: 'a word for no value',
    at: /mappings\.\d+\.options\.\w+$|value\.\d+\.options\.\w+$/,
    change: 'key',
  },
  { name: 'a value without its word', at: /value\.\d+\.options\.\w+$/, change: 'drop' },
  {
    name: 'a text is left out',
    at: /^(?:title|description)$|defaults\.noValue$/,
    text: /^[\s\S]+$/g,
    becomes: nothing,
  },
  {
    name: 'red without a word',
    at: /^description$/,
    text: /\*\*When it is red:\*\*[\s\S]*$/g,
    becomes: nothing,
  },
  { name: 'the runbook of nobody', at: /^description$/, text: /(?<=runbooks\.md#)\w+/g, becomes: x },
  {
    name: 'a colour of its own',
    at: /(?:steps\.\d+\.color|fixedColor)$/,
    text: /^.+$/g,
    becomes: () => 'pink',
  },
  { name: 'an order by nothing', at: /sortBy\.\d+\.displayName$/, text: /^.+$/g, becomes: x },
  { name: 'a place for nothing', at: /(?:excludeByName|indexByName)\.[^.]+$/, change: 'key' },
  { name: 'a column without a place', at: /(?:excludeByName|indexByName)\.[^.]+$/, change: 'drop' },
  { name: 'a transformation is forgotten', at: /transformations\.\d+$/, change: 'drop' },
  { name: 'a link to no board', at: /url$/, text: /(?<=\/d\/)[\w-]+/g, becomes: x },
  { name: 'a link with no variable', at: /url$/, text: /(?<=var-)\w+/g, becomes: x },
  {
    name: 'a link with no field',
    at: /url$/,
    text: /(?<=\$\{__(?:data\.fields|field\.labels)\.)\w+/g,
    becomes: x,
  },
  {
    name: 'a link from another kind of panel',
    at: /url$/,
    text: /__(?:data\.fields|field\.labels)/g,
    becomes: (found) => (found === '__data.fields' ? '__field.labels' : '__data.fields'),
  },
  { name: 'a link to no page', at: /url$/, text: /(?<=\/ui\/)\w+/g, becomes: x },
  {
    name: 'a link without the data source',
    at: /url$/,
    text: /\$\{datasource:queryparam\}&?/g,
    becomes: nothing,
  },
  {
    name: 'the last value even if there is none',
    at: /reduceOptions\.calcs\.0$/,
    text: /^lastNotNull$/g,
    becomes: () => 'last',
  },
  { name: 'a hidden legend', at: /^options\.legend\.showLegend$/, change: 'off' },
  { name: 'steps that are too short', at: /^interval$/, change: 'drop' },
]

const VARIABLE_QUERY = /templating\.list\.\d+\.query\.query$/
const MARK = /annotations\.list\.\d+\.expr$/

/** Faults of what all panels of a board share. */
const OF_BOARDS: readonly Operator[] = [
  ...ofQueries(MARK),
  ...ofQueries(VARIABLE_QUERY).filter(({ name }) => name !== 'a bracket is left open'),
  { name: 'values of no label', at: VARIABLE_QUERY, text: /\w+(?=\)$)/g, becomes: x },
  { name: 'no query', at: VARIABLE_QUERY, text: /^label_values/g, becomes: x },
  { name: 'a variable of another name', at: /templating\.list\.\d+\.name$/, text: /^\w+$/g, becomes: x },
  { name: 'values that stay', at: /templating\.list\.\d+\.refresh$/, change: 'drop' },
  { name: 'one at a time', at: /templating\.list\.\d+\.multi$/, change: 'flag' },
  { name: 'no text for all', at: /templating\.list\.\d+\.allValue$/, change: 'drop' },
  { name: 'a fixed data source', at: /datasource\.uid$/, text: /^\$\{datasource\}$/g, becomes: () => 'abc' },
  {
    name: 'a mark with no label',
    at: /annotations\.list\.\d+\.(?:titleFormat|textFormat)$/,
    text: /\w+(?=\}\})/g,
    becomes: x,
  },
  { name: 'a mark with no tag', at: /annotations\.list\.\d+\.tagKeys$/, text: /\w+/g, becomes: x },
  { name: 'another address', at: /^uid$/, text: /^.+$/g, becomes: () => 'Fleet' },
  { name: 'a tag is lost', at: /^tags\.\d+$/, change: 'drop' },
  { name: 'a link is lost', at: /^links\.\d+$/, change: 'drop' },
  { name: 'a link to no board', at: /^links\.\d+\.url$/, text: /^.+$/g, becomes: x },
  { name: 'edited in the browser', at: /^editable$/, change: 'flag' },
  { name: 'no crosshair', at: /^graphTooltip$/, change: 'drop' },
  { name: 'no refresh', at: /^refresh$/, change: 'drop' },
]

/** A board of one panel or of none, and every fault of it. */
export interface Subject {
  readonly name: string
  readonly board: Dashboard
  faults(): Generator<Change<Dashboard>>
}

export function subjectsOf(board: Dashboard): Subject[] {
  const shared: Dashboard = { ...board, panels: [] }
  return [
    { name: board.uid!, board: shared, faults: () => changesOf(shared, OF_BOARDS) },
    ...panelsOf(board).map((panel): Subject => {
      const alone = (one: typeof panel): Dashboard => ({ ...board, annotations: {}, panels: [one] })
      return {
        name: `${board.uid} ${panel.title}`,
        board: alone(panel),
        *faults() {
          for (const one of changesOf(panel, OF_PANELS)) yield { ...one, json: alone(one.json) }
        },
      }
    }),
  ]
}
