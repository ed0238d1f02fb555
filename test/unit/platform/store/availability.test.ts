import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/platform/log.ts'
import { createAvailability } from '../../../../src/platform/store/availability.ts'
import { StoreUnavailable } from '../../../../src/platform/store/failure.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const turn = () => new Promise((done) => setImmediate(done))

function rig() {
  const clock = fakeClock()
  const probes: number[] = []
  const state = { broken: true, recovered: 0 }
  const availability = createAvailability({
    clock,
    log: silentLog,
    async probe() {
      probes.push(clock.monotonic())
      if (state.broken) throw new StoreUnavailable('readonly')
    },
    onRecovered: () => {
      state.recovered++
    },
  })
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000)
      await turn()
    }
  }
  return { availability, probes, state, advance }
}

describe('availability', () => {
  it('tries again with growing pauses of at most 30 s', async () => {
    const { availability, probes, advance } = rig()
    availability.markDown('full', 'disk full')
    await advance(125_000)
    expect(probes).toEqual([1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000, 121_000])
    expect(availability.down()).toMatchObject({ reason: 'readonly' })
  })

  it('recovers once per outage and begins with a short pause again', async () => {
    const { availability, probes, state, advance } = rig()
    availability.markDown('full', 'disk full')
    availability.markDown('io', 'a second failure of the same outage')
    await advance(3_000)
    state.broken = false
    await advance(4_000)
    expect(state.recovered).toBe(1)
    expect(availability.down()).toBeUndefined()
    const before = probes.length
    availability.markDown('full', 'disk full')
    await advance(1_000)
    expect(probes).toHaveLength(before + 1)
    expect(state.recovered).toBe(2)
  })

  it('does nothing after stop', async () => {
    const { availability, probes, advance } = rig()
    availability.markDown('full', 'disk full')
    availability.stop()
    await advance(60_000)
    expect(probes).toEqual([])
  })
})
