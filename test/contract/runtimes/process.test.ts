import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { createProcessRuntime } from '../../../src/runtimes/process.ts'
import { liveCgroups } from '../../support/cgroups.ts'
import { eventually } from '../../support/child.ts'
import {
  type HostileKind,
  type HostileTree,
  startInTerminal,
  startTree,
} from '../../support/hostile-trees.ts'
import { truthOf } from '../../support/real-processes.ts'
import { watchTree } from '../../support/watched-tree.ts'
import { after, effectOptions, runtimeContract } from './runtime.contract.ts'

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

/** A busy host may leave a running process waiting for its turn. */
async function works(work: () => number): Promise<void> {
  const before = work()
  await eventually('it works', () => work() > before || undefined, 20_000, 10)
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
        await works(tree.work)
      }
      const ended = await driver.terminate(watched.target, terminateOptions())
      expect(ended).toMatchObject({ outcome: 'done' })
      expect(tree.living()).toEqual([])
    },
  )
})

const stateOf = (pid: number) => truthOf(pid).state
/** Fields of `/proc/<pid>/stat` from the state on. */
const fieldsOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')

/** A driver, and whether the grace of its tree has begun: everybody was told to end and goes on. */
function watchedDriver(tree: HostileTree, monotonic = systemClock.monotonic) {
  const continued = new Set<number>()
  const driver = createProcessRuntime({
    clock: { ...systemClock, monotonic },
    kill(pid, signal) {
      process.kill(pid, signal)
      if (signal === 'SIGCONT') continued.add(pid)
    },
  })
  return { driver, inGrace: () => tree.living().every((pid) => continued.has(pid)) }
}

describe('terminating', () => {
  it('ends who ignores SIGTERM by SIGKILL, after the grace', async () => {
    await using tree = await startTree('deaf')
    using watched = watchTree(tree)
    const from = performance.now()
    const ended = await driver.terminate(watched.target, terminateOptions(500))
    expect(ended).toMatchObject({ outcome: 'done', rung: 'sigkill', touched: true })
    expect(performance.now() - from).toBeGreaterThanOrEqual(500)
    expect(tree.living()).toEqual([])
  })

  it('does not wait when all have heard', async () => {
    await using tree = await startTree('burning')
    using watched = watchTree(tree)
    const from = performance.now()
    const deadlineMs = systemClock.monotonic() + 120_000
    const ended = await driver.terminate(watched.target, { ...terminateOptions(90_000), deadlineMs })
    expect(ended).toMatchObject({ outcome: 'done', rung: 'sigterm' })
    expect(performance.now() - from).toBeLessThan(60_000)
    expect(tree.living()).toEqual([])
  })

  it('leaves the tree alone when the kill switch is engaged in the grace', async () => {
    await using tree = await startTree('deaf')
    using watched = watchTree(tree)
    const { driver, inGrace } = watchedDriver(tree)
    const mayGoOn = () => !inGrace()
    const ended = await driver.terminate(watched.target, { ...terminateOptions(10_000), mayGoOn })
    expect(ended).toMatchObject({ outcome: 'halted', touched: true, stopped: [] })
    await works(tree.work)
    expect(tree.living()).toHaveLength(2)
  })

  it('says what is left when the deadline passes in the grace', async () => {
    await using tree = await startTree('deaf')
    using watched = watchTree(tree)
    let now = 0
    // Time stands still until the grace begins.
    const { driver, inGrace } = watchedDriver(tree, () => {
      if (inGrace()) now += 100
      return now
    })
    const ended = await driver.terminate(watched.target, { ...terminateOptions(10_000), deadlineMs: 500 })
    expect(ended).toMatchObject({ outcome: 'partial', touched: true })
  })
})

