import type { AbsenceCase, AlertCase, Course, EventCase, LevelCase } from './alert-cases.ts'

/** One entry of `tests` in a file of `promtool test rules`. */
export interface PromtoolTest {
  readonly name: string
  readonly interval: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly promql_expr_test: readonly object[]
  readonly alert_rule_test: readonly object[]
}

export interface TestTarget {
  readonly room: string
  /** Job of the exporters, as the rules select it. */
  readonly job: string
  readonly prometheus: string
  readonly alertmanager: string
}

const STEP = 15
const MINUTE = 60
/** A failed scrape marks every series of its target as stale. */
const LOST = 'stale'

type Sample = number | undefined | typeof LOST

/** A series at every 15 s. */
interface Line {
  readonly series: string
  readonly samples: readonly Sample[]
}

/** The tests that every alert of this class passes, with two targets of the same agent and a foreign job. */
export function testsOf(one: AlertCase, target: TestTarget): PromtoolTest[] {
  switch (one.class) {
    case 'level':
      return [levelTest(one, target)]
    case 'event':
      return [eventTest(one, target)]
    case 'absence':
      return [absenceTest(one, target)]
    case 'always':
      return [
        test(
          one,
          target,
          'fires always',
          [],
          [
            [0, 'fires'],
            [3_600, 'fires'],
          ],
          3_600,
        ),
      ]
  }
}

function levelTest(one: LevelCase, target: TestTarget): PromtoolTest {
  const { forSeconds, keepSeconds = 0, settleSeconds = 0 } = one
  const begin = one.warmSeconds ?? 20 * MINUTE
  const due = begin + settleSeconds + forSeconds
  // What does not come from a scrape cannot lose one.
  const lost =
    one.scope === 'all targets'
      ? []
      : [begin - 5 * MINUTE, ...(forSeconds >= 2 * STEP ? [begin + settleSeconds + STEP] : []), due + MINUTE]
  const end = due + 10 * MINUTE
  // last_over_time and a rate forget within their range.
  const gone = end + Math.max(settleSeconds, MINUTE) + keepSeconds + 2 * STEP
  const total = gone + MINUTE
  const on = (course: Course, which: 'both' | 'quiet' | 'firing') =>
    during(
      total,
      (t) => (which === 'firing' || (which === 'both' && t >= begin && t < end) ? 'firing' : 'quiet'),
      course,
    )
  const lines = one.courses.flatMap((course): Line[] => {
    const first: Line = {
      series: at(course.series, jobOf(one, target), 'a'),
      samples: on(course, 'both').map((sample, i) =>
        lost.includes(i * STEP) ? lostSample(course.series) : sample,
      ),
    }
    if (one.scope === 'all targets') return [first]
    return [
      first,
      { series: at(course.series, jobOf(one, target), 'b'), samples: on(course, 'quiet') },
      { series: at(course.series, 'foreign', 'a'), samples: on(course, 'firing') },
    ]
  })
  const spoilt = (one.spoilt ?? []).flatMap((courses, index) =>
    withCourses(one.courses, courses).map(
      (course): Line => ({
        series: at(course.series, jobOf(one, target), `spoilt-${index}`),
        samples: on(course, 'firing'),
      }),
    ),
  )
  return test(
    one,
    target,
    'at the boundary, after its time, over a lost scrape, until it is well',
    [...lines, ...spoilt],
    [
      [begin - 5 * MINUTE, 'quiet'],
      [begin - STEP, 'quiet'],
      [forSeconds === 0 ? begin - STEP : begin + forSeconds - STEP, 'quiet'],
      [due + (settleSeconds === 0 ? 0 : 2 * STEP), 'fires'],
      [due + MINUTE, 'fires'],
      [due + MINUTE + STEP, 'fires'],
      [end - STEP, 'fires'],
      ...(keepSeconds > 0 ? ([[end + keepSeconds - 2 * STEP, 'fires']] as const) : []),
      [gone, 'quiet'],
    ],
    end - STEP,
  )
}

function eventTest(one: EventCase, target: TestTarget): PromtoolTest {
  const { events, windowSeconds } = one
  const begin = windowSeconds + 10 * MINUTE
  const last = begin + (events - 1) * STEP
  const gone = last + windowSeconds + 2 * STEP
  const restart = gone + MINUTE
  const total = restart + MINUTE
  const history = (count: number): Sample[] =>
    steps(total).map((t) => {
      const happened = Math.max(0, Math.min(count, Math.floor((t - begin) / STEP) + 1))
      if (one.kind === 'counter') return t >= restart ? 0 : happened + 7
      if (happened === 0) return one.kind === 'stamp' ? undefined : 1
      return begin + (happened - 1) * STEP
    })
  const lost = last + MINUTE
  const lines: Line[] = [
    {
      series: at(one.series, jobOf(one, target), 'a'),
      samples: history(events).map((sample, i) => (i * STEP === lost ? LOST : sample)),
    },
    { series: at(one.series, jobOf(one, target), 'b'), samples: history(events - 1) },
    { series: at(one.series, 'foreign', 'a'), samples: history(20) },
  ]
  const still = begin + windowSeconds - 2 * STEP
  return test(
    one,
    target,
    'when it happened, over a lost scrape, and not for a restart',
    lines,
    [
      [begin - STEP, 'quiet'],
      ...(events > 1 ? ([[last - STEP, 'quiet']] as const) : []),
      [last + STEP, 'fires'],
      [lost, 'fires'],
      [still, 'fires'],
      [gone, 'quiet'],
      [total, 'quiet'],
    ],
    last + STEP,
  )
}

