import type {
  AnnotationQuery,
  Dashboard,
  Panel,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { parseDuration } from '../../src/platform/duration.ts'
import { type Answer, seriesOf } from '../model/answers.ts'
import { type Choice, type Chosen, interpolateVariables } from '../model/interpolate.ts'
import { type Intervals, interpolateTimes, intervalsOf } from '../model/intervals.ts'
import { type PanelData, panelData } from '../model/panel-data.ts'
import { type Band, bandsOf, type PrometheusAnnotation } from './annotations.ts'
import { type Placed, placesOf } from './place.ts'
import { askInstant, askLabelValues, askRange } from './query.ts'

/** Where the numbers come from, and what is chosen. */
export interface Source {
  readonly url: string
  readonly fromMs: number
  readonly toMs: number
  readonly scrapeMs: number
  /** Values of variables by name; the others keep what the board says. */
  readonly chosen: Readonly<Record<string, Chosen>>
}

/** A panel with what it has to draw, or why it has nothing. */
export interface AnsweredPanel {
  readonly panel: Panel
  readonly data: PanelData
  readonly stepMs: number
  readonly errors: readonly string[]
}

export interface AnsweredBoard {
  readonly board: Dashboard
  readonly places: readonly Placed[]
  readonly panels: ReadonlyMap<number, AnsweredPanel>
  readonly bands: readonly Band[]
  readonly choices: Readonly<Record<string, Choice>>
}

/** Asks everything that a board asks, as Grafana would at this size. @param widthOf pixels of a panel */
export async function answerBoard(
  board: Dashboard,
  rows: 'saved' | 'open',
  source: Source,
  widthOf: (panel: Placed) => number,
): Promise<AnsweredBoard> {
  const variables = board.templating.list ?? []
  const choices = await choicesOf(variables, source)
  const filled = (expr: string, times: Intervals): string =>
    interpolateTimes(interpolateVariables(expr, variables, choices), times)
  const places = placesOf(board, rows)
  const panels = new Map<number, AnsweredPanel>()
  for (const place of places) {
    if (place.kind === 'row') continue
    const answered = await answerPanel(place.panel, widthOf(place), source, filled)
    panels.set(place.panel.id!, answered)
  }
  const bands: Band[] = []
  for (const annotation of board.annotations?.list ?? [])
    bands.push(...(await bandsFor(annotation, source, filled)))
  return { board, places, panels, bands, choices }
}

type Fill = (expr: string, times: Intervals) => string

async function answerPanel(
  panel: Panel,
  points: number,
  source: Source,
  filled: Fill,
): Promise<AnsweredPanel> {
  const { url, fromMs, toMs, scrapeMs } = source
  const errors: string[] = []
  const answers: Record<string, Answer> = {}
  const panelMs = panel.interval === undefined ? undefined : parseDuration(panel.interval)
  const times = intervalsOf({ rangeMs: toMs - fromMs, points, scrapeMs, panelMs })
  for (const target of (panel.targets ?? []) as Dataquery[]) {
    const query = filled(target.expr, times)
    try {
      answers[target.refId!] = target.instant
        ? await askInstant(url, query, toMs)
        : await askRange(url, query, { startMs: fromMs, endMs: toMs, stepMs: times.stepMs })
    } catch (error) {
      errors.push(String(error))
    }
  }
  const data = panelData(panel, answers, { now: toMs, stepMs: times.stepMs })
  return { panel, data, stepMs: times.stepMs, errors }
}

async function bandsFor(annotation: AnnotationQuery, source: Source, filled: Fill): Promise<Band[]> {
  const { expr, step, enable, iconColor } = annotation as PrometheusAnnotation
  if (expr === undefined || !enable) return []
  const stepMs = parseDuration(step)!
  const times = intervalsOf({
    rangeMs: source.toMs - source.fromMs,
    points: 800,
    scrapeMs: source.scrapeMs,
    panelMs: stepMs,
    queryMs: stepMs,
  })
  const range = { startMs: source.fromMs, endMs: source.toMs, stepMs }
  const answer = await askRange(source.url, filled(expr, times), range)
  return bandsOf(seriesOf(answer), stepMs, iconColor)
}

const LABEL_VALUES = /^label_values\((.+), (\w+)\)$/s

/** What there is to choose from, each variable narrowed by those before it. */
async function choicesOf(
  variables: readonly VariableModel[],
  { url, fromMs, toMs, chosen }: Source,
): Promise<Record<string, Choice>> {
  const choices: Record<string, Choice> = {}
  for (const { name, type, query, current } of variables) {
    if (type === 'datasource') {
      choices[name] = { chosen: 'Prometheus', options: ['Prometheus'] }
      continue
    }
    const { query: text } = query as { query: string }
    const [, selector, label] = LABEL_VALUES.exec(interpolateVariables(text, variables, choices)) ?? []
    if (selector === undefined)
      throw new RangeError(`the preview does not know the query of $${name}: ${text}`)
    const options = await askLabelValues(url, label!, selector, { startMs: fromMs, endMs: toMs })
    const saved = current?.value as Chosen | undefined
    choices[name] = { chosen: chosen[name] ?? saved ?? options[0] ?? '', options }
  }
  return choices
}