describe('what others have stopped', () => {
  it('is known before and after a pause, and stays as it is when we resume', async () => {
    await using tree = await startTree('sleeping')
    using watched = watchTree(tree)
    const sleeper = await eventually('the child stopped itself', () =>
      tree.living().find((pid) => pid !== tree.pid && stateOf(pid) === 'T'),
    )
    expect(await driver.observe(watched.target)).toBe('partial')
    expect((await driver.stoppedNow(watched.target))!.map(({ pid }) => pid)).toEqual([sleeper])
    const paused = await driver.pause(watched.target, effectOptions())
    expect(paused.stopped!.map(({ pid }) => pid)).toEqual([tree.pid])
    expect(paused.stoppedByOthers!.map(({ pid }) => pid)).toEqual([sleeper])
    const resumed = await driver.resume(after(watched.target, paused), effectOptions())
    expect(resumed.outcome).toBe('done')
    expect(stateOf(sleeper)).toBe('T')
    expect(await driver.observe(after(watched.target, paused))).toBe('running')
  })
})

describe('numbers that were given away', () => {
  it('are never signalled', async () => {
    await using tree = await startTree('burning')
    using watched = watchTree(tree)
    const { processes, ...rest } = watched.snapshot()
    const [root, ...others] = processes
    const recycled = others.map((process) => ({ ...process, startTime: process.startTime - 1 }))
    const snapshot = async () => ({ ...rest, groups: [], processes: [root!, ...recycled] })
    const paused = await driver.pause({ ...watched.target, snapshot }, effectOptions())
    expect(paused.stopped!.map(({ pid }) => pid)).toEqual([tree.pid])
    for (const { pid } of recycled) expect(stateOf(pid)).not.toBe('T')

    process.kill(others[0]!.pid, 'SIGSTOP')
    await eventually('it is stopped', () => stateOf(others[0]!.pid) === 'T' || undefined)
    const target = { ...watched.target, stopped: recycled }
    expect(await driver.resume(target, effectOptions())).toMatchObject({ outcome: 'noop', touched: false })
    expect(stateOf(others[0]!.pid)).toBe('T')
  })
})

describe('what it may not do', () => {
  it('stops no tree in which it runs itself', async () => {
    const sent: unknown[] = []
    const careful = createProcessRuntime({ clock: systemClock, kill: (...signal) => void sent.push(signal) })
    using watched = watchTree({ pid: process.pid, startTime: truthOf(process.pid).startTime })
    const failed = { outcome: 'failed', touched: false, detail: 'this program runs inside of the agent' }
    expect(await careful.pause(watched.target, effectOptions())).toMatchObject(failed)
    expect(await careful.terminate(watched.target, terminateOptions())).toMatchObject(failed)
    expect(sent).toEqual([])
  })

  it('says that the processes are another user’s', async () => {
    const kill = () => {
      throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
    }
    const stranger = createProcessRuntime({ clock: systemClock, kill })
    await using tree = await startTree('burning')
    using watched = watchTree(tree)
    const failed = {
      outcome: 'failed',
      touched: false,
      detail: expect.stringContaining('process of another user'),
    }
    expect(await stranger.pause(watched.target, effectOptions())).toMatchObject(failed)
    expect(await stranger.terminate(watched.target, terminateOptions())).toMatchObject(failed)
  })

  it('says what it has stopped when it is told to go no further', async () => {
    // In our group: so every process is signalled on its own.
    await using tree = await startTree('burning', { detached: false })
    using watched = watchTree(tree)
    let asked = 0
    const paused = await driver.pause(watched.target, effectOptions({ mayGoOn: () => ++asked <= 2 }))
    expect(paused).toMatchObject({ outcome: 'halted', touched: true })
    const stopped = () => tree.living().filter((pid) => stateOf(pid) === 'T')
    await eventually('those it has signalled are stopped', () => stopped().length === 2 || undefined)
    await sleep(50)
    expect(stopped()).toHaveLength(2)
    const again = await driver.pause(after(watched.target, paused), effectOptions())
    expect(again).toMatchObject({ outcome: 'done' })
    const resumed = await driver.resume(after(watched.target, again), effectOptions())
    expect(resumed.outcome).toBe('done')
    expect(tree.living().filter((pid) => stateOf(pid) === 'T')).toEqual([])
  })
})

