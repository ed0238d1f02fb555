import { type Course, type LevelCase, STRONG, type Stage } from './alert-cases.ts'
import { MINUTE, type Scene, STEP, type TestTarget } from './alert-scenes.ts'
import {
  all,
  as,
  beginning,
  FORGOTTEN,
  first,
  type Looks,
  lostBy,
  planOf,
  REMEMBERED,
  withCourses,
} from './level-plan.ts'

/** Those that begin and end at a definite moment. */
export function timedScenes(one: LevelCase, target: TestTarget): Scene[] {
  return [
    quickScene(one, target),
    ...briefScenes(one, target),
    ...one.courses.flatMap((course, index) => goneScenes(one, target, course, index)),
    ...(one.spoilt ?? []).flatMap((courses, index) => curedScenes(one, target, courses, index)),
    ...surgeScenes(one, target),
  ]
}

/** So far beyond that the first sample counts, until the last one of these is out of the range. */
function quickScene(one: LevelCase, target: TestTarget): Scene {
  const { keepSeconds = 0, rangeSeconds = 0, forSeconds } = one
  const { begin, lost } = planOf(one)
  const end = begin + forSeconds + 2 * MINUTE
  // Ranges include their beginning before Prometheus 3, and exclude it since.
  const last =
    rangeSeconds === 0
      ? [end - STEP, end - STEP]
      : [end + rangeSeconds - 3 * STEP, end + rangeSeconds - 2 * STEP]
  return {
    ...first(one, target, 'quick'),
    lost: lostBy(one.courses, lost),
    cast: [
      {
        stages: [
          { at: 0, courses: as('quiet', all(one)) },
          { at: begin, courses: as('strong', all(one)) },
          { at: end, courses: as('quiet', all(one)) },
        ],
        looks: [
          [begin - STEP, 'quiet'],
          ...beginning(one, begin),
          [end - STEP, 'fires'],
          [last[0]! + keepSeconds, 'fires'],
          [last[1]! + keepSeconds + 2 * STEP, 'quiet'],
        ],
      },
    ],
  }
}

/** Over before its time has come. */
function briefScenes(one: LevelCase, target: TestTarget): Scene[] {
  if (one.forSeconds === 0 || (one.rangeSeconds ?? 0) > 0 || one.scope === 'all targets') return []
  const { begin } = planOf(one)
  const end = begin + one.forSeconds
  return [
    {
      ...first(one, target, 'brief'),
      cast: [
        {
          stages: [
            { at: 0, courses: as('quiet', all(one)) },
            { at: begin, courses: all(one) },
            { at: end, courses: as('quiet', all(one)) },
          ],
          looks: [
            [begin, 'pending'],
            [end - STEP, 'pending'],
            [end, 'quiet'],
          ],
        },
      ],
    },
  ]
}

/** Nobody measures it any more. */
function goneScenes(one: LevelCase, target: TestTarget, course: Course, index: number): Scene[] {
  const { keepSeconds = 0 } = one
  // Prometheus itself says `up`, as long as it knows the target.
  if (course.kind === 'rate' || one.scope === 'all targets' || course.series === 'up') return []
  const { due } = planOf(one)
  return [
    {
      ...first(one, target, `gone-${index}`),
      cast: [
        {
          stages: [
            { at: 0, courses: all(one) },
            { at: due, courses: [{ ...course, firing: undefined }] },
          ],
          looks: [
            [due - STEP, 'fires'],
            [due + REMEMBERED + keepSeconds, 'fires'],
            [due + FORGOTTEN + STEP + keepSeconds, 'quiet'],
          ],
        },
      ],
    },
  ]
}

/** What kept it quiet ends. */
function curedScenes(one: LevelCase, target: TestTarget, courses: readonly Course[], index: number): Scene[] {
  if (courses.some(({ kind }) => kind === 'rate')) return []
  const { begin } = planOf(one)
  const vanishes = courses.every(({ series }) => !all(one).some((other) => other.series === series))
  const rest = courses
    .filter(({ series }) => !all(one).some((other) => other.series === series))
    .map((course) => ({ ...course, firing: undefined }))
  const forgotten = begin + FORGOTTEN
  const looks: Looks = vanishes
    ? [
        [begin + REMEMBERED, 'quiet'],
        ...(one.forSeconds > 0 ? ([[forgotten, 'pending']] as const) : []),
        [forgotten + one.forSeconds, 'fires'],
      ]
    : [[begin - STEP, 'quiet'], ...beginning(one, begin)]
  return [
    {
      ...first(one, target, `cured-${index}`),
      cast: [
        {
          stages: [
            { at: 0, courses: withCourses(all(one), courses) },
            { at: begin, courses: [...all(one), ...rest] },
          ],
          looks,
        },
      ],
    },
  ]
}

/** Ten times the work at the same share, and at a share that is not much. */
function surgeScenes(one: LevelCase, target: TestTarget): Scene[] {
  if (one.share === undefined) return []
  const { begin, due } = planOf(one)
  const start = Math.max(begin, due)
  const looked = [start - STEP, start + STEP, start + (one.rangeSeconds ?? 0) / 2]
  const surge = (courses: readonly Course[]): Stage[] => [
    { at: 0, courses },
    { at: start, courses: courses.map((course) => ({ ...course, firing: (course.firing ?? 0) * STRONG })) },
  ]
  return (['quiet', 'firing'] as const).map((which) => ({
    ...first(one, target, `surge-${which}`),
    cast: [
      {
        stages: surge(as(which, all(one))),
        looks: looked.map((at) => [at, which === 'quiet' ? 'quiet' : 'fires'] as const),
      },
    ],
  }))
}
