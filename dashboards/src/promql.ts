import { CATALOGUE } from './catalogue.ts'
import { FOREIGN } from './foreign.ts'
import type { LabelValues } from './values.ts'

const KNOWN = { ...CATALOGUE, ...FOREIGN }
type Known = typeof KNOWN
export type Metric = keyof Known
/** Labels of the metric itself; `job` and `instance` are those of the target. */
type LabelOf<N extends Metric> = Known[N]['labels'][number]
type OfType<Type> = { [N in Metric]: Known[N]['type'] extends Type ? N : never }[Metric]
type Gauge = OfType<'gauge'>
type Counter = OfType<'counter'>
type Histogram = OfType<'histogram'>
export type Label = LabelOf<Metric> | 'job' | 'instance' | 'le'

type ValueOf<L> = L extends keyof LabelValues ? LabelValues[L] : string
/** One value, one of several, or (with `not`) none of several. */
type Matcher<Value extends string> = Value | readonly Value[] | { readonly not: readonly Value[] }
type Matchers<N extends Metric> = { readonly [L in LabelOf<N>]?: Matcher<ValueOf<L>> }

/** The labels by which series of the same agent are joined: two targets may watch agents of the same id. */
export const ON_AGENT = 'on (job, instance, agent)'
export const BY_AGENT = 'by (job, instance, agent)'

/** `by (…)` with labels that exist. */
export function by(...labels: readonly Label[]): string {
  return `by (${labels.join(', ')})`
}

/** A legend with labels that exist: legend`RSS @ ${'instance'}`. */
export function legend(texts: TemplateStringsArray, ...labels: readonly Label[]): string {
  return texts.map((text, at) => text + (labels[at] === undefined ? '' : `{{${labels[at]}}}`)).join('')
}

/** Selectors and what may be asked of them, for boards with or without a choice of agents. */
export interface Readings {
  /** The present value of a gauge. */
  gauge<N extends Gauge>(metric: N, matchers?: Matchers<N>): string
  /** Growth per second, over a window that Grafana makes long enough for the scrape interval. */
  rate<N extends Counter>(metric: N, matchers?: Matchers<N>): string
  /** Growth within the shown time, of late counters with their birth. For instant queries. */
  increase<N extends Counter>(metric: N, matchers?: Matchers<N>): string
  /**
   * Growth within one step of a graph, of late counters with their birth: bars that add up to what happened. The graph
   * needs steps of several scrapes.
   */
  steps<N extends Counter>(metric: N, matchers?: Matchers<N>): string
  /** Largest value of a gauge within the shown time, up to its end at every step. */
  peak<N extends Gauge>(metric: N, matchers?: Matchers<N>): string
  /** Growth of a counter within the shown time, up to its end at every step. */
  gained<N extends Counter>(metric: N, matchers?: Matchers<N>): string
  /** A quantile of what a histogram saw, by labels. */
  quantile<N extends Histogram>(
    q: number,
    metric: N,
    labels: readonly LabelOf<N>[],
    matchers?: Matchers<N>,
  ): string
  /** How many observations a histogram had per second. */
  observed<N extends Histogram>(metric: N, matchers?: Matchers<N>): string
  /** 1 where one of the states of a gauge per state is on, nothing elsewhere. */
  is<N extends Gauge>(metric: N, matchers: Matchers<N>): string
}

const TARGET = ['job=~"$job"', 'instance=~"$instance"'] as const

/**
 * Counters that are not there before the first report, because nobody knows the provider and the model before, or
 * whether anything will be reported at all. All others begin with 0, or with what the kernel counted before we came.
 */
const LATE: readonly Metric[] = [
  'agent_deliverables_total',
  'agent_file_operations_total',
  'agent_llm_cost_usd_total',
  'agent_llm_request_failures_total',
  'agent_llm_requests_total',
  'agent_llm_tokens_total',
  'agent_subtasks_spawned_total',
]
/** Longer than a series is missing without having ended: some scrapes, a restart of the exporter. */
export const GAP = '10m'

