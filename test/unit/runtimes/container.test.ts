import { describe, expect, it } from 'vitest'
import type { CgroupFinder } from '../../../src/platform/cgroup/reader.ts'
import { clearSample } from '../../../src/platform/cgroup/sample.ts'
import type { Clock } from '../../../src/platform/clock.ts'
import type { ContainerNow, EngineActions } from '../../../src/platform/docker/container.ts'
import { DockerFailure } from '../../../src/platform/docker/failure.ts'
import { createContainerRuntime } from '../../../src/runtimes/container.ts'
import type { Target } from '../../../src/runtimes/model.ts'

const ID = 'ab'.repeat(32)
const OWN = 'cd'.repeat(32)
const MIB = 1024 * 1024
const LABELS = { 'agent-exporter.agent': 'a' }
const STARTED = '2026-01-01T00:00:00.5Z'

const RUNNING: ContainerNow = {
  id: ID,
  name: 'a',
  image: 'i',
  state: 'running',
  startedAt: STARTED,
  finishedAt: undefined,
  exitCode: undefined,
  oomKilled: false,
  restarts: 0,
  pid: 77,
  memoryLimitBytes: 64 * MIB,
  cpuLimitCores: undefined,
  pidsLimit: undefined,
  allLabels: LABELS,
  ownLabels: LABELS,
  memorySwapLimitBytes: 128 * MIB,
  cpuPeriodUs: undefined,
}

const TARGET: Target = {
  agent: 'a',
  incarnation: `${ID}:${STARTED}`,
  runtime: 'container',
  container: { id: ID, startedAt: STARTED },
  stopped: [],
  stoppedByOthers: [],
}

/** A clock whose timers come at once and take the time with them. */
function hurryingClock(): Clock {
  let now = 0
  return {
    now: () => now,
    monotonic: () => now,
    sinceBoot: () => now,
    setTimer(delayMs, run) {
      const at = now + delayMs
      const immediate = setImmediate(() => {
        now = Math.max(now, at)
        run()
      })
      return { cancel: () => clearImmediate(immediate) }
    },
  }
}

/** An engine and a kernel in memory that need not agree. */
function world(options: { ownContainer?: string } = {}) {
  const clock = hurryingClock()
  const posts: string[] = []
  const state = {
    container: RUNNING as ContainerNow | undefined,
    frozen: false as boolean | undefined,
    occupants: 3,
    isGroupGone: false,
    memoryLimitBytes: (64 * MIB) as number | undefined,
    workingSet: (8 * MIB) as number | undefined,
    own: undefined as ContainerNow | DockerFailure | undefined,
    /** What a POST does; nothing by default. */
    on: (_: string): 'done' | 'noop' => 'done',
  }
  const set = (change: Partial<ContainerNow>) => {
    state.container = { ...(state.container ?? RUNNING), ...change }
  }
  const post = async (call: string) => {
    posts.push(call)
    return state.on(call.split(' ')[0]!)
  }
  const actions: EngineActions = {
    async inspectNow(id) {
      const found = id === OWN ? state.own : state.container
      if (found === undefined) throw new DockerFailure('not_found', 'no such object')
      if (found instanceof DockerFailure) throw found
      return found
    },
    pause: () => post('pause'),
    unpause: () => post('unpause'),
    stop: (_, seconds) => post(`stop ${seconds}`),
    kill: (_, signal) => post(`kill ${signal}`),
    update: (_, limits) => post(`update ${JSON.stringify(limits)}`),
  }
  const group = { version: 2, path: `/docker/${ID}` } as const
  const cgroups: CgroupFinder = {
    version: 2,
    find: () => group,
    locate: () => group,
    read(_, into) {
      clearSample(into)
      if (state.isGroupGone) return 'gone'
      into.frozen = state.frozen
      into.memoryLimitBytes = state.memoryLimitBytes
      into.memoryWorkingSetBytes = state.workingSet
      return 'ok'
    },
    processes: () =>
      state.isGroupGone ? undefined : Array.from({ length: state.occupants }, (_, i) => i + 2),
    forget: () => undefined,
    close: () => undefined,
  }
  const driver = createContainerRuntime({ clock, engine: { actions }, cgroups, ...options })
  const go = (overrides = {}) => ({
    deadlineMs: clock.monotonic() + 10_000,
    mayGoOn: () => true,
    graceMs: 1_000,
    ...overrides,
  })
  return { state, set, posts, driver, go }
}

