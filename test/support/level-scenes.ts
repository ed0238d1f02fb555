import type { Course, LevelCase } from './alert-cases.ts'
import {
  hasLabel,
  jobsOf,
  MINUTE,
  type Role,
  relabelled,
  type Scene,
  STEP,
  type TestTarget,
} from './alert-scenes.ts'
import {
  all,
  as,
  beginning,
  firingLooks,
  first,
  isSame,
  type Looks,
  lostBy,
  metricOf,
  planOf,
  quietAt,
  scene,
  silent,
  withCourses,
} from './level-plan.ts'
import { timedScenes } from './level-times.ts'

/** The target whose alert is read word by word: well, at the boundary, well again. */
export function mainScene(
  one: LevelCase,
  target: TestTarget,
): { readonly scene: Scene; readonly told: number } {
  const plan = planOf(one)
  const { begin, end, due } = plan
  const range = one.rangeSeconds ?? 0
  const exact: Looks = range === 0 ? beginning(one, begin) : []
  return {
    told: end - STEP,
    scene: {
      ...first(one, target, 'a'),
      lost: plan.lost,
      cast: [
        {
          stages: [
            { at: 0, courses: as('quiet', all(one)) },
            { at: begin, courses: all(one) },
            { at: end, courses: as('quiet', all(one)) },
          ],
          looks: [
            [begin - STEP, 'quiet'],
            ...exact,
            [due + 2 * STEP, 'fires'],
            [due + MINUTE, 'fires'],
            [due + MINUTE + STEP, 'fires'],
            [end - STEP, 'fires'],
            [end + range + (one.keepSeconds ?? 0) + 2 * STEP, 'quiet'],
          ],
        },
      ],
    },
  }
}

/** Everybody else: what must not be taken for it, and what must be taken for it exactly as long as it is so. */
export function otherScenes(one: LevelCase, target: TestTarget): Scene[] {
  const variants = [
    as('quiet', all(one)),
    ...(one.spoilt ?? []).map((courses) => withCourses(all(one), courses)),
  ]
  return [
    ...variants.flatMap((courses, index) => quietScenes(one, target, courses, index)),
    ...foreignScenes(one),
    ...siblingScenes(one, target),
    ...eachScenes(one, target),
    ...(one.enough ?? []).map((courses, index) =>
      scene(one, target, `enough-${index}`, withCourses(all(one), courses), firingLooks(one)),
    ),
    ...(one.times === undefined ? timedScenes(one, target) : []),
  ]
}

/** Never fires: alone, next to one of the same agent elsewhere that fires, next to another agent that fires. */
function quietScenes(one: LevelCase, target: TestTarget, courses: readonly Course[], index: number): Scene[] {
  const [job, another] = jobsOf(one, target)
  const { lost } = planOf(one)
  const firing: Role = { stages: [{ at: 0, courses: all(one) }], looks: firingLooks(one) }
  const quiet: Role = { stages: [{ at: 0, courses }], looks: silent(one) }
  const others = Object.entries({ ...(one.labels?.['agent'] && { agent: 'y' }), ...one.others })
  return [
    { job: job!, instance: `quiet-${index}`, lost: lostBy(courses, lost), cast: [quiet] },
    { job: job!, instance: `pair-${index}`, cast: [firing] },
    ...(another === undefined ? [] : [{ job: another, instance: `pair-${index}`, cast: [quiet] }]),
    ...others.flatMap(([label, value]) => {
      const isTold = courses.some(
        (course) => hasLabel(course.series, label) && !all(one).some((same) => isSame(same, course)),
      )
      if (!isTold) return []
      return [
        {
          job: job!,
          instance: `${label}-${index}`,
          cast: [firing, { ...quiet, labels: { [label]: value }, looks: quietAt(firing) }],
        },
      ]
    }),
  ]
}

/** Another's job, with all that fires, once and twice. */
function foreignScenes(one: LevelCase): Scene[] {
  const role: Role = { stages: [{ at: 0, courses: all(one) }], looks: silent(one) }
  return [
    { job: 'foreign', instance: 'a', cast: [role] },
    { job: 'foreign', instance: 'twice', cast: [{ ...role, twice: 'source' }] },
  ]
}

/** All that fires, but one metric, or all of them, have another value of a label that matters. */
function siblingScenes(one: LevelCase, target: TestTarget): Scene[] {
  return (one.only ?? []).flatMap((label) => {
    const told = one.courses.filter(({ series }) => hasLabel(series, label))
    const metrics = [...new Set(told.map(metricOf))]
    const choices = metrics.length > 1 ? [...metrics.map((metric) => [metric]), metrics] : [metrics]
    return choices.map((chosen, index) => {
      const courses = all(one).map((course) =>
        told.includes(course) && chosen.includes(metricOf(course))
          ? { ...course, series: relabelled(course.series, { [label]: 'other' }) }
          : course,
      )
      return scene(one, target, `other-${label}-${index}`, courses, silent(one))
    })
  })
}

function eachScenes(one: LevelCase, target: TestTarget): Scene[] {
  return Object.entries(one.each ?? {}).flatMap(([label, values]) =>
    values.map((value): Scene => {
      const labels = { [label]: value }
      const courses = one.courses.map((course) => ({ ...course, series: relabelled(course.series, labels) }))
      return {
        ...first(one, target, `${label}-${value}`),
        cast: [
          {
            labels: one.labels?.[label] === undefined ? {} : labels,
            stages: [{ at: 0, courses }],
            looks: firingLooks(one),
          },
        ],
      }
    }),
  )
}
