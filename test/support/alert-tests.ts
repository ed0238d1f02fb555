import { type AbsenceCase, type AlertCase, gone, type Stage, type StoryCase, steady } from './alert-cases.ts'
import {
  jobsOf,
  MINUTE,
  type PromtoolTest,
  type Scene,
  STEP,
  type TestTarget,
  testOf,
} from './alert-scenes.ts'
import * as event from './event-scenes.ts'
import * as level from './level-scenes.ts'

/**
 * The tests that every alert of this class passes, with targets that have the same agent, a foreign job and, where the
 * rules select by a pattern, a second job.
 */
export function testsOf(one: AlertCase, target: TestTarget): PromtoolTest[] {
  const stories = storyTests(one, target)
  switch (one.class) {
    case 'level': {
      const { scene, told } = level.mainScene(one, target)
      const where = { at: told, instance: 'a' }
      const main = testOf(
        one,
        target,
        'at the boundary, after its time, over a lost scrape, until it is well',
        [scene],
        where,
      )
      if (one.scope === 'all targets') return [main, ...stories]
      return [main, testOf(one, target, 'nothing else', level.otherScenes(one, target)), ...stories]
    }
    case 'event': {
      if (one.kind === 'story') return stories
      const { scene, told } = event.mainScene(one, target)
      const where = { at: told, instance: 'a' }
      return [
        testOf(one, target, 'when it happened, over a lost scrape, and not for a restart', [scene], where),
        testOf(one, target, 'nothing else', event.otherScenes(one, target)),
        ...stories,
      ]
    }
    case 'absence':
      return [absenceTest(one, target)]
    case 'always': {
      const always: Scene = {
        job: '',
        instance: '',
        cast: [
          {
            stages: [],
            looks: [
              [0, 'fires'],
              [3_600, 'fires'],
            ],
          },
        ],
      }
      return [testOf(one, target, 'fires always', [always], { at: 3_600, instance: '' })]
    }
  }
}

/** Stories of one target each; the first of an alert that has nothing else is read word by word. */
function storyTests(one: AlertCase, target: TestTarget): PromtoolTest[] {
  const stories = one.stories ?? []
  const [job] = jobsOf(one, target)
  const scenes = stories.map(
    ({ what, stages, looks }): Scene => ({ job: job!, instance: what, cast: [{ stages, looks }] }),
  )
  if (one.class === 'event' && one.kind === 'story') {
    const [first, ...others] = scenes
    const told = firedIn(one)
    return [
      testOf(one, target, stories[0]!.what, [{ ...first!, instance: 'a' }], { at: told, instance: 'a' }),
      testOf(one, target, 'nothing else', [...others, ...elsewhere(one, target)]),
    ]
  }
  return scenes.length === 0 ? [] : [testOf(one, target, 'its stories', scenes)]
}

function firedIn({ stories }: StoryCase): number {
  const fired = stories[0]!.looks.find(([, state]) => state === 'fires')
  if (fired === undefined) throw new Error('the first story is one of an alert that fires')
  return fired[0]
}

/** The same where it is not ours; and one that fires next to those of another job that do not. */
function elsewhere(one: StoryCase, target: TestTarget): Scene[] {
  const { stories } = one
  const [job, another] = jobsOf(one, target)
  const pairs = stories.filter(({ looks }) => looks.every(([, state]) => state === 'quiet'))
  const { stages, looks } = stories[0]!
  const role = { stages, looks: looks.map(([at]) => [at, 'quiet'] as const) }
  return [
    { job: 'foreign', instance: 'a', cast: [role] },
    { job: 'foreign', instance: 'twice', cast: [{ ...role, twice: 'source' }] },
    ...(another === undefined ? [] : pairs).flatMap(({ what, ...quiet }) => [
      { job: job!, instance: `next to ${what}`, cast: [stories[0]!] },
      { job: another!, instance: `next to ${what}`, cast: [quiet] },
    ]),
  ]
}

function absenceTest(one: AbsenceCase, target: TestTarget): PromtoolTest {
  const lost = 10 * MINUTE
  const back = lost + one.forSeconds + 10 * MINUTE
  const [job] = jobsOf(one, target)
  const stages: Stage[] = [
    { at: 0, courses: [steady(one.series, 1)] },
    { at: lost, courses: [gone(one.series)] },
    { at: back, courses: [steady(one.series, 1)] },
  ]
  const scenes: Scene[] = [
    {
      job: job!,
      instance: 'a',
      cast: [
        {
          stages,
          looks: [
            [lost - STEP, 'quiet'],
            [lost, 'pending'],
            [lost + one.forSeconds - STEP, 'pending'],
            [lost + one.forSeconds, 'fires'],
            [back, 'quiet'],
          ],
        },
      ],
    },
    { job: job!, instance: 'b', cast: [{ stages, looks: [] }] },
    { job: 'foreign', instance: 'a', cast: [{ stages: stages.slice(0, 1), looks: [] }] },
  ]
  const told = { at: lost + one.forSeconds, instance: 'a' }
  return testOf(one, target, 'when all are gone, after its time, until one is back', scenes, told)
}