describe('engine and kernel that disagree', () => {
  it('a pause that the freezer does not show is not claimed', async () => {
    const { driver, set, state, go } = world()
    state.on = () => {
      set({ state: 'paused' })
      return 'done'
    }
    const paused = await driver.pause(TARGET, go())
    expect(paused).toMatchObject({ outcome: 'failed', touched: true, stopped: [{ pid: 77, startTime: 0 }] })
    expect(await driver.observe(TARGET)).toBe('partial')
  })

  it('a container whose freezer somebody opened is not paused, and is ended all the same', async () => {
    const { driver, set, state, posts, go } = world()
    set({ state: 'paused' })
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'failed', touched: false })
    expect(posts).toEqual([])
    state.on = () => {
      set({ state: 'exited' })
      state.isGroupGone = true
      return 'done'
    }
    expect(await driver.terminate(TARGET, go())).toMatchObject({ outcome: 'done', rung: 'docker_stop' })
  })

  it('a container frozen behind the engine’s back is paused by others', async () => {
    const { driver, state, posts, go } = world()
    state.frozen = true
    expect(await driver.observe(TARGET)).toBe('paused')
    expect(await driver.pause(TARGET, go())).toMatchObject({
      outcome: 'noop',
      stopped: [],
      stoppedByOthers: [{ pid: 77, startTime: 0 }],
    })
    expect(posts).toEqual([])
  })

  it('a freezer file that is not there leaves the engine’s word', async () => {
    const { driver, state, set, go } = world()
    state.frozen = undefined
    state.on = () => {
      set({ state: 'paused' })
      return 'done'
    }
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'done' })
    expect(await driver.observe(TARGET)).toBe('paused')
  })

  it('processes left behind by an ended container are told', async () => {
    const { driver, state, set, posts, go } = world()
    state.on = () => {
      set({ state: 'exited' })
      return 'done'
    }
    expect(await driver.terminate(TARGET, go())).toMatchObject({
      outcome: 'partial',
      touched: true,
      detail: '3 of its processes are left',
    })
    expect(posts).toEqual(['stop 1'])
  })

  it('an empty group ends a container that its engine still calls running', async () => {
    const { driver, state, go } = world()
    state.on = () => {
      state.occupants = 0
      return 'done'
    }
    const ended = await driver.terminate(TARGET, go())
    expect(ended).toMatchObject({ outcome: 'done', touched: true })
    expect(ended.detail).toMatch(/engine/)
  })

  it('a container paused again right after its resume is not claimed to run', async () => {
    const { driver, state, set, go } = world()
    set({ state: 'paused' })
    state.frozen = true
    let reads = 0
    state.on = () => {
      set({ state: 'running' })
      Object.defineProperty(state, 'frozen', { get: () => reads++ > 0 })
      return 'done'
    }
    const target = { ...TARGET, stopped: [{ pid: 77, startTime: 0 }] }
    expect(await driver.resume(target, go())).toMatchObject({ outcome: 'failed', touched: true })
  })
})

describe('an engine that says no', () => {
  const unableToFreeze = () => {
    throw new DockerFailure('answered', 'answered 500: unable to freeze')
  }

  it('to a pause is asked again, and in the end believed', async () => {
    const { driver, state, posts, go } = world()
    state.on = () => {
      if (posts.length < 3) unableToFreeze()
      state.frozen = true
      return 'done'
    }
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'done', touched: true })
    state.frozen = false
    posts.length = 0
    state.on = unableToFreeze
    expect(await driver.pause(TARGET, go())).toMatchObject({
      outcome: 'failed',
      touched: false,
      detail: 'answered 500: unable to freeze',
    })
    expect(posts).toEqual(['pause', 'pause', 'pause'])
  })

  it('is not asked again once the kill switch is engaged, but for a resume it is', async () => {
    const { driver, state, set, posts, go } = world()
    state.on = unableToFreeze
    const paused = await driver.pause(TARGET, go({ mayGoOn: () => posts.length === 0 }))
    expect(paused).toMatchObject({ outcome: 'halted', touched: false })
    posts.length = 0
    state.frozen = true
    set({ state: 'paused' })
    const target = { ...TARGET, stopped: [{ pid: 77, startTime: 0 }] }
    await driver.resume(target, go({ mayGoOn: () => false }))
    expect(posts).toEqual(['unpause', 'unpause', 'unpause'])
  })
})

describe('an end by other hands', () => {
  it('before our stop is "gone", and nothing of ours', async () => {
    const { driver, state, set, go } = world()
    state.on = () => {
      set({ state: 'exited' })
      state.isGroupGone = true
      return 'noop'
    }
    expect(await driver.terminate(TARGET, go())).toMatchObject({ outcome: 'gone', touched: false })
  })

  it('followed by a start of the engine’s is the end of this life', async () => {
    const { driver, state, set, go } = world()
    state.on = () => {
      set({ startedAt: '2026-01-01T00:00:09Z' })
      return 'done'
    }
    expect(await driver.terminate(TARGET, go())).toMatchObject({ outcome: 'done', touched: true })
    expect(await driver.identify(TARGET)).toBe(`${ID}:2026-01-01T00:00:09Z`)
  })

  it('by removal is "gone" to all', async () => {
    const { driver, state, go } = world()
    state.container = undefined
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'gone', touched: false })
    expect(await driver.identify(TARGET)).toBe('gone')
    expect(await driver.observe(TARGET)).toBe('gone')
  })
})

