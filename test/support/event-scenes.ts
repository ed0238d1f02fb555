import { type Course, type EventCase, gone, type Stage, steady } from './alert-cases.ts'
import { jobsOf, MINUTE, type Role, relabelled, type Scene, STEP, type TestTarget } from './alert-scenes.ts'

const REMEMBERED = 2 * STEP
const FORGOTTEN = 4 * STEP
/** More than any alert needs. */
const MANY = 20
/** What a counter has counted before. */
const BEFORE = 7

interface Plan {
  readonly begin: number
  readonly last: number
  readonly lost: number
  /** Fires still, and not any more. */
  readonly still: number
  readonly over: number
  readonly restart: number
}

function planOf({ events, windowSeconds }: EventCase): Plan {
  const begin = windowSeconds + 10 * MINUTE
  const last = begin + (events - 1) * STEP
  const over = last + windowSeconds + 2 * STEP
  return {
    begin,
    last,
    lost: last + MINUTE,
    still: begin + windowSeconds - 2 * STEP,
    over,
    restart: over + MINUTE,
  }
}

/** The target whose alert is read word by word: just enough happens, and then nothing. */
export function mainScene(
  one: EventCase,
  target: TestTarget,
): { readonly scene: Scene; readonly told: number } {
  const { begin, last, lost, still, over, restart } = planOf(one)
  return {
    told: last + STEP,
    scene: {
      job: jobsOf(one, target)[0]!,
      instance: 'a',
      lost: [lost],
      cast: [
        {
          stages: [...history(one, one.events), ...restarted(one, restart)],
          looks: [
            [begin - STEP, 'quiet'],
            ...(one.events > 1 ? ([[last - STEP, 'quiet']] as const) : []),
            [last, 'fires'],
            [lost, 'fires'],
            [still, 'fires'],
            [over, 'quiet'],
            [restart + STEP, 'quiet'],
          ],
        },
      ],
    },
  }
}

/** Everybody else: what is not enough, what is not ours, and one whose target is lost. */
export function otherScenes(one: EventCase, target: TestTarget): Scene[] {
  const [job, another] = jobsOf(one, target)
  const few: Role = { stages: history(one, one.events - 1), looks: silent(one) }
  const many: Role = { stages: history(one, MANY), looks: silent(one) }
  const enough: Role = { stages: history(one, one.events), looks: firing(one) }
  return [
    { job: job!, instance: 'few', cast: [few] },
    { job: job!, instance: 'pair', cast: [enough] },
    ...(another === undefined ? [] : [{ job: another, instance: 'pair', cast: [few] }]),
    { job: 'foreign', instance: 'a', cast: [many] },
    { job: 'foreign', instance: 'twice', cast: [{ ...many, twice: 'source' }] },
    ...(one.only ?? []).map((label) => ({
      job: job!,
      instance: `${label}-other`,
      cast: [{ ...many, stages: elsewhere(many.stages, label, 'other') }],
    })),
    ...Object.entries(one.each ?? {}).flatMap(([label, values]) =>
      values.map((value) => ({
        job: job!,
        instance: `${label}-${value}`,
        cast: [
          {
            ...enough,
            labels: one.labels?.[label] === undefined ? {} : { [label]: value },
            stages: elsewhere(enough.stages, label, value),
          },
        ],
      })),
    ),
    ...(one.labels?.['agent'] === undefined
      ? []
      : [
          {
            job: job!,
            instance: 'agents',
            cast: [enough, { ...few, labels: { agent: 'y' }, looks: quietAt(enough) }],
          },
        ]),
    ...stampScenes(one, job!),
  ]
}

/** A stamp shows for the second how old it may be, and that it is not looked for where nobody measures. */
function stampScenes(one: EventCase, job: string): Scene[] {
  if (one.kind !== 'stamp' || one.events !== 1) return []
  const { begin } = planOf(one)
  const { series, windowSeconds } = one
  const vanishes = begin + 2 * MINUTE
  return [
    {
      job,
      instance: 'second',
      cast: [
        {
          stages: [{ at: begin, courses: [steady(series, begin + 0.5)] }],
          looks: [
            [begin + windowSeconds, 'fires'],
            [begin + windowSeconds + STEP, 'quiet'],
          ],
        },
      ],
    },
    {
      job,
      instance: 'first',
      cast: [
        {
          stages: [{ at: begin, courses: [steady(series, begin)] }],
          looks: [
            [begin + windowSeconds - STEP, 'fires'],
            [begin + windowSeconds, 'quiet'],
          ],
        },
      ],
    },
    {
      job,
      instance: 'gone',
      cast: [
        {
          stages: [
            { at: begin, courses: [steady(series, begin)] },
            { at: vanishes, courses: [gone(series)] },
          ],
          looks: [
            [vanishes + REMEMBERED, 'fires'],
            [vanishes + FORGOTTEN, 'quiet'],
          ],
        },
      ],
    },
  ]
}

/** One event at every scrape from the beginning on. */
function history(one: EventCase, events: number): Stage[] {
  const { begin } = planOf(one)
  const before: Course[] =
    one.kind === 'counter'
      ? [steady(one.series, BEFORE)]
      : one.kind === 'stamp'
        ? []
        : [steady(one.series, 1)]
  return [
    { at: 0, courses: before },
    ...Array.from({ length: events }, (_, index) => {
      const at = begin + index * STEP
      return { at, courses: [steady(one.series, one.kind === 'counter' ? BEFORE + index + 1 : at)] }
    }),
  ]
}

/** A counter begins anew with its program: that is no event. */
function restarted(one: EventCase, at: number): Stage[] {
  return one.kind === 'counter' ? [{ at, courses: [steady(one.series, 0)] }] : []
}

function elsewhere(stages: readonly Stage[], label: string, value: string): Stage[] {
  return stages.map(({ at, courses }) => ({
    at,
    courses: courses.map((course) => ({ ...course, series: relabelled(course.series, { [label]: value }) })),
  }))
}

function silent(one: EventCase): Role['looks'] {
  const { begin, last, lost, still } = planOf(one)
  return [begin, last, last + STEP, lost, still].map((at) => [at, 'quiet'] as const)
}

function firing(one: EventCase): Role['looks'] {
  const { last, lost, still } = planOf(one)
  return [last, lost, still].map((at) => [at, 'fires'] as const)
}

function quietAt({ looks }: Role): Role['looks'] {
  return looks.map(([at]) => [at, 'quiet'] as const)
}
