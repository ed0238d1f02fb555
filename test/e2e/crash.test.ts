import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { type EngineLog, followEngine } from '../support/crash-boxes.ts'
import { createMortalDaemon, type MortalDaemon } from '../support/crash-daemon.ts'
import { runCrashes } from '../support/crash-harness.ts'
import { type SmallTree, startSmallTree, treeBelow } from '../support/crash-trees.ts'
import { cleanEnvironment } from '../support/daemon.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../support/dockerd.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

let locks = 0
async function start(
  config: object = {},
  agents: object = { discovery: { processes: false, containers: false } },
  env: NodeJS.ProcessEnv = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
): Promise<MortalDaemon> {
  const control = { lock: `crash-test-${process.pid}-${locks++}`, ...config }
  const daemon = await createMortalDaemon({ agents, control }, env)
  cleanUps.push(() => daemon[Symbol.asyncDispose]())
  daemon.launch()
  await daemon.ready()
  return daemon
}

async function restart(daemon: MortalDaemon): Promise<void> {
  await daemon.kill()
  daemon.launch()
  await daemon.ready()
}

async function register(daemon: MortalDaemon, id: string, tree: SmallTree): Promise<void> {
  cleanUps.push(() => tree.end())
  const answer = await daemon.ask('POST', '/api/v1/agents', {
    id,
    runtime: { pid: tree.root.pid },
    enforce: true,
  })
  expect(answer?.status).toBe(201)
}

async function act(daemon: MortalDaemon, id: string, verb: string, key?: string, wait = '?wait=60s') {
  const answer = await daemon.ask('POST', `/api/v1/agents/${id}/${verb}${wait}`, { reason: 'a test' }, key)
  return answer?.body as { actionId: string; status: string; code?: string; detail?: string }
}

const states = (tree: SmallTree) => tree.living().map(({ state }) => state)

describe('a daemon killed again and again', () => {
  it('loses nothing it acknowledged, does nothing twice, and leaves nobody stopped without a reason', async () => {
    // A busy machine needs ten times as long for a restart: fewer kills then, looked at as closely.
    const report = await runCrashes({ kills: 25, seed: 20260101, withinSeconds: 100 })
    expect(report.violations).toEqual([])
    expect(report.recordsAcknowledged).toBeGreaterThan(0)
    expect(report.redriven).toBeGreaterThan(0)
    expect(report.killsWithStoppedTrees).toBeGreaterThan(0)
  })
})

describeWithDockerd('a daemon killed again and again that acts on containers', () => {
  it('does nothing to them twice, and leaves none paused without a reason', async () => {
    await using dockerd = await startDockerd()
    const report = await runCrashes({ kills: 8, seed: 20260102, withinSeconds: 60, dockerd })
    expect(report.violations).toEqual([])
    expect(report.engineEffects['pause']).toBeGreaterThan(0)
    expect(report.engineEffects['unpause']).toBeGreaterThan(0)
  })
})

describeWithDockerd('a container that ended while no daemon ran', () => {
  let dockerd: Dockerd
  let engine: EngineLog
  beforeAll(async () => {
    dockerd = await startDockerd()
    engine = await followEngine(dockerd)
  })
  afterAll(async () => {
    engine?.stop()
    await dockerd?.[Symbol.asyncDispose]()
  })

  async function startBoxed(agent: string, config: object, script?: string) {
    const env = { DOCKER_HOST: `unix://${dockerd.socketPath}` }
    const daemon = await start(config, { discovery: { processes: false } }, env)
    const labels = { 'agent-exporter.agent': agent, 'agent-exporter.enforce': 'true' }
    const { container } = await dockerd.runContainer({ labels, ...(script === undefined ? {} : { script }) })
    cleanUps.push(() => container.remove({ force: true }))
    await eventually(
      'it is known',
      async () => (await daemon.ask('GET', `/api/v1/agents/${agent}`))?.status === 200 || undefined,
    )
    const ended = () =>
      eventually('it has ended', async () => !(await container.inspect()).State.Running || undefined)
    /** What the engine says that was done to it. */
    const deeds = () => engine.deeds({ container: container.id, ordinal: 0 }).map(({ action }) => action)
    return { daemon, container, ended, deeds }
  }

  it('is held by nobody any more', async () => {
    const { daemon, container, ended } = await startBoxed('held-box', {})
    expect(await act(daemon, 'held-box', 'pause')).toMatchObject({ status: 'done' })
    await restart(daemon)
    await eventually('it is held still', async () => {
      const { holds } = (await daemon.ask('GET', '/api/v1/control'))?.body ?? {}
      return holds?.[0]?.agent === 'held-box' || undefined
    })
    expect((await container.inspect()).State.Paused).toBe(true)
    await daemon.kill()
    await container.kill()
    await ended()
    daemon.launch()
    await daemon.ready()
    await eventually('nobody is held', async () => {
      const answer = await daemon.ask('GET', '/api/v1/control')
      return answer?.body.holds.length === 0 || undefined
    })
  })

  it('is soon said to be terminated when that was under way', async () => {
    const script = "trap '' TERM; while :; do busybox sleep 1; done"
    const { daemon, ended, deeds } = await startBoxed('ending-box', { grace: '10s' }, script)
    const { actionId } = await act(daemon, 'ending-box', 'terminate', undefined, '')
    // The engine goes on with what it was told.
    await eventually('the engine was told', () => deeds().includes('kill') || undefined)
    await daemon.kill()
    await ended()
    daemon.launch()
    await daemon.ready()
    // Long before one would give up waiting for it to come back.
    await eventually('the entry is settled', async () => {
      const entry = (await daemon.ask('GET', `/api/v1/actions/${actionId}`))?.body
      return entry?.status === 'done' || undefined
    })
    expect((await daemon.ask('GET', '/api/v1/actions?status=intended'))?.body.items).toEqual([])
  })
})

