import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import type { Answer } from '../../../dashboards/model/answers.ts'
import type { Answers } from '../../../dashboards/model/frames.ts'
import { valuesOf } from '../rule-world.ts'
import { parses, selectorsOf } from './read.ts'
import { labelsOfResult } from './series.ts'

/** Enough for each value of every closed list to occur. */
const THINGS = 24
/** Whatever two of these labels two things have in common, they differ in the third. */
const IDENTITY: Readonly<Record<string, (thing: number) => number>> = {
  agent: (thing) => thing % 6,
  instance: (thing) => Math.floor(thing / 6) % 2,
  job: (thing) => Math.floor(thing / 12) % 2,
}
const EVERY = Array.from({ length: THINGS }, (_, thing) => thing)
/** By the number of jobs. */
type Things = Readonly<Record<1 | 2, readonly number[]>>
const ALL: Things = { 1: EVERY.slice(0, THINGS / 2), 2: EVERY }
const ONE_AGENT: Things = { 1: [0, 6], 2: [0, 6, 12, 18] }
/** Of these a thing has one at a time: states, and facts. Of everything else it may have several. */
export const ONE_AT_A_TIME = /== 1\b|^(?:\w+ by \([^)]*\) \()?(?:max_over_time\()?\w+_info\{/
/** What these say follows from another label. */
export const FOLLOWS: Readonly<Record<string, string>> = { unit: 'resource' }
export const NOW_MS = 1_735_732_800_000

/** The queries of a panel. */
export function queriesOf({ targets }: Panel): (Dataquery & { readonly refId: string })[] {
  return (targets ?? []) as (Dataquery & { readonly refId: string })[]
}

/**
 * What Prometheus would answer to the queries of a panel if there were some things, the same for all queries: each label
 * of the result has a value per thing, `001` and so on, or one of its closed list in turn. The value of a series is the
 * number of its first thing.
 */
export function answersFor(panel: Panel, jobs: 1 | 2 = 2): Answers {
  const queries = queriesOf(panel).filter(({ expr }) => parses(expr))
  const tellsAgents = queries.some(({ expr }) => {
    const { has, pinned } = labelsOfResult(expr)
    return has.has('agent') && !pinned.has('agent')
  })
  // A table has a row for each thing, and facts of a target or of one agent are the same for all.
  const things = panel.type === 'table' && !tellsAgents ? ONE_AGENT : ALL
  return Object.fromEntries(queries.map(({ refId, expr }) => [refId, answerTo(expr, things[jobs])]))
}

export const NOTHING: Answer = { resultType: 'vector', result: [] }

const answers = new Map<string, Answer>()

function answerTo(expr: string, things: readonly number[]): Answer {
  const key = `${things.length} ${expr}`
  const answer = answers.get(key) ?? synthesised(expr, things)
  answers.set(key, answer)
  return answer
}

function synthesised(expr: string, things: readonly number[]): Answer {
  const { has, pinned } = labelsOfResult(expr)
  const rows = new Map<string, { labels: Record<string, string>; thing: number }>()
  // Then again all of them with the same other labels: these do not tell the things apart.
  const again = ONE_AT_A_TIME.test(expr) ? [] : things.map((thing) => thing + THINGS)
  for (const thing of [...things, ...again]) {
    const labels = Object.fromEntries(
      [...has].map((label) => [label, pinned.get(label) ?? labelValue(expr, label, thing)]),
    )
    const key = JSON.stringify(labels)
    if (!rows.has(key)) rows.set(key, { labels, thing })
  }
  return {
    resultType: 'vector',
    result: [...rows.values()].map(({ labels, thing }) => ({
      metric: labels,
      value: [NOW_MS / 1_000, String(thing)],
    })),
  }
}

function labelValue(expr: string, label: string, thing: number): string {
  const values = closedValues(expr, FOLLOWS[label] ?? label)
  const other = thing < THINGS ? thing : 0
  if (values !== undefined) return values[other % values.length]!
  return String(IDENTITY[label]?.(thing) ?? other).padStart(3, '0')
}

/** The values that a label of a result may have, where they are a closed list; those that are asked for alone. */
export function closedValues(expr: string, label: string): readonly string[] | undefined {
  const [list] = selectorsOf(expr).flatMap(({ metric, matchers }) => {
    const excluded = matchers.find((one) => one.label === label && one.operator.startsWith('!'))?.value
    const values = valuesOf(metric, label)
    return values === undefined ? [] : [values.filter((value) => !excluded?.split('|').includes(value))]
  })
  return list
}

/** The whole list. */
export function allValues(expr: string, label: string): readonly string[] {
  return selectorsOf(expr).flatMap(({ metric }) => valuesOf(metric, label) ?? [])
}