describe('a job of an interactive shell', () => {
  it('needs its person to bring it to the foreground again', async () => {
    await using job = await startInTerminal()
    using watched = watchTree(job)
    const paused = await driver.pause(watched.target, effectOptions())
    expect(paused.outcome).toBe('done')
    // The shell takes its terminal back when it hears that its job is stopped.
    await eventually('the job is in the background', () => {
      const [, , pgrp, , , foreground] = fieldsOf(job.pid)
      return foreground !== pgrp || undefined
    })
    const resumed = await driver.resume(after(watched.target, paused), effectOptions())
    expect(resumed).toMatchObject({ outcome: 'needs_foreground', touched: true })
    expect(resumed.detail).toMatch(/run `fg` in pts\/\d+/)
  })
})

describe.each([1, 2] as const)('a tree with a control group of its own, v%i', (version) => {
  const groups = liveCgroups(version)
  const path = `/agent-exporter-freezer-${process.pid}`

  async function inGroup(): Promise<Awaited<ReturnType<typeof startTree>>> {
    groups!.make(path)
    const tree = await startTree('burning')
    try {
      tree.met()
      await eventually('the orphan is one', () => tree.living().length === 5 || undefined)
      // Until no one is new: what a process forks before it is moved stays outside.
      const moved = new Set<number>()
      for (let more = tree.living(); more.some((pid) => !moved.has(pid)); more = tree.living()) {
        for (const pid of more) groups!.enter(path, pid)
        for (const pid of more) moved.add(pid)
      }
      return tree
    } catch (error) {
      await leave(tree)
      throw error
    }
  }
  async function leave(tree: Awaited<ReturnType<typeof startTree>>): Promise<void> {
    groups!.setFrozen(path, 'thawed')
    await tree.end()
    await eventually('the group is empty', () => {
      groups!.remove(path)
      return true
    })
  }

  const needs = groups === undefined ? ' (skipped: needs control groups that may be written)' : ''
  it.skipIf(groups === undefined)(`is frozen and thawed as a whole${needs}`, async () => {
    const tree = await inGroup()
    try {
      using watched = watchTree(tree)
      const done = { outcome: 'done', rung: 'freezer', touched: true }
      expect(await driver.pause(watched.target, effectOptions())).toMatchObject(done)
      expect(await standsStill(tree.work)).toBe(true)
      expect(await driver.observe(watched.target)).toBe('paused')
      const again = await driver.pause(watched.target, effectOptions())
      expect(again).toMatchObject({ outcome: 'noop', touched: false })
      expect(await driver.resume(watched.target, effectOptions())).toMatchObject(done)
      await works(tree.work)
      await driver.pause(watched.target, effectOptions())
      expect((await driver.terminate(watched.target, terminateOptions())).outcome).toBe('done')
      expect(tree.living()).toEqual([])
    } finally {
      await leave(tree)
    }
  })

  it.skipIf(groups === undefined)(`ends what ignores SIGTERM while frozen${needs}`, async () => {
    groups!.make(path)
    const tree = await startTree('deaf')
    for (const pid of tree.living()) groups!.enter(path, pid)
    try {
      using watched = watchTree(tree)
      expect((await driver.pause(watched.target, effectOptions())).rung).toBe('freezer')
      const ended = await driver.terminate(watched.target, terminateOptions(200))
      expect(ended).toMatchObject({ outcome: 'done', rung: 'sigkill' })
      expect(tree.living()).toEqual([])
    } finally {
      await leave(tree)
    }
  })

  it.skipIf(groups === undefined)(`is never frozen together with somebody else${needs}`, async () => {
    const tree = await inGroup()
    const stranger = await startTree('deaf')
    for (const pid of stranger.living()) groups!.enter(path, pid)
    try {
      using watched = watchTree(tree)
      const paused = await driver.pause(watched.target, effectOptions())
      expect(paused).toMatchObject({ outcome: 'done', rung: 'sigstop' })
      expect(await standsStill(tree.work)).toBe(true)
      await works(stranger.work)
    } finally {
      await stranger.end()
      await leave(tree)
    }
  })
})
