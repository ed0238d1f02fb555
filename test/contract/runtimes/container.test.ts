import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { containerIncarnation } from '../../../src/agents/model.ts'
import { createCgroupReader } from '../../../src/platform/cgroup/reader.ts'
import { emptySample } from '../../../src/platform/cgroup/sample.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import type { DockerEngine } from '../../../src/platform/docker/container.ts'
import { locateContainer } from '../../../src/platform/docker/container-cgroup.ts'
import { createDockerEngine } from '../../../src/platform/docker/engine.ts'
import { containerMark, createContainerRuntime } from '../../../src/runtimes/container.ts'
import type { Effect, EffectOptions, RuntimeDriver, Target } from '../../../src/runtimes/model.ts'
import { eventually } from '../../support/child.ts'
import { type Dockerd, describeWithDockerd, type RunOptions, startDockerd } from '../../support/dockerd.ts'
import { type EngineProxy, startEngineProxy } from '../../support/engine-proxy.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { after, effectOptions, type RunningTarget, runtimeContract } from './runtime.contract.ts'

const LABELS = { 'agent-exporter.agent': 'a' }
const PROJECT = 'com.docker.compose.project'
const MIB = 1024 * 1024
/** Starts programs all the time: its own CPU and its children's only grow while it runs. */
const BUSY = 'while :; do busybox true; done'
/** Of a time that a test makes pass. */
const STEP_MS = 10
const STUBBORN = `trap '' TERM; ${BUSY}`