function absenceTest(one: AbsenceCase, target: TestTarget): PromtoolTest {
  const gone = 10 * MINUTE
  const back = gone + one.forSeconds + 10 * MINUTE
  const total = back + 5 * MINUTE
  const lines = ['a', 'b'].map(
    (instance): Line => ({
      series: at(one.series, jobOf(one, target), instance),
      samples: steps(total).map((t) => (t < gone || t >= back ? 1 : t === gone ? LOST : undefined)),
    }),
  )
  const foreign = { series: at(one.series, 'foreign', 'a'), samples: steps(total).map(() => 1) }
  return test(
    one,
    target,
    'when all are gone, after its time, until one is back',
    [...lines, foreign],
    [
      [gone - STEP, 'quiet'],
      [gone + one.forSeconds - STEP, 'quiet'],
      [gone + one.forSeconds, 'fires'],
      [back, 'quiet'],
    ],
    gone + one.forSeconds,
  )
}

/** @param told when its texts are looked at; promtool compares all annotations */
function test(
  one: AlertCase,
  target: TestTarget,
  name: string,
  lines: readonly Line[],
  looks: readonly (readonly [seconds: number, state: 'fires' | 'quiet'])[],
  told: number,
): PromtoolTest {
  const labels = labelsOf(one, target)
  return {
    name: `${one.alert}: ${name}`,
    interval: `${STEP}s`,
    input_series: lines.map(({ series, samples }) => ({
      series,
      values: samples.map((sample) => sample ?? '_').join(' '),
    })),
    promql_expr_test: looks.map(([seconds, state]) => ({
      expr: `ALERTS{alertname="${one.alert}", alertstate="firing"}`,
      eval_time: `${seconds}s`,
      exp_samples:
        state === 'quiet'
          ? []
          : [
              {
                labels: named('ALERTS', { alertname: one.alert, alertstate: 'firing', ...labels }),
                value: 1,
              },
            ],
    })),
    alert_rule_test: [
      {
        eval_time: `${told}s`,
        alertname: one.alert,
        exp_alerts: [{ exp_labels: labels, exp_annotations: annotationsOf(one, labels) }],
      },
    ],
  }
}

function labelsOf(one: AlertCase, target: TestTarget): Record<string, string> {
  const isOfTarget = one.class === 'event' || (one.class === 'level' && one.scope === undefined)
  return {
    ...(isOfTarget && { job: jobOf(one, target), instance: 'a' }),
    ...(one.class === 'absence' && { job: jobOf(one, target) }),
    ...one.labels,
    severity: one.severity,
    room: target.room,
  }
}

function annotationsOf(one: AlertCase, labels: Readonly<Record<string, string>>): Record<string, string> {
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

/** The same courses, but for those of the same series. */
function withCourses(courses: readonly Course[], others: readonly Course[]): Course[] {
  return [...new Map([...courses, ...others].map((course) => [course.series, course])).values()]
}

function during(total: number, phaseAt: (t: number) => 'quiet' | 'firing', course: Course): Sample[] {
  let sum = 0
  return steps(total).map((t) => {
    const value = course[phaseAt(t)]
    if (value === undefined) return t > 0 && phaseAt(t - STEP) !== phaseAt(t) ? LOST : undefined
    if (course.kind === 'gauge') return value
    if (course.kind === 'age') return t - value
    sum += value * STEP
    return sum
  })
}

/** `up` is what Prometheus says of a scrape that failed. */
function lostSample(series: string): Sample {
  return series === 'up' ? 0 : LOST
}

function steps(total: number): number[] {
  return Array.from({ length: total / STEP + 1 }, (_, i) => i * STEP)
}

function jobOf(one: AlertCase, target: TestTarget): string {
  return one.job === undefined ? target.job : target[one.job]
}

function at(series: string, job: string, instance: string): string {
  const where = `job="${job}", instance="${instance}"`
  return series.includes('{') ? series.replace('{', `{${where}, `) : `${series}{${where}}`
}

function named(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(', ')}}`
}
