import type { AlertCase, Course, Stage, State } from './alert-cases.ts'

/** One entry of `tests` in a file of `promtool test rules`. */
export interface PromtoolTest {
  readonly name: string
  readonly interval: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly promql_expr_test: readonly object[]
  readonly alert_rule_test: readonly object[]
}

/** Where the rules are used. */
export interface TestTarget {
  readonly room: string
  /** Jobs as the rules select them. A second one of each kind where they select by a pattern. */
  readonly job: readonly string[]
  readonly prometheus: readonly string[]
  readonly alertmanager: readonly string[]
}

export const STEP = 15
export const MINUTE = 60
/** A failed scrape marks every series of its target as stale. */
const LOST = 'stale'

type Labels = Readonly<Record<string, string>>
type Sample = number | undefined | typeof LOST

/** One target, what happens there, and what is to be seen of it. */
export interface Scene {
  readonly job: string
  readonly instance: string
  readonly cast: readonly Role[]
  /** When scrapes fail. */
  readonly lost?: readonly number[]
}

/** One agent of a target, or whatever else the alert tells apart. */
export interface Role {
  readonly stages: readonly Stage[]
  /** Labels that are different here, in series and alert. */
  readonly labels?: Labels
  /** More than one series of each: they have this label, too. */
  readonly twice?: string
  readonly looks: readonly (readonly [seconds: number, state: State])[]
}

/** When an alert of a test is looked at in full, and where it fires. */
export interface Told {
  readonly at: number
  readonly instance: string
}

/** @param told when its texts are looked at; promtool compares all alerts of the name then */
export function testOf(
  one: AlertCase,
  target: TestTarget,
  name: string,
  scenes: readonly Scene[],
  told?: Told,
): PromtoolTest {
  const jobs = jobsOf(one, target)
  const total = Math.max(
    ...scenes.flatMap(({ cast }) => cast.flatMap(({ looks }) => looks.map(([at]) => at))),
  )
  const labels = labelsOf(one, target)
  const strays = [
    ...new Set(scenes.flatMap(({ cast }) => cast.flatMap(({ looks }) => looks.map(([at]) => at)))),
  ]
  return {
    name: `${one.alert}: ${name}`,
    interval: `${STEP}s`,
    input_series: scenes.flatMap((scene) => seriesOf(scene, total)),
    promql_expr_test: [
      ...scenes.flatMap((scene) => looksAt(one, target, scene)),
      // Nothing of another job, and nothing that lost its job or instance.
      ...(hasTarget(one)
        ? strays.map((at) => ({
            expr: `ALERTS{alertname="${one.alert}", job!~"${jobs.join('|')}"} or ALERTS{alertname="${one.alert}", instance=""}`,
            eval_time: `${at}s`,
            exp_samples: [],
          }))
        : []),
    ],
    alert_rule_test:
      told === undefined
        ? []
        : [
            {
              eval_time: `${told.at}s`,
              alertname: one.alert,
              exp_alerts: [{ exp_labels: labels, exp_annotations: annotationsOf(one, labels) }],
            },
          ],
  }
}

function looksAt(one: AlertCase, target: TestTarget, { job, instance, cast }: Scene): object[] {
  const [first] = cast
  const where = hasTarget(one) ? `, job="${job}", instance="${instance}"` : ''
  return first!.looks.map(([at], index) => ({
    expr: `ALERTS{alertname="${one.alert}"${where}}`,
    eval_time: `${at}s`,
    exp_samples: cast.flatMap(({ looks, labels = {} }) => {
      const state = looks[index]![1]
      if (state === 'quiet') return []
      const all = {
        alertname: one.alert,
        alertstate: state === 'fires' ? 'firing' : state,
        ...labelsOf(one, target),
        ...(hasTarget(one) && { job, instance }),
        ...labels,
      }
      return [{ labels: `ALERTS{${matchersOf(all)}}`, value: 1 }]
    }),
  }))
}

