import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NotifiedAlert } from '../../../src/alertmanager/payload.ts'
import { CURED, firing, MINUTE, resolved, SECOND, worldOf } from './shapes.ts'

/** What really happened: alerts that begin and end one after another, each seen by one or two replicas. */
const history = fc.array(
  fc.record({
    lasts: fc.integer({ min: 1, max: 20 }),
    pause: fc.integer({ min: 0, max: 20 }),
    lag: fc.integer({ min: 0, max: 1 }),
    restarted: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
)

function told(episodes: typeof history extends fc.Arbitrary<infer T> ? T : never): NotifiedAlert[] {
  const all: NotifiedAlert[] = []
  let at = 0
  for (const { lasts, pause, lag, restarted } of episodes) {
    const starts = at * SECOND
    const ends = (at + lasts) * SECOND
    for (const [fingerprint, late] of [
      ['f', 0],
      ['g', lag * 500],
    ] as const) {
      all.push(firing({ starts: starts + late, fingerprint }))
      // Prometheus was restarted while it fired: the same alert with another start.
      if (restarted) all.push(firing({ starts: starts + late + 100, fingerprint }))
      all.push(resolved({ starts: starts + late, ends: ends + late, fingerprint }))
    }
    at += lasts + pause + 1
  }
  return all
}

/** Deliveries in any order, any of them any number of times or never, some in one notification. */
const scene = history.chain((episodes) => {
  const alerts = told(episodes)
  const index = fc.nat({ max: alerts.length - 1 })
  const delivery = fc.array(index, { minLength: 1, maxLength: 4 })
  return fc.record({
    count: fc.constant(episodes.length),
    deliveries: fc
      .array(delivery, { maxLength: 60 })
      .map((all) => all.map((one) => one.map((i) => alerts[i]!))),
  })
})

/** Hears nothing twice, and lets go at once: what is left to go wrong is the judge's own fault. */
const HASTY = { ...CURED, deafFor: 0, minHold: 0 }

describe('any duplication, order and replay of notifications', () => {
  it('asks for at most one effect for each time the alert really fired', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 0, max: 4_000 }), ({ count, deliveries }, stepMs) => {
        const world = worldOf([HASTY])
        world.wait(3 * MINUTE)
        for (const alerts of deliveries) {
          world.tell(...alerts)
          world.wait(stepMs)
        }
        expect(new Set(world.acts()).size).toBe(world.acts().length)
        expect(world.acts().length).toBeLessThanOrEqual(count)
        expect(new Set(world.resumes()).size).toBe(world.resumes().length)
      }),
      { numRuns: 300 },
    )
  })

  it('never lets an agent go on while a series that was heard to fire was not heard to end after it', () => {
    fc.assert(
      fc.property(scene, fc.boolean(), ({ deliveries }, isOver) => {
        const world = worldOf([HASTY])
        world.isOver = isOver
        world.wait(3 * MINUTE)
        const began = new Map<string, number>()
        const ended = new Map<string, number>()
        const later = (map: Map<string, number>, key: string, ms: number) =>
          map.set(key, Math.max(map.get(key) ?? 0, ms))
        for (const alert of deliveries.flat()) {
          const before = { acts: world.acts().length, resumes: world.resumes().length }
          world.tell(alert)
          const { fingerprint, startsAtMs, endsAtMs } = alert
          // What was heard before the pause is what the agent was let go on for, or what it was paused for.
          if (world.acts().length > before.acts) began.clear()
          if (endsAtMs === undefined) later(began, fingerprint, startsAtMs)
          else later(ended, fingerprint, endsAtMs)
          if (world.resumes().length === before.resumes) continue
          expect(isOver).toBe(true)
          expect(world.acts()).toContain(world.resumes().at(-1))
          for (const [series, ms] of began) expect(ended.get(series) ?? 0).toBeGreaterThan(ms)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('comes to the same when every notification is told ten times', () => {
    fc.assert(
      fc.property(scene, ({ deliveries }) => {
        const play = (times: number) => {
          const world = worldOf([CURED])
          world.wait(3 * MINUTE)
          for (const alerts of deliveries) {
            for (let i = 0; i < times; i++) world.tell(...alerts)
            world.wait(SECOND)
          }
          return { acts: world.acts(), resumes: world.resumes() }
        }
        expect(play(10)).toEqual(play(1))
      }),
    )
  })

  it('whatever the times: one effect and one resume for each episode, and no resume without its pause', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 20 * MINUTE }), { minLength: 60, maxLength: 60 })
    fc.assert(
      fc.property(scene, waits, ({ deliveries }, times) => {
        const world = worldOf([CURED])
        world.wait(3 * MINUTE)
        for (const [i, alerts] of deliveries.entries()) {
          world.tell(...alerts)
          world.wait(times[i]!)
        }
        const [acts, resumes] = [world.acts(), world.resumes()]
        expect(new Set(acts).size).toBe(acts.length)
        expect(new Set(resumes).size).toBe(resumes.length)
        for (const episode of resumes) expect(acts).toContain(episode)
        expect(acts.length - resumes.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})
