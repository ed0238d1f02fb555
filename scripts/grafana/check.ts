import type { Dashboard, Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { type Choice, interpolateVariables } from '../../dashboards/model/interpolate.ts'
import type { GrafanaApi, QueryAnswer } from './api.ts'

/** One thing that was looked at; `problem` when it is not as it should be. */
export interface Finding {
  readonly what: string
  readonly detail: string
  readonly problem: string | undefined
}

export interface CheckOptions {
  readonly grafana: GrafanaApi
  /** The files that Grafana was given. */
  readonly boards: readonly Dashboard[]
  /** Uids of data sources, the one that panels ask first. */
  readonly datasources: readonly [prometheus: string, ...others: string[]]
  readonly folder: string
  readonly tag: string
}

/** Looked back over; a stack that was just started has less, which is an answer too. */
const RANGE = 'now-1h'
const POINTS = 600
const INTERVAL_MS = 15_000

/** Whether everything that was provisioned is there and can be asked. Never throws because of what Grafana answers. */
export async function checkGrafana(options: CheckOptions): Promise<Finding[]> {
  const { grafana, boards, datasources } = options
  return [
    await found('health', async () => {
      const { database, version } = await grafana.health()
      return database === 'ok'
        ? [`version ${version}`]
        : [`version ${version}`, `its database is ${database}`]
    }),
    ...(await Promise.all(datasources.map((uid) => datasource(options, uid)))),
    await found('folder', () => folder(options)),
    ...(await inTurn(boards, (board) => found(`board ${board.uid}`, () => boardOutcome(options, board)))),
  ]
}

/** A detail, and what is wrong where something is. */
type Outcome = readonly [detail: string, problem?: string]

async function found(what: string, look: () => Promise<Outcome>): Promise<Finding> {
  try {
    const [detail, problem] = await look()
    return { what, detail, problem }
  } catch (error) {
    return { what, detail: '', problem: (error as Error).message }
  }
}

function datasource({ grafana, datasources }: CheckOptions, uid: string): Promise<Finding> {
  return found(`data source ${uid}`, async () => {
    const one = (await grafana.datasources()).find((known) => known.uid === uid)
    if (one === undefined) return ['', 'is not there']
    if (!one.readOnly) return [one.type, 'was not provisioned: it can be edited']
    // Alertmanager has no part in the server that could be asked.
    if (uid === datasources[0]) await grafana.datasourceHealth(uid)
    return [one.type]
  })
}

async function folder({ grafana, boards, folder, tag }: CheckOptions): Promise<Outcome> {
  const there = await grafana.boards(tag)
  const missing = boards.filter(({ uid }) => !there.some((one) => one.uid === uid)).map(({ uid }) => uid)
  const elsewhere = there.filter(({ folderTitle }) => folderTitle !== folder).map(({ uid }) => uid)
  const problems = [
    ...(missing.length === 0 ? [] : [`not there: ${missing.join(', ')}`]),
    ...(elsewhere.length === 0 ? [] : [`in another folder: ${elsewhere.join(', ')}`]),
  ]
  return problems.length === 0
    ? [`${there.length} boards in ${folder}`]
    : [`${there.length} boards`, problems.join('; ')]
}

async function boardOutcome(options: CheckOptions, board: Dashboard): Promise<Outcome> {
  const { grafana, datasources } = options
  const { meta, dashboard } = await grafana.board(board.uid ?? '')
  if (dashboard.title !== board.title) return ['', `is titled "${dashboard.title}"`]
  if (!meta.provisioned) return ['', 'was not provisioned']
  const panels = panelsOf(board)
  let queries = 0
  let answered = 0
  const failures: string[] = []
  for (const panel of panels) {
    const asked = ((panel.targets ?? []) as Dataquery[]).map((target) =>
      queryOf(target, board, datasources[0]),
    )
    if (asked.length === 0) continue
    queries += asked.length
    const { results } = await grafana.query({ from: RANGE, to: 'now', queries: asked })
    for (const { refId } of asked) {
      const result = results[refId]
      if (result === undefined || result.error !== undefined)
        failures.push(`${panel.title} ${refId}: ${result?.error ?? 'no answer'}`)
      else if (hasData(result)) answered++
    }
  }
  const detail = `${panels.length} panels, ${queries} queries, ${answered} with data`
  return failures.length === 0 ? [detail] : [detail, failures.join('; ')]
}

/** What the page would send: variables filled in, all of everything; times are filled in by the server. */
function queryOf(target: Dataquery, board: Dashboard, uid: string): Dataquery & { readonly refId: string } {
  const variables: readonly VariableModel[] = board.templating?.list ?? []
  return {
    ...target,
    refId: target.refId ?? 'A',
    datasource: { type: 'prometheus', uid },
    expr: interpolateVariables(target.expr, variables, choicesOf(variables)),
    ...{ intervalMs: INTERVAL_MS, maxDataPoints: POINTS },
  } as unknown as Dataquery & { readonly refId: string }
}

function choicesOf(variables: readonly VariableModel[]): Record<string, Choice> {
  return Object.fromEntries(
    variables.map(({ name, allValue, current }) => {
      const chosen = allValue === undefined ? String(current?.value ?? '') : '$__all'
      return [name, { chosen, options: [] }]
    }),
  )
}

function panelsOf(board: Dashboard): Panel[] {
  return (board.panels ?? []).flatMap((panel) =>
    panel.type === 'row' ? (panel as RowPanel).panels : [panel as Panel],
  )
}

function hasData({ frames = [] }: QueryAnswer['results'][string]): boolean {
  return frames.some(({ data }) => data?.values?.some((column) => column.length > 0) === true)
}

/** One after the other: a Grafana that has just been started has enough to do. */
async function inTurn<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await each(item))
  return results
}