describeWithDockerd('containers', () => {
  let dockerd: Dockerd
  let proxy: EngineProxy
  let engine: DockerEngine
  let driver: RuntimeDriver
  const cgroups = createCgroupReader()
  const started: string[] = []

  beforeAll(async () => {
    dockerd = await startDockerd()
    await dockerd.importImage('labelled-image', { 'agent-exporter.agent': 'from-image' })
  })
  afterAll(async () => {
    cgroups.close()
    await dockerd?.[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    proxy = await startEngineProxy(dockerd.socketPath)
    engine = createDockerEngine({ socketPath: proxy.socketPath, environment: {} })
    driver = createContainerRuntime({ clock: systemClock, engine, cgroups })
  })
  afterEach(async () => {
    await engine.stop()
    await proxy[Symbol.asyncDispose]()
    for (const id of started.splice(0)) await removed(id)
  })

  const removed = (id: string) =>
    dockerd.docker
      .getContainer(id)
      .remove({ force: true })
      .catch(() => undefined)

  const stateOf = async (id: string) => (await dockerd.docker.getContainer(id).inspect()).State

  async function start(options: RunOptions = {}): Promise<RunningTarget & { readonly id: string }> {
    const { id } = await dockerd.runContainer({ labels: LABELS, script: BUSY, ...options })
    started.push(id)
    const { StartedAt: startedAt, Pid: pid } = await stateOf(id)
    const group = locateContainer(cgroups, { id, pid })
    const sample = emptySample()
    return {
      id,
      target: {
        agent: 'a',
        incarnation: containerIncarnation(id, startedAt),
        runtime: 'container',
        container: { id, startedAt },
        stopped: [],
        stoppedByOthers: [],
      },
      work() {
        if (group === undefined || cgroups.read(group, sample) !== 'ok') return 0
        return (sample.cpuUserSeconds ?? 0) + (sample.cpuSystemSeconds ?? 0)
      },
      isThere: async () => (await stateOf(id)).Running,
      end: () => removed(id),
    }
  }

  /**
   * An effect whose time stands still while the engine is at work, so that it is the same on a busy machine: only what
   * the proxy keeps back, and its own waits, take of it.
   */
  async function inItsTime(
    deadlineMs: number,
    run: (driver: RuntimeDriver, options: EffectOptions) => Promise<Effect>,
  ): Promise<{ readonly effect: Effect; readonly tookMs: number }> {
    const clock = fakeClock()
    const its = createDockerEngine({ socketPath: proxy.socketPath, environment: {}, clock })
    let effect: Effect | undefined
    const running = run(
      createContainerRuntime({ clock, engine: its, cgroups }),
      effectOptions({ deadlineMs }),
    )
    const ended = running.then((found) => {
      effect = found
    })
    while (effect === undefined) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2))])
      if (proxy.underWay() === 0) clock.advance(STEP_MS)
    }
    await its.stop()
    return { effect, tookMs: clock.monotonic() }
  }

  const withGrace = (graceMs: number) => ({ ...effectOptions(), graceMs })

  describe('as every runtime', () => {
    runtimeContract(async () => ({
      driver,
      start,
      otherLife: (target): Target => {
        const container = { id: target.container?.id ?? '', startedAt: '2020-01-01T00:00:00.000000000Z' }
        return { ...target, container, incarnation: containerIncarnation(container.id, container.startedAt) }
      },
      remove: async () => undefined,
    }))
  })

  describe('as every runtime, with the engine’s word alone', () => {
    runtimeContract(async () => ({
      driver: createContainerRuntime({ clock: systemClock, engine }),
      start,
      otherLife: (target): Target => {
        const container = { id: target.container?.id ?? '', startedAt: '2020-01-01T00:00:00.000000000Z' }
        return { ...target, container, incarnation: containerIncarnation(container.id, container.startedAt) }
      },
      remove: async () => undefined,
    }))
  })

  describe('a pause', () => {
    it('is verified in the freezer, tells its rung, and marks what it paused', async () => {
      const { target, id } = await start()
      const paused = await driver.pause(target, effectOptions())
      expect(paused).toEqual({
        outcome: 'done',
        rung: 'docker_pause',
        touched: true,
        stopped: [containerMark((await stateOf(id)).Pid)],
      })
      expect((await stateOf(id)).Paused).toBe(true)
      expect(proxy.posts).toEqual([`POST /containers/${id}/pause`])
    })

    it('of somebody else is left to them by a resume, unless it carries our mark', async () => {
      const { target, id } = await start()
      await dockerd.docker.getContainer(id).pause()
      const paused = await driver.pause(target, effectOptions())
      expect(paused).toMatchObject({ outcome: 'noop', touched: false, stopped: [] })
      expect(paused.stoppedByOthers).toHaveLength(1)
      const resumed = await driver.resume(after(target, paused), effectOptions())
      expect(resumed).toMatchObject({ outcome: 'noop', touched: false })
      expect((await stateOf(id)).Paused).toBe(true)
      expect(proxy.posts).toEqual([])

      const byPerson = { ...target, stopped: paused.stoppedByOthers ?? [] }
      expect(await driver.resume(byPerson, effectOptions())).toMatchObject({ outcome: 'done', touched: true })
      expect((await stateOf(id)).Paused).toBe(false)
    })

    it('that races with somebody else’s is theirs', async () => {
      const { target, id } = await start()
      proxy.before = () => dockerd.docker.getContainer(id).pause()
      const paused = await driver.pause(target, effectOptions())
      expect(paused).toMatchObject({ outcome: 'noop', touched: false, stopped: [] })
    })

    it('that met the next life of the container lets it go', async () => {
      const { target, id } = await start()
      proxy.before = async () => {
        proxy.before = undefined
        await dockerd.docker.getContainer(id).restart({ t: 0 })
      }
      const paused = await driver.pause(target, effectOptions())
      expect(paused).toMatchObject({ outcome: 'gone', touched: true })
      expect(await stateOf(id)).toMatchObject({ Running: true, Paused: false })
    })

    it('is verified by the freezer when the engine does its work and hangs then', async () => {
      const { target } = await start()
      proxy.holdBack = { what: 'answer', matching: /pause/ }
      const { effect } = await inItsTime(1_500, (by, options) => by.pause(target, options))
      expect(effect).toMatchObject({ outcome: 'done', touched: true })
    })

    it('is undone by a resume although nobody can say any more whose the label is', async () => {
      const { target, id } = await start()
      const paused = await driver.pause(target, effectOptions())
      proxy.holdBack = { what: 'missing', matching: /images/ }
      const restarted = createDockerEngine({ socketPath: proxy.socketPath, environment: {} })
      const next = createContainerRuntime({ clock: systemClock, engine: restarted, cgroups })
      const other = await next.terminate(after(target, paused), withGrace(0))
      expect(other).toMatchObject({ outcome: 'failed', touched: false, detail: 'unlabelled_container' })
      expect(await next.resume(after(target, paused), effectOptions())).toMatchObject({ outcome: 'done' })
      expect((await stateOf(id)).Paused).toBe(false)
      await restarted.stop()
    })
  })

  describe('an engine that hangs', () => {
    async function soon(run: Parameters<typeof inItsTime>[1]): Promise<Effect> {
      const { effect, tookMs } = await inItsTime(1_000, run)
      expect(tookMs).toBeLessThan(1_300)
      return effect
    }

    it('before the POST has touched nothing', async () => {
      const { target } = await start()
      proxy.holdBack = { what: 'request', matching: /./ }
      for (const effect of [
        await soon((by, options) => by.pause(target, options)),
        await soon((by, options) => by.resume(target, options)),
        await soon((by, options) => by.terminate(target, { ...options, graceMs: 1_000 })),
        await soon((by, options) => by.resize!(target, { cpus: 1 }, options)),
      ]) {
        expect(effect).toMatchObject({ outcome: 'failed', touched: false })
      }
      expect(proxy.posts).toEqual([])
    })

    it('on the POST may have touched it, and what it may have paused is known', async () => {
      const { target } = await start()
      proxy.holdBack = { what: 'request', matching: /POST/ }
      const paused = await soon((by, options) => by.pause(target, options))
      expect(paused).toMatchObject({ outcome: 'failed', touched: true })
      expect(paused.stopped).toHaveLength(1)
      const terminated = await soon((by, options) => by.terminate(target, { ...options, graceMs: 0 }))
      expect(terminated).toMatchObject({ outcome: 'failed', touched: true })
    })

    it('is "unknown" to an observer', async () => {
      const { target } = await start()
      await engine.stop()
      await proxy[Symbol.asyncDispose]()
      expect(await driver.observe(target)).toBe('unknown')
      expect(await driver.identify(target)).toBe('unknown')
      expect(await driver.pause(target, effectOptions())).toMatchObject({ outcome: 'failed', touched: false })
      proxy = await startEngineProxy(dockerd.socketPath)
    })
  })

  describe('what is not ours', () => {
    const everyAction = async (target: Target, by: RuntimeDriver = driver) => [
      await by.pause(target, effectOptions()),
      await by.resume(target, effectOptions()),
      await by.terminate(target, withGrace(0)),
      await by.resize!(target, { memoryBytes: 256 * MIB, cpus: 1 }, effectOptions()),
    ]

    it('is a container without a label, or whose label came with its image', async () => {
      const others = [
        await start({ labels: {} }),
        await start({ image: 'labelled-image', labels: {} }),
        await start({ image: 'labelled-image', labels: { 'agent-exporter.agent': 'from-image' } }),
        await start({ labels: { 'agent-exporter.enforce': 'true' } }),
      ]
      for (const { target } of others) {
        for (const effect of await everyAction(target)) {
          expect(effect).toMatchObject({ outcome: 'failed', touched: false, detail: 'unlabelled_container' })
        }
      }
      expect(proxy.posts).toEqual([])
    })

    it('is our own container and its compose project; another project is not', async () => {
      const project = (name: string) => start({ labels: { ...LABELS, [PROJECT]: name } })
      const [own, neighbour, stranger] = [await project('p'), await project('p'), await project('q')]
      const inside = createContainerRuntime({ clock: systemClock, engine, cgroups, ownContainer: own.id })
      for (const { target } of [own, neighbour]) {
        for (const effect of await everyAction(target, inside)) {
          expect(effect).toMatchObject({ outcome: 'failed', touched: false, detail: 'own_container' })
        }
      }
      expect(proxy.posts).toEqual([])
      expect(await inside.pause(stranger.target, effectOptions())).toMatchObject({ outcome: 'done' })
    })

    it('is the container after a restart', async () => {
      const { target, id } = await start()
      await dockerd.docker.getContainer(id).restart({ t: 0 })
      for (const effect of await everyAction(target)) {
        expect(effect).toMatchObject({ outcome: 'gone', touched: false })
      }
      expect(proxy.posts).toEqual([])
      const { StartedAt } = await stateOf(id)
      expect(await driver.identify(target)).toBe(containerIncarnation(id, StartedAt))
    })

    it('is anything once the kill switch is engaged, and it is asked last of all', async () => {
      const { target } = await start({ memory: 64 * MIB })
      const asked: number[] = []
      const options = effectOptions({
        mayGoOn: () => {
          asked.push(proxy.posts.length)
          return false
        },
      })
      for (const effect of [
        await driver.pause(target, options),
        await driver.terminate(target, { ...options, graceMs: 0 }),
        await driver.resize!(target, { memoryBytes: 256 * MIB }, options),
      ]) {
        expect(effect).toMatchObject({ outcome: 'halted', touched: false })
      }
      expect(asked).toEqual([0, 0, 0])
      expect(proxy.posts).toEqual([])
    })
  })

  describe('a termination', () => {
    it('is gentle to who listens', async () => {
      const { target, id } = await start({
        script: "trap 'exit 7' TERM; while :; do busybox sleep 0.05; done",
      })
      const { Pid } = await stateOf(id)
      const group = locateContainer(cgroups, { id, pid: Pid })!
      await eventually('it listens', () => cgroups.processes(group)!.length > 1 || undefined, 30_000, 5)
      expect(await driver.terminate(target, withGrace(5_000))).toMatchObject({
        outcome: 'done',
        rung: 'docker_stop',
      })
      expect(await stateOf(id)).toMatchObject({ Running: false, ExitCode: 7 })
      expect(proxy.posts).toEqual([`POST /containers/${id}/stop?t=5`])
    })

    it('ends who ignores SIGTERM, after the grace', async () => {
      const { target, id } = await start({ script: STUBBORN })
      const before = systemClock.monotonic()
      expect(await driver.terminate(target, withGrace(1_000))).toMatchObject({
        outcome: 'done',
        touched: true,
      })
      expect(systemClock.monotonic() - before).toBeGreaterThan(900)
      expect(await stateOf(id)).toMatchObject({ Running: false, ExitCode: 137 })
    })

    it('ends who ignores SIGTERM and is paused', async () => {
      const { target, id } = await start({ script: STUBBORN })
      const paused = await driver.pause(target, effectOptions())
      const ended = await driver.terminate(after(target, paused), withGrace(1_000))
      expect(ended).toMatchObject({ outcome: 'done', touched: true })
      expect((await stateOf(id)).Running).toBe(false)
    })

    it('kills when the engine’s stop does not come to anything', async () => {
      const { target, id } = await start({ script: STUBBORN })
      proxy.holdBack = { what: 'request', matching: /stop/ }
      const { effect } = await inItsTime(6_000, (by, options) =>
        by.terminate(target, { ...options, graceMs: 0 }),
      )
      expect(effect).toMatchObject({ outcome: 'done', rung: 'docker_kill', touched: true })
      expect(proxy.posts).toEqual([
        `POST /containers/${id}/stop?t=0`,
        `POST /containers/${id}/kill?signal=SIGKILL`,
      ])
    })

    it('is halted between stop and kill by the kill switch', async () => {
      const { target, id } = await start({ script: STUBBORN })
      proxy.holdBack = { what: 'request', matching: /stop/ }
      const mayGoOn = () => proxy.posts.length === 0
      const { effect } = await inItsTime(5_000, (by, options) =>
        by.terminate(target, { ...options, graceMs: 0, mayGoOn }),
      )
      expect(effect).toMatchObject({ outcome: 'halted', touched: true })
      expect((await stateOf(id)).Running).toBe(true)
    })

    it('is final for a container that its engine restarts', async () => {
      const { target, id } = await start({ restarts: 10 })
      expect(await driver.terminate(target, withGrace(0))).toMatchObject({ outcome: 'done' })
      expect(await stateOf(id)).toMatchObject({ Running: false, Restarting: false })
    })
  })

  describe('a new size', () => {
    const limits = async (id: string) => (await dockerd.docker.getContainer(id).inspect()).HostConfig
    const kernelLimit = (pid: number) => {
      const ref = cgroups.locate(pid)
      const sample = emptySample()
      if (ref === undefined) return undefined
      cgroups.forget(ref)
      cgroups.read(ref, sample)
      return sample
    }

    it('raises memory above the old memory and swap together, and lowers it again', async () => {
      const { target, id } = await start({ memory: 64 * MIB })
      const { Pid } = await stateOf(id)
      for (const memoryBytes of [512 * MIB, 48 * MIB]) {
        const resized = await driver.resize!(target, { memoryBytes }, effectOptions())
        expect(resized).toEqual({ outcome: 'done', rung: 'docker_update', touched: true })
        expect(await limits(id)).toMatchObject({ Memory: memoryBytes, MemorySwap: memoryBytes + 64 * MIB })
        expect(kernelLimit(Pid)?.memoryLimitBytes).toBe(memoryBytes)
      }
      expect(await driver.resize!(target, { memoryBytes: 48 * MIB }, effectOptions())).toMatchObject({
        outcome: 'noop',
      })
      expect(proxy.posts).toHaveLength(2)
    })

    it('gives a limit to who had none', async () => {
      const { target, id } = await start()
      expect(await driver.resize!(target, { memoryBytes: 128 * MIB }, effectOptions())).toMatchObject({
        outcome: 'done',
      })
      expect(await limits(id)).toMatchObject({ Memory: 128 * MIB, MemorySwap: 256 * MIB })
    })

    it('sets cores, also where they were given as a quota', async () => {
      const { target, id } = await start({ cpus: 0.5 })
      const { Pid } = await stateOf(id)
      expect(await driver.resize!(target, { cpus: 0.25 }, effectOptions())).toMatchObject({ outcome: 'done' })
      expect((await limits(id)).NanoCpus).toBe(0.25e9)
      expect(kernelLimit(Pid)?.cpuLimitCores).toBeCloseTo(0.25)

      const quota = await start()
      await dockerd.docker.getContainer(quota.id).update({ CpuQuota: 30_000, CpuPeriod: 50_000 })
      expect(await driver.resize!(quota.target, { cpus: 1.2 }, effectOptions())).toMatchObject({
        outcome: 'done',
      })
      expect(await limits(quota.id)).toMatchObject({ CpuQuota: 60_000, CpuPeriod: 50_000, NanoCpus: 0 })
    })

    it('below what is in use is refused without a word to the engine', async () => {
      const hold = 'busybox dd if=/dev/zero of=/dev/shm/held bs=1M count=40; busybox sleep 3600'
      const { target, id } = await start({ memory: 128 * MIB, script: hold })
      const { Pid } = await stateOf(id)
      await eventually(
        'it holds what it wants',
        () => (kernelLimit(Pid)?.memoryWorkingSetBytes ?? 0) >= 40 * MIB || undefined,
      )
      for (const memoryBytes of [32 * MIB, 41 * MIB]) {
        const refused = await driver.resize!(target, { memoryBytes }, effectOptions())
        expect(refused).toMatchObject({ outcome: 'failed', touched: false })
        expect(refused.detail).toMatch(
          new RegExp(`^below_usage: ${memoryBytes} bytes .* \\d{8} bytes in use`),
        )
      }
      const tiny = await driver.resize!(target, { memoryBytes: 4 * MIB }, effectOptions())
      expect(tiny).toMatchObject({ outcome: 'failed', touched: false })
      expect(proxy.posts).toEqual([])
      expect((await stateOf(id)).Running).toBe(true)
    })

    it('is refused when usage cannot be read', async () => {
      const { target } = await start({ memory: 64 * MIB })
      const blind = createContainerRuntime({ clock: systemClock, engine })
      expect(await blind.resize!(target, { memoryBytes: 256 * MIB }, effectOptions())).toEqual({
        outcome: 'failed',
        rung: 'docker_update',
        touched: false,
        detail: 'missing_data',
      })
      expect(proxy.posts).toEqual([])
    })

    it('leaves a paused container paused', async () => {
      const { target, id } = await start({ memory: 64 * MIB })
      const paused = await driver.pause(target, effectOptions())
      const resized = await driver.resize!(after(target, paused), { memoryBytes: 96 * MIB }, effectOptions())
      expect(resized).toMatchObject({ outcome: 'done' })
      expect(await driver.observe(target)).toBe('paused')
      expect((await stateOf(id)).Paused).toBe(true)
    })

    it('says what the engine says when it refuses', async () => {
      const { target, id } = await start({ cpus: 0.5 })
      const cores = readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm)?.length ?? 1
      const refused = await driver.resize!(target, { cpus: cores + 1 }, effectOptions())
      expect(refused.outcome).toBe('failed')
      expect(refused.detail).toMatch(/CPU/)
      expect((await limits(id)).NanoCpus).toBe(0.5e9)
    })
  })
})
