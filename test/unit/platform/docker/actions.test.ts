import { describe, expect, it } from 'vitest'
import { createActions } from '../../../../src/platform/docker/actions.ts'
import type { DockerClient, EngineAction } from '../../../../src/platform/docker/client.ts'
import { DockerFailure } from '../../../../src/platform/docker/failure.ts'

const ID = 'ab'.repeat(32)
const WITHIN_MS = 100

function inspected(overrides: object = {}) {
  return {
    Id: ID,
    Name: '/a',
    Image: 'sha256:1',
    State: { Status: 'running', StartedAt: '2026-01-01T00:00:00Z', Pid: 7 },
    Config: { Labels: { 'agent-exporter.agent': 'a', brought: 'along' } },
    HostConfig: { Memory: 64, MemorySwap: 128, CpuQuota: 20_000, CpuPeriod: 0 },
    ...overrides,
  }
}

function setUp() {
  const state = {
    inspect: inspected() as unknown,
    image: { brought: 'along' } as Record<string, string> | DockerFailure,
    connects: true,
  }
  const posts: EngineAction[] = []
  let connections = 0
  let closed = 0
  const client = {
    inspect: async () => state.inspect,
    async imageLabels() {
      if (state.image instanceof DockerFailure) throw state.image
      return state.image
    },
    async post(_: string, action: EngineAction) {
      posts.push(action)
      return 'done'
    },
    close: () => {
      closed += 1
    },
  } as unknown as DockerClient
  const actions = createActions({
    async connect() {
      if (!state.connects) throw new DockerFailure('absent', 'no socket')
      connections += 1
      return { client, engine: 'local' }
    },
  })
  return { state, posts, actions, counts: () => ({ connections, closed }) }
}

describe('an inspect before acting', () => {
  it('tells own labels from those of the image, and limits as they were given', async () => {
    const { actions } = setUp()
    expect(await actions.inspectNow(ID, WITHIN_MS)).toMatchObject({
      id: ID,
      state: 'running',
      ownLabels: { 'agent-exporter.agent': 'a' },
      allLabels: { 'agent-exporter.agent': 'a', brought: 'along' },
      memorySwapLimitBytes: 128,
      cpuPeriodUs: 100_000,
    })
  })

  it('knows no own labels once the image is gone, and fails when the engine does not say', async () => {
    const { actions, state } = setUp()
    state.image = new DockerFailure('not_found', 'no such object')
    expect((await actions.inspectNow(ID, WITHIN_MS)).ownLabels).toBeUndefined()
    state.image = new DockerFailure('no_answer', 'late')
    await expect(actions.inspectNow(ID, WITHIN_MS)).rejects.toMatchObject({ kind: 'no_answer' })
  })

  it('takes nothing for an answer that is none, or is about another container', async () => {
    const { actions, state } = setUp()
    for (const answer of [
      null,
      {},
      inspected({ Id: 'cd'.repeat(32) }),
      inspected({ State: {} }),
      inspected({ State: { Status: 'running' } }),
      inspected({ State: { Status: 'asleep', StartedAt: '2026-01-01T00:00:00Z' } }),
    ]) {
      state.inspect = answer
      await expect(actions.inspectNow(ID, WITHIN_MS)).rejects.toMatchObject({ kind: 'failed' })
    }
  })
})

describe('actions', () => {
  it('say to the engine what was asked for and nothing else', async () => {
    const { actions, posts } = setUp()
    await actions.pause(ID, WITHIN_MS)
    await actions.stop(ID, 3, WITHIN_MS)
    await actions.kill(ID, 'SIGKILL', WITHIN_MS)
    await actions.update(ID, { memoryBytes: 5, memorySwapBytes: -1, cpus: 0.5 }, WITHIN_MS)
    await actions.update(ID, { cpus: 1.5, cpuPeriodUs: 50_000 }, WITHIN_MS)
    expect(posts).toEqual([
      { verb: 'pause' },
      { verb: 'stop', query: { t: 3 } },
      { verb: 'kill', query: { signal: 'SIGKILL' } },
      { verb: 'update', body: { Memory: 5, MemorySwap: -1, NanoCpus: 5e8 } },
      { verb: 'update', body: { CpuQuota: 75_000, CpuPeriod: 50_000 } },
    ])
  })

  it('connect when there is something to do, once, and again after a failure or a close', async () => {
    const { actions, state, counts } = setUp()
    state.connects = false
    await expect(actions.pause(ID, WITHIN_MS)).rejects.toMatchObject({ kind: 'absent' })
    state.connects = true
    await actions.pause(ID, WITHIN_MS)
    await actions.unpause(ID, WITHIN_MS)
    expect(counts()).toEqual({ connections: 1, closed: 0 })
    actions.close()
    await actions.pause(ID, WITHIN_MS)
    expect(counts()).toEqual({ connections: 2, closed: 1 })
  })
})
