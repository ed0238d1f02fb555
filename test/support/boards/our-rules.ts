import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { framesOf } from '../../../dashboards/model/frames.ts'
import { nameOf } from '../../../dashboards/model/looks.ts'
import { COLOURS, LATE, NOW } from '../../../dashboards/src/colours.ts'
import { UIDS } from '../../../dashboards/src/links.ts'
import { GAP } from '../../../dashboards/src/promql.ts'
import { walk } from '../promql.ts'
import { panelsOf, rowsOf, targetsOf, textsOf } from './boards.ts'
import type { BoardRule } from './finding.ts'
import { queryOf } from './linter-rules.ts'
import { MACROS, parses, selectorsOf, treeOf } from './read.ts'
import { labelsOfResult, SERIES } from './series.ts'
import { answersFor, queriesOf } from './synthetic.ts'

const DATASOURCE = '${datasource}'
const MAX_ID = 2 ** 31 - 1
/** Kinds of queries by kinds of panels: a history needs a range, a number of now does not. */
const HISTORIES = ['timeseries', 'state-timeline']
const RED = [LATE, NOW] as readonly string[]

/** What boards of this project are held to besides the linter's rules. */
export const OUR_RULES: readonly BoardRule[] = [
  rule('board-identity', ({ uid, title, tags, links, graphTooltip, refresh }) => [
    ...(uid === UIDS.fleet || (links ?? []).some(({ url }) => url === `/d/${UIDS.fleet}`)
      ? []
      : ['no way back to the fleet']),
    ...(/^agent-exporter-[a-z]+$/.test(uid ?? '') ? [] : [`uid ${uid}`]),
    ...(title && tags?.includes('agent-exporter') && refresh && graphTooltip === 1
      ? []
      : ['title, tag, refresh, crosshair']),
    ...((links ?? []).some(
      ({ type, tags: wanted }) => type === 'dashboards' && wanted.includes('agent-exporter'),
    )
      ? []
      : ['no link to the other boards']),
  ]),
  rule('ids', (board) => {
    const ids = [...panelsOf(board), ...rowsOf(board)].map(({ id }) => id)
    return ids.flatMap((id, at) =>
      Number.isInteger(id) && id! > 0 && id! <= MAX_ID && ids.indexOf(id) === at ? [] : [`id ${id}`],
    )
  }),
  rule('places', (board) => {
    const open = (board.panels ?? []).map(({ gridPos, title }) => ({ ...gridPos!, title }))
    const folded = rowsOf(board).map(({ panels }) =>
      panels.map(({ gridPos, title }) => ({ ...gridPos!, title })),
    )
    return [open, ...folded].flatMap((places) =>
      places.flatMap((one, at) => [
        ...(one.x >= 0 && one.w > 0 && one.h > 0 && one.x + one.w <= 24 ? [] : [`${one.title} is outside`]),
        ...places.slice(at + 1).flatMap((other) => {
          const apart =
            one.x + one.w <= other.x ||
            other.x + other.w <= one.x ||
            one.y + one.h <= other.y ||
            other.y + other.h <= one.y
          return apart ? [] : [`${one.title} lies on ${other.title}`]
        }),
      ]),
    )
  }),
  rule('ref-ids', (board) =>
    panelsOf(board).flatMap(({ title, targets }) =>
      (targets ?? []).flatMap((target, at) =>
        (target as { refId?: string }).refId === String.fromCharCode(65 + at) ? [] : [`${title} query ${at}`],
      ),
    ),
  ),
  rule('datasources', (board) => [
    ...panelsOf(board).flatMap(({ title, datasource }) =>
      datasource?.uid === DATASOURCE ? [] : [`${title}`],
    ),
    ...targetsOf(board).flatMap(({ where, datasource }) => (datasource?.uid === DATASOURCE ? [] : [where])),
    ...(board.annotations.list ?? []).flatMap(({ name, datasource, builtIn }) =>
      builtIn === 1 || datasource?.uid === DATASOURCE ? [] : [name],
    ),
  ]),
  rule('kinds-of-queries', (board) =>
    targetsOf(board).flatMap(({ where, panel, range, instant, format }) => {
      const isHistory = HISTORIES.includes(panel.type)
      const right = isHistory ? range === true && !instant : instant === true && !range
      return right && (format === 'table') === (panel.type === 'table') ? [] : [where]
    }),
  ),
  rule('texts', (board) =>
    panelsOf(board).flatMap(({ title, description, fieldConfig }) => [
      ...(title ? [] : ['a panel without a title']),
      ...(/[.)]$/.test(description ?? '') ? [] : [`${title}: the description is no sentence`]),
      ...(fieldConfig?.defaults.noValue ? [] : [`${title}: nothing is said when there is nothing`]),
    ]),
  ),
  rule('when-red', (board) =>
    panelsOf(board).flatMap((panel) =>
      thresholdColours(panel).some((colour) => RED.includes(colour)) &&
      !/\*\*When it is red:\*\* [a-z0-9`].+|Runbooks: /.test(panel.description ?? '')
        ? [panel.title ?? '']
        : [],
    ),
  ),
  rule('colours', (board) =>
    panelsOf(board).flatMap((panel) =>
      [...thresholdColours(panel), ...fixedColours(panel)].flatMap((colour) =>
        (COLOURS as readonly string[]).includes(colour) ? [] : [`${panel.title}: ${colour}`],
      ),
    ),
  ),
  rule('legends', (board) =>
    panelsOf(board).flatMap((panel) => {
      const legend = (panel.options as { legend?: { showLegend: boolean } }).legend
      if (panel.type === 'timeseries' && legend?.showLegend !== true)
        return [`${panel.title} hides its legend`]
      if (panel.type === 'table') return []
      return targetsOf({ ...board, panels: [panel] }).flatMap(({ where, legendFormat }) =>
        legendFormat ? [] : [where],
      )
    }),
  ),
  rule('last-values', (board) =>
    panelsOf(board).flatMap(({ title, options }) => {
      const reduce = (options as { reduceOptions?: { calcs: string[] } }).reduceOptions
      return reduce === undefined || reduce.calcs.join() === 'lastNotNull' ? [] : [`${title}`]
    }),
  ),
  rule('regular-expressions', (board) => {
    const several = (board.templating.list ?? []).flatMap(({ name, multi }) => (multi ? [`$${name}`] : []))
    return expressionsOf(board).flatMap(([where, expr]) =>
      selectorsOf(expr).flatMap(({ matchers }) =>
        matchers.flatMap(({ label, operator, value }) =>
          several.some((name) => value.includes(name)) && !operator.endsWith('~')
            ? [`${where}: ${label}${operator}${value}`]
            : [],
        ),
      ),
    )
  }),
  rule('chosen-targets', (board) => {
    const names = (board.templating.list ?? []).map(({ name }) => name)
    return askedOf(board).flatMap(([where, expr]) =>
      selectorsOf(expr).flatMap(({ metric, matchers }) => {
        // Marks are those of all agents, but on the board of one. Panels are held to their targets by the linter.
        const ofAgents = SERIES.get(metric)?.labels.includes('agent') && names.includes('agent')
        const isMark = where.startsWith('annotation')
        const isFree = isMark && variableOf(board, 'agent')?.multi === true
        return [...(isMark ? ['job', 'instance'] : []), ...(ofAgents && !isFree ? ['agent'] : [])].flatMap(
          (label) =>
            matchers.some((one) => one.label === label && one.value.startsWith(`$${label}`))
              ? []
              : [`${where}: ${metric} of a ${label} that was not chosen`],
        )
      }),
    )
  }),
  rule('distinct-names', (board) =>
    panelsOf(board).flatMap((panel) => {
      if (panel.type === 'table') return []
      // Bars of the same name come from queries of which one has it: each is about another level or phase.
      const isOneOfAll = !HISTORIES.includes(panel.type)
      const names = framesOf(queriesOf(panel), answersFor(panel, 1)).flatMap(({ refId, fields }) =>
        fields.flatMap((field) =>
          field.type === 'number' ? [`${nameOf(field)}${isOneOfAll ? ` of ${refId}` : ''}`] : [],
        ),
      )
      const twice = names.filter((name, at) => names.indexOf(name) !== at)
      return [...new Set(twice)].map((name) => `${panel.title}: several are called ${name}`)
    }),
  ),
  rule('told-apart', (board) =>
    targetsOf(board).flatMap(({ where, panel, expr, legendFormat }) => {
      if (panel.type === 'table' || !parses(expr)) return []
      const { has, pinned } = labelsOfResult(expr)
      return [...has]
        .filter((label) => label !== 'job' && !pinned.has(label) && !legendFormat?.includes(`{{${label}}}`))
        .map((label) => `${where}: series differ in ${label}`)
    }),
  ),
  rule('choices', (board) =>
    (board.templating.list ?? []).flatMap((variable) => {
      const { name, type, multi, includeAll, allValue, datasource } = variable
      if (type !== 'query') return multi ? [`several of ${name}`] : []
      const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(queryOf(variable)) ?? []
      const [asked] = selectorsOf(selector ?? '')
      const wider = { job: [], instance: ['$job'], agent: ['$job', '$instance'] }[name] ?? []
      const matched = asked?.matchers.map(({ value }) => value) ?? []
      return [
        ...wider.filter((one) => !matched.includes(one)).map((one) => `${name} is chosen without ${one}`),
        ...(label === name ? [] : [`${name} has values of ${label}`]),
        ...(['job', 'instance', ...(SERIES.get(asked?.metric ?? '')?.labels ?? [])].includes(label ?? '')
          ? []
          : [`${asked?.metric} has no ${label}`]),
        ...(Boolean(multi) === Boolean(includeAll) && (!multi || allValue === '.+')
          ? []
          : [`${name}: several, all, and the text for all`]),
        ...(datasource?.uid === DATASOURCE ? [] : [`${name}: a fixed data source`]),
      ]
    }),
  ),
  rule('written-ranges', (board) =>
    expressionsOf(board).flatMap(([where, expr]) =>
      selectorsOf(expr).flatMap(({ metric, range }) =>
        range === undefined || MACROS.includes(range) || range === GAP
          ? []
          : [`${where}: ${metric}[${range}]`],
      ),
    ),
  ),
  rule('variables', (board) => {
    const names = (board.templating.list ?? []).map(({ name }) => name)
    const { templating, ...rest } = board
    const used = (texts: readonly string[]) =>
      texts.flatMap((text) => [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name!))
    const early = (templating.list ?? []).flatMap(({ name, query }, at) =>
      used(textsOf(query)).flatMap((other) =>
        names.indexOf(other) < at && names.includes(other) ? [] : [`${name} uses ${other}`],
      ),
    )
    const everywhere = used(
      textsOf([rest, templating.list?.map(({ query, datasource }) => [query, datasource])]),
    )
    return [
      ...early,
      ...expressionsOf(board).flatMap(([where, expr]) =>
        used([expr]).flatMap((name) => (names.includes(name) ? [] : [`${where}: $${name}`])),
      ),
      ...names.flatMap((name) => (everywhere.includes(name) ? [] : [`${name} is not used`])),
    ]
  }),
  rule('top-of-now', (board) =>
    targetsOf(board).flatMap(({ where, panel, expr }) => {
      if (!HISTORIES.includes(panel.type) || !parses(expr)) return []
      const tops = [...walk(treeOf(expr))].filter(
        ([one]) => one.kind === 'aggregate' && one.operator === 'topk',
      )
      return tops.length === 0 || /and on \(job, instance, agent\) topk\(/.test(expr) ? [] : [where]
    }),
  ),
  rule('windows', (board) =>
    targetsOf(board).flatMap(({ where, panel, expr }) =>
      [...expr.matchAll(/(\w+)\(\w+(?:\{[^}]*\})?\[\$__(\w+)\]( @ end\(\))?/g)].flatMap(
        ([, call, window, atEnd]) => {
          const isHistory = HISTORIES.includes(panel.type)
          const wanted = isHistory && atEnd === undefined ? 'interval' : 'range'
          const isRight = call === 'rate' ? window === 'rate_interval' : window === wanted
          return isRight ? [] : [`${where}: ${call} over ${window}`]
        },
      ),
    ),
  ),
  rule('long-steps', (board) =>
    targetsOf(board).flatMap(({ where, panel, expr }) =>
      expr.includes('[$__interval]') && panel.interval !== '5m' ? [where] : [],
    ),
  ),
  rule('merged-rows', (board) =>
    targetsOf(board).flatMap(({ where, panel, expr }) => {
      if (panel.type !== 'table' || !parses(expr)) return []
      const tree = treeOf(expr)
      const top = tree.kind === 'binary' && ['<', '>'].includes(tree.operator) ? tree.left : tree
      return top.kind === 'aggregate' && top.grouping?.keyword === 'by' ? [] : [where]
    }),
  ),
]

/** Queries of panels, of variables and of annotations, and where they stand. */
export function expressionsOf(board: Dashboard): (readonly [where: string, expr: string])[] {
  return [
    ...targetsOf(board).map(({ where, expr }) => [where, expr] as const),
    ...(board.annotations.list ?? []).flatMap(({ name, expr }) =>
      expr === undefined ? [] : [[`annotation ${name}`, expr] as const],
    ),
    ...(board.templating.list ?? []).flatMap((variable) => {
      const expr = /^label_values\((.+), \w+\)$/.exec(queryOf(variable))?.[1]
      return variable.type === 'query' && expr !== undefined
        ? [[`variable ${variable.name}`, expr] as const]
        : []
    }),
  ]
}

/** Queries of panels and of annotations: those of variables are what is chosen from. */
function askedOf(board: Dashboard) {
  return expressionsOf(board).filter(([where]) => !where.startsWith('variable'))
}

function variableOf(board: Dashboard, name: string) {
  return (board.templating.list ?? []).find((one) => one.name === name)
}

function rule(name: string, check: (board: Dashboard) => string[]): BoardRule {
  return { name, check }
}

function thresholdColours({ fieldConfig }: Panel): string[] {
  const own = fieldConfig?.defaults.thresholds?.steps ?? []
  const others = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
    properties.flatMap(({ id, value }) =>
      id === 'thresholds' ? (value as { steps: typeof own }).steps : [],
    ),
  )
  return [...own, ...others].map(({ color }) => color)
}

function fixedColours({ fieldConfig }: Panel): string[] {
  return (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
    properties.flatMap(({ id, value }) =>
      id === 'color' ? [(value as { fixedColor: string }).fixedColor] : [],
    ),
  )
}
