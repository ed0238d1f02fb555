import type { Course, LevelCase, State } from './alert-cases.ts'
import { jobsOf, MINUTE, type Role, type Scene, STEP, type TestTarget } from './alert-scenes.ts'

export type Looks = Role['looks']

/** How long the rules remember a gauge that is not scraped any more: at least, and at most. */
export const REMEMBERED = 2 * STEP
export const FORGOTTEN = 4 * STEP

/** When what happens. All scenes of a case share these moments. */
export interface Plan {
  readonly begin: number
  /** Fires for certain, also where a rate has to fill its range. */
  readonly due: number
  readonly end: number
  readonly lost: readonly number[]
  /** When those that must never fire are looked at. */
  readonly moments: readonly number[]
}

export function planOf(one: LevelCase): Plan {
  const { forSeconds, rangeSeconds = 0 } = one
  const begin = rangeSeconds + 5 * MINUTE
  const due = begin + rangeSeconds + forSeconds
  const end = due + 3 * MINUTE
  // What does not come from a scrape cannot lose one.
  const lost = one.scope === 'all targets' ? [] : [begin + STEP, due + MINUTE]
  return {
    begin,
    due,
    end,
    lost,
    moments: [begin - STEP, begin, begin + STEP, begin + 2 * STEP, due, due + MINUTE],
  }
}

/** From the moment on when it is so. */
export function beginning({ forSeconds }: LevelCase, begin: number): Looks {
  if (forSeconds === 0) return [[begin, 'fires']]
  return [
    [begin, 'pending'],
    [begin + STEP, 'pending'],
    [begin + forSeconds - STEP, 'pending'],
    [begin + forSeconds, 'fires'],
  ]
}

export function quietAt({ looks }: Role): Looks {
  return looks.map(([at]) => [at, 'quiet'] as const)
}

export function silent(one: LevelCase): Looks {
  return planOf(one).moments.map((at): readonly [number, State] => [at, 'quiet'])
}

/** Of what has been so from the beginning. */
export function firingLooks(one: LevelCase): Looks {
  const { moments, due } = planOf(one)
  return moments.flatMap((at): Looks => (at >= due ? [[at, 'fires']] : []))
}

export function scene(
  one: LevelCase,
  target: TestTarget,
  instance: string,
  courses: readonly Course[],
  looks: Looks,
): Scene {
  return { ...first(one, target, instance), cast: [{ stages: [{ at: 0, courses }], looks }] }
}

export function first(one: LevelCase, target: TestTarget, instance: string) {
  return { job: jobsOf(one, target)[0]!, instance }
}

export function all({ courses, beside = [] }: LevelCase): readonly Course[] {
  return [...courses, ...beside]
}

export function as(which: 'quiet' | 'firing' | 'strong', courses: readonly Course[]): Course[] {
  return courses.map((course) => ({ ...course, firing: course[which] }))
}

/** The same courses, but for those of the same series. */
export function withCourses(courses: readonly Course[], others: readonly Course[]): Course[] {
  return [...new Map([...courses, ...others].map((course) => [course.series, course])).values()]
}

export function metricOf({ series }: Course): string {
  return series.replace(/\{.*/, '')
}

export function isSame(one: Course, other: Course): boolean {
  return one.series === other.series && one.firing === other.firing
}

/** A lost scrape of an exporter that is well looks like one that is down for a moment. */
export function lostBy(courses: readonly Course[], lost: readonly number[]): readonly number[] {
  return courses.some(({ series }) => series === 'up') ? [] : lost
}
