import { describe, expect, it } from 'vitest'
import { cooperativeIncarnation } from '../../../src/agents/model.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { createCooperativeRuntime } from '../../../src/runtimes/cooperative.ts'
import type { RuntimeDriver, Target } from '../../../src/runtimes/model.ts'
import { effectOptions, runtimeContract } from './runtime.contract.ts'

const STEP_MS = 5

/** An agent that asks the gate before each step, and control's part: the gate is shut before the driver is asked. */
function place() {
  const agent = 'c'
  let gate: 'open' | 'closed' | 'ended' = 'open'
  let incarnation: string | undefined
  const inner = createCooperativeRuntime({
    clock: systemClock,
    gate: () => gate,
    incarnation: () => incarnation,
  })

  async function shut<T extends { readonly outcome: string }>(wanted: typeof gate, run: () => Promise<T>) {
    const before = gate
    gate = wanted
    const effect = await run()
    if (effect.outcome !== 'done' && effect.outcome !== 'noop') gate = before
    return effect
  }

  const driver: RuntimeDriver = {
    ...inner,
    pause: (target, options) => shut('closed', () => inner.pause(target, options)),
    terminate: (target, options) => shut('ended', () => inner.terminate(target, options)),
    resume: (target, options) => shut('open', () => inner.resume(target, options)),
  }

  return {
    driver,
    async start() {
      incarnation = cooperativeIncarnation(agent, 1)
      let steps = 0
      let isAlive = true
      const timer = setInterval(() => {
        if (gate === 'ended') isAlive = false
        else if (gate === 'open') steps += 1
      }, STEP_MS)
      const target: Target = { agent, incarnation, runtime: 'cooperative', stopped: [], stoppedByOthers: [] }
      return {
        target,
        work: () => steps,
        isThere: async () => {
          await new Promise((resolve) => setTimeout(resolve, STEP_MS * 4))
          return isAlive
        },
        async end() {
          clearInterval(timer)
          incarnation = undefined
        },
      }
    },
    otherLife: (target: Target): Target => ({ ...target, incarnation: cooperativeIncarnation(agent, 2) }),
    remove: async () => undefined,
  }
}

describe('an agent that only tells about itself', () => {
  runtimeContract(async () => place())

  it('has the gate as its only rung, and no size', async () => {
    const { driver, start } = place()
    const { target, end } = await start()
    expect(await driver.pause(target, effectOptions())).toMatchObject({ rung: 'cooperative' })
    expect(driver.resize).toBeUndefined()
    await end()
  })
})