function seriesOf({ job, instance, cast, lost = [] }: Scene, total: number): PromtoolTest['input_series'] {
  const seen = new Set<string>()
  return cast.flatMap(({ stages, labels = {}, twice }) => {
    const names = new Set(stages.flatMap(({ courses }) => courses.map(({ series }) => series)))
    return [...names].flatMap((name) => {
      const values = samplesOf(name, stages, total)
        .map((sample, index) => (lost.includes(index * STEP) ? lostOf(name, sample) : sample))
        .map((sample) => sample ?? '_')
        .join(' ')
      const copies = twice === undefined ? [''] : ['1', '2'].map((value) => `, ${twice}="${value}"`)
      return copies.flatMap((copy) => {
        const series = at(relabelled(name, labels), `job="${job}", instance="${instance}"${copy}`)
        // Agents of one target share what has no agent.
        if (seen.has(series)) return []
        seen.add(series)
        return [{ series, values }]
      })
    })
  })
}

function samplesOf(name: string, stages: readonly Stage[], total: number): Sample[] {
  let last: Sample
  return steps(total).map((t) => {
    const course = stages
      .flatMap(({ at, courses }) => (at <= t ? courses.filter(({ series }) => series === name) : []))
      .at(-1)
    last = sampleOf(course, t, typeof last === 'number' ? last : undefined)
    return last
  })
}

function sampleOf(course: Course | undefined, t: number, last: number | undefined): Sample {
  if (course?.firing === undefined) return last === undefined ? undefined : LOST
  if (course.kind === 'gauge') return course.firing
  if (course.kind === 'age') return t - course.firing
  return (last ?? 0) + course.firing * STEP
}

/** `up` is what Prometheus says of a scrape that failed. */
function lostOf(series: string, sample: Sample): Sample {
  if (series === 'up') return 0
  return sample === undefined ? undefined : LOST
}

function steps(total: number): number[] {
  return Array.from({ length: Math.ceil(total / STEP) + 1 }, (_, i) => i * STEP)
}

/** With other values of the labels it has. */
export function relabelled(series: string, labels: Labels): string {
  return Object.entries(labels).reduce(
    (name, [label, value]) => name.replace(new RegExp(`([{ ]${label})="[^"]*"`), `$1="${value}"`),
    series,
  )
}

export function hasLabel(series: string, label: string): boolean {
  return new RegExp(`[{ ]${label}="`).test(series)
}

function at(series: string, where: string): string {
  return series.includes('{') ? series.replace('{', `{${where}, `) : `${series}{${where}}`
}

function matchersOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(', ')
}

export function jobsOf(one: AlertCase, target: TestTarget): readonly string[] {
  return target[one.job ?? 'job']
}

/** Whether it says on which target something is so. */
function hasTarget(one: AlertCase): boolean {
  return one.class === 'event' || (one.class === 'level' && one.scope === undefined)
}

function labelsOf(one: AlertCase, target: TestTarget): Record<string, string> {
  const [job, another] = jobsOf(one, target)
  return {
    ...(hasTarget(one) && { job: job!, instance: 'a' }),
    // What absent() says of a pattern is nothing.
    ...(one.class === 'absence' && another === undefined && { job: job! }),
    ...one.labels,
    severity: one.severity,
    room: target.room,
  }
}

function annotationsOf(one: AlertCase, labels: Labels): Record<string, string> {
  const isOfExporter = one.class !== 'absence' && one.job === undefined
  const variables = isOfExporter ? ['job', 'instance', 'agent'].filter((name) => labels[name]) : []
  const board = labels['agent'] === undefined ? 'fleet' : 'agent'
  const query = variables.map((name) => `var-${name}=${labels[name]}`).join('&')
  return {
    class: one.class,
    summary: one.says[0],
    description: one.says[1],
    runbook_url: `docs/runbooks.md#${one.alert.toLowerCase()}`,
    dashboard_url: `http://localhost:3000/d/agent-exporter-${board}${query && `?${query}`}`,
  }
}