describe('the grace', () => {
  it('is whole seconds, rounded up, and leaves time to verify', async () => {
    const { driver, posts, go, state } = world()
    state.on = (call) => {
      if (call === 'kill') state.isGroupGone = true
      return 'done'
    }
    await driver.terminate(TARGET, go({ graceMs: 1_200 }))
    expect(posts).toEqual(['stop 2', 'kill SIGKILL'])
    state.isGroupGone = false
    await driver.terminate(TARGET, go({ graceMs: 60_000 }))
    expect(posts[2]).toBe('stop 8')
  })
})

describe('what may be touched', () => {
  it('is nothing while nobody can say whose the label is', async () => {
    const { driver, set, posts, go } = world()
    set({ ownLabels: undefined })
    expect(await driver.pause(TARGET, go())).toMatchObject({ detail: 'unlabelled_container', touched: false })
    expect(posts).toEqual([])
  })

  it('is nothing while the engine does not say which project is ours', async () => {
    const { driver, state, posts, go } = world({ ownContainer: OWN })
    state.own = new DockerFailure('no_answer', 'late')
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'failed', touched: false })
    expect(posts).toEqual([])
    state.own = undefined // not a container of this engine
    state.on = () => {
      state.frozen = true
      return 'done'
    }
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'done' })
  })

  it('is a container whose image names our project', async () => {
    const { driver, state, set, go } = world({ ownContainer: OWN })
    const project = { 'com.docker.compose.project': 'p' }
    state.own = { ...RUNNING, id: OWN, allLabels: project }
    set({ allLabels: { ...LABELS, ...project } })
    state.on = () => {
      state.frozen = true
      return 'done'
    }
    expect(await driver.pause(TARGET, go())).toMatchObject({ outcome: 'done' })
  })
})

describe('a new size', () => {
  it('says when a limit above it keeps the container smaller', async () => {
    const { driver, set, state, go } = world()
    state.on = () => {
      set({ memoryLimitBytes: 256 * MIB })
      state.memoryLimitBytes = 100 * MIB
      return 'done'
    }
    const resized = await driver.resize!(TARGET, { memoryBytes: 256 * MIB }, go())
    expect(resized).toMatchObject({ outcome: 'partial', touched: true })
    expect(resized.detail).toBe(`memory limit is ${100 * MIB} for the kernel`)
  })

  it('that the engine refuses has touched nothing unless something stands differently', async () => {
    const { driver, state, go } = world()
    state.on = () => {
      throw new DockerFailure('answered', 'answered 400: no')
    }
    const refused = await driver.resize!(TARGET, { memoryBytes: 256 * MIB }, go())
    expect(refused).toMatchObject({ outcome: 'failed', touched: false })
    expect(refused.detail).toMatch(/^answered 400: no; /)
    state.on = () => {
      state.memoryLimitBytes = 256 * MIB
      throw new DockerFailure('answered', 'answered 500: no')
    }
    expect(await driver.resize!(TARGET, { memoryBytes: 256 * MIB }, go())).toMatchObject({
      outcome: 'failed',
      touched: true,
    })
  })

  it('that lets a paused container run is not claimed whole', async () => {
    const { driver, state, set, go } = world()
    set({ state: 'paused' })
    state.frozen = true
    state.on = () => {
      set({ memoryLimitBytes: 256 * MIB })
      state.memoryLimitBytes = 256 * MIB
      state.frozen = false
      return 'done'
    }
    expect(await driver.resize!(TARGET, { memoryBytes: 256 * MIB }, go())).toMatchObject({
      outcome: 'partial',
    })
  })

  it('of cores alone needs no usage; of memory nothing else will do', async () => {
    const { driver, state, set, posts, go } = world()
    state.workingSet = undefined
    const memory = await driver.resize!(TARGET, { memoryBytes: 256 * MIB }, go())
    expect(memory).toMatchObject({ outcome: 'failed', touched: false, detail: 'missing_data' })
    expect(posts).toEqual([])
    state.on = () => {
      set({ cpuLimitCores: 2 })
      return 'done'
    }
    expect(await driver.resize!(TARGET, { cpus: 2 }, go())).toMatchObject({ outcome: 'done' })
    for (const size of [
      {},
      { memoryBytes: 1.5 * MIB },
      { memoryBytes: Number.NaN },
      { cpus: 0 },
      { cpus: -1 },
    ]) {
      expect(await driver.resize!(TARGET, size, go())).toMatchObject({ outcome: 'failed', touched: false })
    }
  })
})