describe('a tree whose first process ends before the rest', () => {
  /** The child ignores SIGTERM, its parent does not. */
  function startHalfDeaf(): Promise<SmallTree> {
    const script = 'sh -c "trap : TERM; while :; do sleep 7200; done" & sleep 7200 & wait'
    const child: ChildProcess = spawn('sh', ['-c', script], {
      ...{ stdio: 'ignore', detached: true, env: cleanEnvironment() },
    })
    return treeBelow(child, 4)
  }

  it('is ended as a whole although the daemon is killed in the midst of it', async () => {
    const daemon = await start({ grace: '20s' })
    const tree = await startHalfDeaf()
    await register(daemon, 'half-deaf', tree)
    const { actionId } = await act(daemon, 'half-deaf', 'terminate', undefined, '')
    const { pid } = tree.root
    await eventually(
      'its root has ended',
      () => tree.living().every(({ life }) => life.pid !== pid) || undefined,
    )
    expect(tree.living()).not.toEqual([])
    await daemon.kill()
    expect(tree.living()).not.toEqual([])
    daemon.launch()
    await daemon.ready()
    await eventually('nothing is left of it', () => tree.living().length === 0 || undefined, 120_000)
    await eventually('the entry is settled', async () => {
      const entry = (await daemon.ask('GET', `/api/v1/actions/${actionId}`))?.body
      return (entry.status === 'done' && entry.attempt === 2) || undefined
    })
  })

  it.each(['while no daemon runs', 'under the eyes of the daemon'])(
    'goes on when the root of a paused one is killed %s',
    async (when) => {
      const daemon = await start()
      const tree = await startSmallTree()
      await register(daemon, 'paused', tree)
      expect(await act(daemon, 'paused', 'pause')).toMatchObject({ status: 'done' })
      expect(states(tree)).toEqual(['T', 'T', 'T'])
      const isDown = when === 'while no daemon runs'
      if (isDown) await daemon.kill()
      process.kill(tree.root.pid, 'SIGKILL')
      if (isDown) {
        daemon.launch()
        await daemon.ready()
      }
      await eventually('the others go on', () => {
        const left = states(tree)
        return (left.length === 2 && !left.includes('T')) || undefined
      })
      await eventually('the journal says so', async () => {
        const list = (await daemon.ask('GET', '/api/v1/actions?agent=paused&action=resume'))?.body
        return list.items[0]?.actor === 'journal' || undefined
      })
      expect((await daemon.ask('GET', '/api/v1/control'))?.body.holds).toEqual([])
    },
  )
})

describe('what was stopped before', () => {
  it('stays stopped when a pause that a kill interrupted is resumed', async () => {
    const daemon = await start()
    const tree = await startSmallTree()
    await register(daemon, 'stopped-before', tree)
    const other = tree.living()[1]!.life
    process.kill(other.pid, 'SIGSTOP')
    await eventually('it is stopped', () => states(tree).includes('T') || undefined)
    await act(daemon, 'stopped-before', 'pause', undefined, '')
    await restart(daemon)
    await eventually('the pause is settled', async () => {
      return (
        (await daemon.ask('GET', '/api/v1/actions?status=intended'))?.body.items.length === 0 || undefined
      )
    })
    await act(daemon, 'stopped-before', 'resume')
    expect(
      tree
        .living()
        .filter(({ state }) => state === 'T')
        .map(({ life }) => life.pid),
    ).toEqual([other.pid])
  })
})

describe('a request that is sent again', () => {
  it('names the action of a life that has ended, and leaves the next one alone', async () => {
    const daemon = await start({ grace: '300ms' })
    const first = await startSmallTree()
    await register(daemon, 'again', first)
    const ended = await act(daemon, 'again', 'terminate', 'one-key')
    expect(ended).toMatchObject({ status: 'done' })
    await restart(daemon)
    const late = await act(daemon, 'again', 'terminate', 'one-key')
    expect(late).toMatchObject({ actionId: ended.actionId, status: 'done' })
    const second = await startSmallTree()
    await register(daemon, 'again', second)
    await restart(daemon)
    expect(await act(daemon, 'again', 'terminate', 'one-key')).toMatchObject({ actionId: ended.actionId })
    expect(states(second)).toHaveLength(3)
    expect(states(second)).not.toContain('T')
  })
})
