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