/**
 * Growth of a counter that is born above 0: `increase` alone loses what a series begins with. A series that was not
 * there before the window, although its exporter was scraped then, began within it, and all it says is growth.
 * Otherwise (the exporter or Prometheus was down, or both are new) it may be an old series that is seen again after a
 * restart, and only its increase counts; the same for one that fell, an agent begun anew under its id.
 */
function growthWithBirth(counter: string, exporter: string, window: string): string {
  // Plus 0: this function alone keeps the name of the metric, and a line would become two.
  return `((last_over_time(${counter}[${window}]) + 0
  unless last_over_time(${counter}[${GAP}] offset ${window})
  unless resets(${counter}[${window}]) > 0
  and on (job, instance) ${exporter} offset ${window})
  or increase(${counter}[${window}]))`
}

/** Metrics whose names other programs have too: only those of exporters, when all jobs are chosen. */
export const SHARED_NAMES = /^(?:up$|process_|nodejs_)/

/**
 * @param agents how per-agent metrics are narrowed: `none` not at all, `one` by a variable with one value (compared as
 * it is), `several` by one with several (Grafana escapes the values and joins them to a regular expression)
 */
export function readings(agents: 'none' | 'one' | 'several'): Readings {
  const agent = { none: [], one: ['agent="$agent"'], several: ['agent=~"$agent"'] }[agents]
  const select = (metric: Metric, matchers: Matchers<Metric> | undefined, suffix = ''): string => {
    const labels: readonly string[] = KNOWN[metric].labels
    const own = Object.entries(matchers ?? {}).map(([label, value]) =>
      matcher(label, value as Matcher<string>),
    )
    const scope = labels.includes('agent') ? agent : []
    return `${metric}${suffix}{${[...TARGET, ...scope, ...own].join(', ')}}`
  }
  const grown = (metric: Metric, matchers: Matchers<Metric> | undefined, window: string): string =>
    LATE.includes(metric)
      ? growthWithBirth(select(metric, matchers), select('agent_exporter_build_info', undefined), window)
      : `increase(${select(metric, matchers)}[${window}])`
  const ours = `and on (job, instance) max_over_time(${select('agent_exporter_build_info', undefined)}[$__range] @ end())`
  const only = (metric: Metric, expression: string): string =>
    SHARED_NAMES.test(metric) ? `(${expression} ${ours})` : expression
  return {
    gauge: (metric, matchers) => only(metric, select(metric, matchers)),
    rate: (metric, matchers) => only(metric, `rate(${select(metric, matchers)}[$__rate_interval])`),
    increase: (metric, matchers) => grown(metric, matchers, '$__range'),
    steps: (metric, matchers) => grown(metric, matchers, '$__interval'),
    peak: (metric, matchers) => `max_over_time(${select(metric, matchers)}[$__range] @ end())`,
    gained: (metric, matchers) => `increase(${select(metric, matchers)}[$__range] @ end())`,
    quantile: (q, metric, labels, matchers) =>
      // NaN where nothing was observed; no comparison is true of it.
      `histogram_quantile(${q}, sum by (${['le', ...labels].join(', ')}) (${only(metric, `rate(${select(metric, matchers, '_bucket')}[$__rate_interval])`)})) >= 0`,
    observed: (metric, matchers) =>
      only(metric, `rate(${select(metric, matchers, '_count')}[$__rate_interval])`),
    is: (metric, matchers) => `${select(metric, matchers)} == 1`,
  }
}

function matcher(label: string, value: Matcher<string>): string {
  if (typeof value === 'string') return `${label}="${value}"`
  if ('not' in value) {
    return value.not.length === 1 ? `${label}!="${value.not[0]}"` : `${label}!~"${value.not.join('|')}"`
  }
  return `${label}=~"${value.join('|')}"`
}

/** The largest at the end of the shown time, and their whole history: a plain topk changes its members at every step. */
export function largest(count: number, expression: string, measure: string): string {
  return `${expression}\nand ${ON_AGENT} topk(${count}, ${measure})`
}
