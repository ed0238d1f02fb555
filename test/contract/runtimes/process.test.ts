import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { createProcessRuntime } from '../../../src/runtimes/process.ts'
import { type HostileKind, startTree } from '../../support/hostile-trees.ts'
import { watchTree } from '../../support/watched-tree.ts'
import { effectOptions, runtimeContract } from './runtime.contract.ts'

const driver = createProcessRuntime({ clock: systemClock })
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe('processes of this host', () => {
  runtimeContract(async () => ({
    driver,
    async start() {
      const tree = await startTree('burning')
      const watched = watchTree(tree)
      return {
        target: watched.target,
        work: tree.work,
        isThere: () => tree.living().length > 0,
        async end() {
          await tree.end()
          watched[Symbol.dispose]()
        },
      }
    },
    otherLife(target) {
      const [bootId, pidNamespace, pid, startTime] = target.incarnation.split(':')
      return { ...target, incarnation: `${bootId}:${pidNamespace}:${pid}:${Number(startTime) + 1}` }
    },
    remove: async () => {},
  }))
})

const RUNS = 20
/** An escapee writes hundreds of bytes in this time, on a busy machine some. */
const STAND_STILL_MS = 60

async function standsStill(work: () => number): Promise<boolean> {
  const before = work()
  await sleep(STAND_STILL_MS)
  return work() === before
}

const terminateOptions = (graceMs = 2_000) => ({ ...effectOptions(), graceMs })

describe('trees that are hard to stop', () => {
  it.each<HostileKind>(['burning', 'forking', 'relay', 'escape', 'session'])(
    'holds all of a tree of kind %s, every time',
    async (kind) => {
      await using tree = await startTree(kind)
      using watched = watchTree(tree)
      await sleep(500)
      for (let run = 0; run < RUNS; run++) {
        const paused = await driver.pause(watched.target, effectOptions())
        expect(paused, `run ${run}`).toMatchObject({ outcome: 'done', rung: 'sigstop' })
        expect(await standsStill(tree.work), `run ${run}`).toBe(true)
        for (const { pid } of [...paused.stopped!].reverse()) process.kill(pid, 'SIGCONT')
        await sleep(20)
        expect(await standsStill(tree.work)).toBe(false)
      }
      const ended = await driver.terminate(watched.target, terminateOptions())
      expect(ended).toMatchObject({ outcome: 'done' })
      expect(tree.living()).toEqual([])
    },
  )
})
