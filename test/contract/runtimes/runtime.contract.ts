import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import type { Effect, EffectOptions, RuntimeDriver, Target } from '../../../src/runtimes/model.ts'
import { eventually } from '../../support/child.ts'

/** Something real that works until it is stopped. */
export interface RunningTarget {
  /** As control hands it to a driver; nothing of it was stopped yet. */
  readonly target: Target
  /** A number that only grows, and grows many times a second while any part of the target runs. Not the driver's word. */
  work(): number | Promise<number>
  /** Whether any part of it is still there, running or not. */
  isThere(): boolean | Promise<boolean>
  /** Ends it, however it was left. */
  end(): Promise<void>
}

/** Where targets of one kind are made. */
export interface RuntimePlace {
  readonly driver: RuntimeDriver
  start(): Promise<RunningTarget>
  /** The same target under the incarnation of another life: a recycled number, another start. */
  otherLife(target: Target): Target
  remove(): Promise<void>
}

const DEADLINE_MS = 20_000
const GRACE_MS = 1_000
/** Long enough for a working target to be seen working, several times over. */
const WATCH_MS = 400

/** Options of an effect that has time and may go on. */
export function effectOptions(overrides: Partial<EffectOptions> = {}): EffectOptions {
  return { deadlineMs: systemClock.monotonic() + DEADLINE_MS, mayGoOn: () => true, ...overrides }
}

/** The target as control knows it after that effect. */
export function after(target: Target, { stopped = [], stoppedByOthers = [] }: Effect): Target {
  return { ...target, stopped, stoppedByOthers }
}

/** What every runtime promises, whatever it acts on. */
export function runtimeContract(newPlace: () => Promise<RuntimePlace>): void {
  let place: RuntimePlace
  let driver: RuntimeDriver
  let running: RunningTarget
  let target: Target

  beforeEach(async () => {
    place = await newPlace()
    driver = place.driver
    running = await place.start()
    target = running.target
  })
  afterEach(async () => {
    await running?.end()
    await place?.remove()
  })

  /** However long a busy machine lets it wait for its turn. */
  async function works(): Promise<void> {
    const before = await running.work()
    await eventually('it works', async () => (await running.work()) > before || undefined)
  }

  async function standsStill(): Promise<void> {
    const before = await running.work()
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
    expect(await running.work()).toBe(before)
  }

  const terminateOptions = (overrides: Partial<EffectOptions> = {}) => ({
    ...effectOptions(overrides),
    graceMs: GRACE_MS,
  })

  describe('a life from pause to end', () => {
    it('is what the driver says it is', async () => {
      expect(driver.kind).toBe(target.runtime)
      expect(await driver.identify(target)).toBe(target.incarnation)
    })

    it('pauses, resumes and terminates, and the target itself shows it', async () => {
      await works()
      expect(await driver.observe(target)).toBe('running')

      const paused = await driver.pause(target, effectOptions())
      expect(paused).toMatchObject({ outcome: 'done', touched: true })
      await standsStill()
      expect(await driver.observe(after(target, paused))).toBe('paused')

      const resumed = await driver.resume(after(target, paused), effectOptions())
      expect(resumed).toMatchObject({ outcome: 'done', touched: true })
      await works()
      expect(await driver.observe(target)).toBe('running')

      const terminated = await driver.terminate(target, terminateOptions())
      expect(terminated).toMatchObject({ outcome: 'done', touched: true })
      expect(await running.isThere()).toBe(false)
      expect(await driver.observe(target)).toBe('gone')
    })

    it('has nothing to do for a second pause, and what was stopped is still known', async () => {
      const first = await driver.pause(target, effectOptions())
      const second = await driver.pause(after(target, first), effectOptions())
      expect(second).toMatchObject({ outcome: 'noop', touched: false })
      const resumed = await driver.resume(after(target, second), effectOptions())
      expect(resumed.outcome).toBe('done')
      await works()
    })

    it('has nothing to do for a resume of what runs', async () => {
      expect(await driver.resume(target, effectOptions())).toMatchObject({ outcome: 'noop', touched: false })
      await works()
    })

    it('terminates what is paused', async () => {
      const paused = await driver.pause(target, effectOptions())
      const terminated = await driver.terminate(after(target, paused), terminateOptions())
      expect(terminated).toMatchObject({ outcome: 'done', touched: true })
      expect(await running.isThere()).toBe(false)
    })
  })

  describe('what is not there', () => {
    it('says of an ended target that it is gone, to every action', async () => {
      await running.end()
      const gone = { outcome: 'gone', touched: false }
      expect(await driver.pause(target, effectOptions())).toMatchObject(gone)
      expect(await driver.resume(target, effectOptions())).toMatchObject(gone)
      expect(await driver.terminate(target, terminateOptions())).toMatchObject(gone)
      expect(await driver.observe(target)).toBe('gone')
      expect(await driver.identify(target)).toBe('gone')
    })

    it('never touches another life under the same name', async () => {
      const other = place.otherLife(target)
      for (const effect of [
        await driver.pause(other, effectOptions()),
        await driver.resume(other, effectOptions()),
        await driver.terminate(other, terminateOptions()),
      ]) {
        expect(effect).toMatchObject({ outcome: 'gone', touched: false })
      }
      expect(await driver.identify(other)).not.toBe(other.incarnation)
      await works()
    })
  })

  describe('when it may not', () => {
    it('touches nothing after the kill switch', async () => {
      const engaged = { mayGoOn: () => false }
      const halted = { outcome: 'halted', touched: false }
      expect(await driver.pause(target, effectOptions(engaged))).toMatchObject(halted)
      expect(await driver.terminate(target, terminateOptions(engaged))).toMatchObject(halted)
      await works()
    })

    it('resumes in spite of the kill switch', async () => {
      const paused = await driver.pause(target, effectOptions())
      const resumed = await driver.resume(after(target, paused), effectOptions({ mayGoOn: () => false }))
      expect(resumed.outcome).toBe('done')
      await works()
    })

    it('touches nothing after the deadline', async () => {
      const late = { deadlineMs: systemClock.monotonic() - 1 }
      const failed = { outcome: 'failed', touched: false }
      expect(await driver.pause(target, effectOptions(late))).toMatchObject(failed)
      expect(await driver.terminate(target, terminateOptions(late))).toMatchObject(failed)
      await works()
    })
  })
}
