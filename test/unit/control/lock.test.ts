import { describe, expect, it } from 'vitest'
import { createActingLock } from '../../../src/control/lock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { fakeClock } from '../../support/fake-clock.ts'

describe('acting lock', () => {
  it('is nobody’s before it is asked for', () => {
    const lock = createActingLock({ uid: 1, clock: fakeClock(), log: silentLog })
    expect(lock.isHeld()).toBe(false)
  })

  it('is everybody’s where the platform has none', async () => {
    const lock = createActingLock({ uid: 1, clock: fakeClock(), log: silentLog, platform: 'darwin' })
    await lock.start()
    expect(lock.isHeld()).toBe(true)
    await lock.stop()
    expect(lock.isHeld()).toBe(false)
  })
})

describe.runIf(process.platform === 'linux')('a lock that somebody else has', () => {
  const UID = 4_100_000 + (process.pid % 100_000)

  async function actsBeside(users: readonly number[], name?: string): Promise<boolean> {
    const common = { uid: UID, clock: fakeClock(), log: silentLog, ...(name === undefined ? {} : { name }) }
    const first = createActingLock(common)
    const second = createActingLock({ ...common, holders: async () => new Set(users) })
    await first.start()
    await second.start()
    const acts = second.isHeld()
    await second.stop()
    await first.stop()
    return acts
  }

  it.each([
    ['a daemon of ours', [UID], false],
    ['root', [0], false],
    ['nobody knows who', [], false],
    ['a process of ours and one of another user', [UID, 1], false],
    ['a process of another user', [1], true],
  ] as const)('and it is %s (%j): acts %s', async (_who, users, acts) => {
    expect(await actsBeside(users)).toBe(acts)
  })

  it('and has a name of its own is respected', async () => {
    expect(await actsBeside([1], `unit-${process.pid}`)).toBe(false)
  })
})
