import type { Dashboard, Panel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import type { Answer } from '../../../dashboards/model/answers.ts'
import { type Choice, type Chosen, interpolateVariables } from '../../../dashboards/model/interpolate.ts'
import { interpolateTimes, intervalsOf } from '../../../dashboards/model/intervals.ts'
import { parseDuration } from '../../../src/platform/duration.ts'
import { queryOf } from './linter-rules.ts'

/** What somebody looks at: from when to when, how wide, and how often the data source says it is scraped. */
export interface View {
  /** Seconds since the epoch. */
  readonly from: number
  readonly to: number
  /** Of the panel, in pixels. */
  readonly width: number
  readonly scrapeMs: number
}

export type Choices = Readonly<Record<string, Choice>>

/** A request to Prometheus as Grafana makes it. */
export interface Request {
  readonly path: string
  readonly form: Readonly<Record<string, string>>
}

/** What came back, whether it was an answer or a refusal. */
export interface Told {
  readonly error: string | undefined
  readonly warnings: readonly string[]
  readonly answer: Answer
  /** Points that a series without a gap has. */
  readonly points: number
}

const NOTHING: Answer = { resultType: 'vector', result: [] }

/** The request of one query of a panel, times and variables filled in. Also used for annotations: a panel with a step. */
export function requestOf(
  panel: Pick<Panel, 'interval' | 'maxDataPoints'>,
  { expr, instant, interval }: Pick<Dataquery, 'expr' | 'instant' | 'interval'>,
  variables: readonly VariableModel[],
  choices: Choices,
  { from, to, width, scrapeMs }: View,
): Request {
  const ms = (text: string | undefined) => (text === undefined ? undefined : parseDuration(text))
  const intervals = intervalsOf({
    ...{ rangeMs: (to - from) * 1_000, points: panel.maxDataPoints ?? width, scrapeMs },
    ...{ panelMs: ms(panel.interval), queryMs: ms(interval) },
  })
  const query = interpolateTimes(interpolateVariables(expr, variables, choices), intervals)
  if (instant === true) return { path: '/api/v1/query', form: { query, time: String(to) } }
  const step = intervals.stepMs / 1_000
  // Grafana floors both, so that a refresh shows the same points.
  const floored = (seconds: number) => String(Math.floor(seconds / step) * step)
  return {
    path: '/api/v1/query_range',
    form: { query, start: floored(from), end: floored(to), step: String(step) },
  }
}

/** The step by which the times of a panel are floored, in seconds; of an instant query 0. */
export function stepOf({ form }: Request): number {
  return Number(form['step'] ?? 0)
}

/** Asks for values of a variable: what may be chosen. */
function optionsRequest(
  variable: VariableModel,
  choices: Choices,
  variables: readonly VariableModel[],
  view: View,
): Request {
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(queryOf(variable) ?? '') ?? []
  if (selector === undefined) throw new Error(`${variable.name} asks for no values of a label`)
  const form = {
    'match[]': interpolateVariables(selector, variables, choices),
    ...{ start: String(view.from), end: String(view.to) },
  }
  return { path: `/api/v1/label/${label}/values`, form }
}

interface Reply {
  readonly status: string
  readonly error?: string
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
  readonly data?: Answer
}

/** One who asks a Prometheus; what was asked before is not asked again. */
export interface Asker {
  ask(request: Request): Promise<Told>
  /** Values of a label; always by GET, as Grafana does. */
  options(request: Request): Promise<readonly string[]>
  /** Every request that was sent, with how long it took. */
  readonly asked: ReadonlyMap<string, number>
}

export function createAsker(url: string): Asker {
  const known = new Map<string, Promise<Told>>()
  const asked = new Map<string, number>()
  async function send({ path, form }: Request): Promise<Told> {
    const from = performance.now()
    const response = await fetch(`${url}${path}`, { method: 'POST', body: new URLSearchParams(form) })
    const { status, error, warnings = [], infos = [], data = NOTHING } = (await response.json()) as Reply
    asked.set(`${path} ${JSON.stringify(form)}`, performance.now() - from)
    const { start, end, step } = form
    const points = step === undefined ? 1 : (Number(end) - Number(start)) / Number(step) + 1
    return {
      error: status === 'success' ? undefined : (error ?? `HTTP ${response.status}`),
      ...{ warnings: [...warnings, ...infos], answer: data, points },
    }
  }
  return {
    asked,
    ask(request) {
      const key = `${request.path} ${JSON.stringify(request.form)}`
      const before = known.get(key) ?? send(request)
      known.set(key, before)
      return before
    },
    async options({ path, form }) {
      const response = await fetch(`${url}${path}?${new URLSearchParams(form)}`)
      const { status, error, data } = (await response.json()) as Omit<Reply, 'data'> & { data: string[] }
      if (status !== 'success') throw new Error(`${JSON.stringify(form)}: ${error}`)
      return data
    },
  }
}

/**
 * What is chosen for each variable, everything unless told otherwise. The options are asked one after the other, as
 * they depend on each other.
 */
export async function chosen(
  board: Dashboard,
  asker: Asker,
  view: View,
  picked: Readonly<Record<string, Chosen>> = {},
): Promise<Choices> {
  const variables = board.templating.list ?? []
  const choices: Record<string, Choice> = {}
  for (const variable of variables) {
    if (variable.type !== 'query') continue
    const options = await asker.options(optionsRequest(variable, choices, variables, view))
    choices[variable.name] = { chosen: picked[variable.name] ?? '$__all', options }
  }
  return choices
}
