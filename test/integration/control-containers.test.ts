import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type ActingDaemon, type JournalLine, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { createContainerOracle } from '../support/container-look.ts'
import { containerTruth } from '../support/container-truth.ts'
import {
  type Dockerd,
  describeWithDockerd,
  type RunningContainer,
  type RunOptions,
  startDockerd,
} from '../support/dockerd.ts'
import { type EngineProxy, startEngineProxy } from '../support/engine-proxy.ts'
import { samplesOf } from '../support/samples.ts'
import { createTreeOracle, movedBetween, type TreeOracle } from '../support/tree-oracle.ts'

const MIB = 1024 * 1024
const MARK = 'TREE_MARK'
const CROSSING = { tokens: 2_000 }
/** Long enough for whoever runs to show it, also on a busy host. */
const STILL_MS = 200
/** Starts programs all the time, and one that burns by itself. */
const BUSY = 'busybox yes >/dev/null & while :; do busybox true; done'
const DEAF = `trap '' TERM; ${BUSY}`
const HELD_MIB = 40
const HOLDING = `busybox dd if=/dev/zero of=/dev/shm/held bs=1M count=${HELD_MIB} 2>/dev/null; busybox sleep 3600`

interface Subject extends RunningContainer {
  readonly agent: string
  readonly oracle: TreeOracle
}

describeWithDockerd('budgets and people, on real containers', () => {
  let dockerd: Dockerd
  let proxy: EngineProxy
  let daemon: ActingDaemon
  const started: RunningContainer[] = []

  beforeAll(async () => {
    dockerd = await startDockerd()
    proxy = await startEngineProxy(dockerd.socketPath)
    daemon = await startActingDaemon({
      config: {
        // The engine knows whole seconds only.
        control: { grace: '1s' },
        resourceExhaustion: { profiles: { tight: { maxTokensConsumed: 1_000 } } },
      },
      env: { DOCKER_HOST: `unix://${proxy.socketPath}` },
    })
  })
  beforeEach(() => {
    proxy.posts.length = 0
    proxy.refused.length = 0
  })
  afterEach(async () => {
    proxy.before = undefined
    for (const { container } of started.splice(0)) await container.remove({ force: true })
  })
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await proxy?.[Symbol.asyncDispose]()
    await dockerd?.[Symbol.asyncDispose]()
  })

  async function run(agent: string, options: RunOptions): Promise<Subject> {
    const env = { [MARK]: agent, ...options.env }
    const running = await dockerd.runContainer({ script: BUSY, ...options, env })
    started.push(running)
    const oracle = createContainerOracle(running.pid, createTreeOracle(`${MARK}=${agent}`))
    return { ...running, agent, oracle }
  }

  const isKnown = (agent: string) =>
    eventually(
      `${agent} is known`,
      async () => (await daemon.call('GET', `/api/v1/agents/${agent}`)).status === 200 || undefined,
    )

  /** Its own labels say all there is to say: nobody registers it. */
  async function start(script = BUSY, options: RunOptions = {}): Promise<Subject> {
    const agent = `box-${randomUUID()}`
    const labels = {
      'agent-exporter.agent': agent,
      'agent-exporter.enforce': 'true',
      'agent-exporter.profile': 'tight',
    }
    const subject = await run(agent, { script, labels, ...options })
    await isKnown(agent)
    return subject
  }

  const cross = ({ agent }: Subject) => daemon.call('POST', `/api/v1/agents/${agent}/usage`, CROSSING)
  const act = (action: string, agent: string, body: object = {}) =>
    daemon.call<JournalLine>('POST', `/api/v1/agents/${agent}/${action}?wait=30s`, body)
  const stateOf = async ({ container }: RunningContainer) => (await container.inspect()).State
  const gate = async ({ agent }: Subject) => (await daemon.call('GET', `/api/v1/agents/${agent}/gate`)).body

  /** As many lines of this action as wanted, the newest first, once all say how they ended. */
  const settled = (action: string, { agent }: Subject, lines = 1) =>
    eventually(`${lines} of ${action} are settled`, async () => {
      const found = await daemon.journal(agent, `&action=${action}`)
      return found.length === lines && found.every(({ status }) => status !== 'intended')
        ? found[0]
        : undefined
    })

  const cpuOf = ({ pid }: Subject) => {
    const { userSeconds, systemSeconds } = containerTruth(pid)
    return userSeconds + systemSeconds
  }

  async function standsStill(subject: Subject): Promise<void> {
    expect(await stateOf(subject)).toMatchObject({ Running: true, Paused: true })
    const before = subject.oracle.look()
    const cpu = cpuOf(subject)
    await delay(STILL_MS)
    const after = subject.oracle.look()
    expect(containerTruth(subject.pid).frozen).toBe(true)
    expect(after.living.length).toBeGreaterThan(1)
    expect(after.running).toEqual([])
    expect(movedBetween(before, after)).toEqual([])
    expect(cpuOf(subject)).toBe(cpu)
  }

  async function works(subject: Subject): Promise<void> {
    expect(await stateOf(subject)).toMatchObject({ Running: true, Paused: false })
    const cpu = cpuOf(subject)
    await eventually('it works', () => cpuOf(subject) > cpu || undefined)
  }

  async function isOver(subject: Subject): Promise<void> {
    expect(await stateOf(subject)).toMatchObject({ Status: 'exited', Running: false, Paused: false, Pid: 0 })
    expect(subject.oracle.look().living).toEqual([])
  }

  /** Samples of a page that shows what is awaited: pages within a second share their numbers. */
  const page = (name: string, isThere: (samples: ReadonlyMap<string, number>) => boolean) =>
    eventually(name, async () => {
      const now = samplesOf(await daemon.scrape())
      return isThere(now) ? now : undefined
    })

  it('stops one that goes over its budget, lets it go on, stops it again, and ends it', async () => {
    const subject = await start()
    const { agent } = subject
    await works(subject)

    await cross(subject)
    const pause = await settled('pause', subject)
    expect(pause).toMatchObject({ status: 'done', trigger: 'budget', rung: 'docker_pause', durable: true })
    expect(pause.verifiedAt).toBeDefined()
    await standsStill(subject)
    expect(await gate(subject)).toMatchObject({ allowed: false, phase: 'intervention' })
    const paused = await page('the scrape says so', (now) => now.get('agents_paused_current') === 1)
    expect(paused.get(`agent_state{agent="${agent}",state="paused"}`)).toBe(1)
    expect(paused.get('agent_reaction_duration_seconds_count{trigger="budget"}')).toBe(1)
    expect(paused.get('agent_action_duration_seconds_count{action="pause",rung="docker_pause"}')).toBe(1)

    const waiting = daemon.call('GET', `/api/v1/agents/${agent}/wait-for-resume?timeout=60s`)
    expect((await act('resume', agent)).body).toMatchObject({ status: 'done', trigger: 'human' })
    expect((await waiting).body).toEqual({ outcome: 'resumed' })
    await works(subject)
    expect((await daemon.call('GET', `/api/v1/agents/${agent}`)).body).toMatchObject({
      epoch: 2,
      phase: 'normal',
    })
    expect(await gate(subject)).toMatchObject({ allowed: true })

    await cross(subject)
    expect(await settled('pause', subject, 2)).toMatchObject({ status: 'done', trigger: 'budget' })
    await standsStill(subject)

    expect((await act('terminate', agent)).body).toMatchObject({ status: 'done' })
    await isOver(subject)
    // What the engine was asked for is what the journal says, and nothing else; what it could not do it is asked again.
    const asked = [...proxy.posts]
    for (const post of proxy.refused) asked.splice(asked.indexOf(post), 1)
    const verbs = asked.map((post) => /\/(\w+)(\?.*)?$/.exec(post)?.[1])
    expect(verbs).toEqual(['pause', 'unpause', 'pause', 'stop'])
  })

  it('ends one that does not listen', async () => {
    const subject = await start(DEAF)
    const waiting = daemon.call('GET', `/api/v1/agents/${subject.agent}/wait-for-resume?timeout=60s`)
    expect((await act('terminate', subject.agent)).body).toMatchObject({ status: 'done' })
    await isOver(subject)
    // 128 + SIGKILL: it was asked before, and did not.
    expect((await stateOf(subject)).ExitCode).toBe(137)
    expect(proxy.posts).toEqual([`POST /containers/${subject.id}/stop?t=1`])
    expect(['terminated', 'not_paused']).toContain((await waiting).body['outcome'])
  })

  it('changes its size to what it can live with, and to nothing else', async () => {
    const subject = await start(HOLDING, { memory: 128 * MIB })
    const { agent, pid, container } = subject
    const truth = () => containerTruth(pid)
    await eventually('it holds memory', () => truth().workingSetBytes > HELD_MIB * MIB || undefined)
    const limits = async () => {
      const { Memory, MemorySwap, NanoCpus } = (await container.inspect()).HostConfig
      return { Memory, MemorySwap, NanoCpus }
    }
    const before = { ...(await limits()), kernel: truth().limitBytes, cores: truth().cpuLimitCores }
    const { body } = await act('resize', agent, { memoryBytes: 32 * MIB, cpus: 0.5 })
    expect(body).toMatchObject({ status: 'refused', refusal: 'below_usage' })
    expect({ ...(await limits()), kernel: truth().limitBytes, cores: truth().cpuLimitCores }).toEqual(before)
    expect(before.kernel).toBe(128 * MIB)
    expect(proxy.posts).toEqual([])
    const counted = await page(
      'it is counted',
      (now) => now.get('agent_action_refusals_total{action="resize",reason="below_usage"}') === 1,
    )
    expect(counted.get('agent_actions_total{action="resize",trigger="human",outcome="refused"}')).toBe(1)

    const grown = await act('resize', agent, { memoryBytes: 256 * MIB, cpus: 0.5 })
    expect(grown.body).toMatchObject({ status: 'done', rung: 'docker_update' })
    expect(truth()).toMatchObject({ limitBytes: 256 * MIB, cpuLimitCores: 0.5 })
    expect(await limits()).toMatchObject({ Memory: 256 * MIB, NanoCpus: 0.5e9 })
    expect(truth().workingSetBytes).toBeGreaterThan(HELD_MIB * MIB)
  })

  it.each([
    ['has no label', undefined],
    [
      'has the labels of its image alone',
      { 'agent-exporter.enforce': 'true', 'agent-exporter.profile': 'tight' },
    ],
  ])('leaves one alone that %s, whoever names what runs in it', async (_, imageLabels) => {
    const agent = `named-${randomUUID()}`
    const image = `image-${agent}`
    const labels = imageLabels === undefined ? {} : { ...imageLabels, 'agent-exporter.agent': agent }
    // Its image also says of every process that it is this agent.
    await dockerd.importImage(image, labels, { AGENT_EXPORTER_AGENT: agent })
    const subject = await run(agent, { image })
    expect(
      (await daemon.call('POST', '/api/v1/agents', { id: 'by-name', runtime: { container: subject.id } }))
        .body,
    ).toMatchObject({ code: 'AE_RUNTIME_GONE' })
    const registered = await daemon.call('POST', '/api/v1/agents', {
      id: agent,
      runtime: { pid: subject.pid },
      budget: { maxTokensConsumed: 1_000 },
    })
    expect(registered.status).toBeLessThan(300)
    const before = samplesOf(await daemon.scrape())

    await cross(subject)
    expect(await settled('pause', subject)).toMatchObject({
      ...{ status: 'refused', refusal: 'unlabelled_container', trigger: 'budget' },
    })
    const body = { enforce: true }
    for (const action of ['pause', 'terminate']) {
      expect((await act(action, agent, body)).body).toMatchObject({
        ...{ status: 'refused', refusal: 'unlabelled_container', trigger: 'human' },
      })
    }
    await works(subject)
    expect(proxy.posts).toEqual([])
    const risen = (series: string, by: number) =>
      page(`${series} has risen`, (now) => now.get(series)! >= before.get(series)! + by)
    await risen('agent_actions_total{action="pause",trigger="budget",outcome="refused"}', 1)
    await risen('agent_actions_total{action="terminate",trigger="human",outcome="refused"}', 1)
    await risen('agent_action_refusals_total{action="pause",reason="unlabelled_container"}', 2)
    await risen('agent_action_refusals_total{action="terminate",reason="unlabelled_container"}', 1)
  })

  it('has nothing to do with one that somebody else killed meanwhile', async () => {
    const subject = await start()
    const killed = async () => {
      await subject.container.kill()
      await eventually('it has ended', async () => !(await stateOf(subject)).Running || undefined)
    }
    proxy.before = async () => {
      proxy.before = undefined
      await killed()
    }
    await cross(subject)
    const line = await settled('pause', subject)
    expect(line).toMatchObject({ status: 'failed', trigger: 'budget' })
    expect(line?.detail).toContain('ended')
    await isOver(subject)
    await eventually('the daemon knows', async () => {
      const { body } = await daemon.call<{ state: { lifecycleState: string } }>(
        'GET',
        `/api/v1/agents/${subject.agent}`,
      )
      return body.state.lifecycleState === 'exited' || undefined
    })
    expect((await act('pause', subject.agent)).body).toMatchObject({ code: 'AE_AGENT_ENDED' })
    expect(proxy.posts).toEqual([`POST /containers/${subject.id}/pause`])
  })

  it('holds nobody who was killed while paused', async () => {
    const subject = await start()
    await cross(subject)
    expect(await settled('pause', subject)).toMatchObject({ status: 'done' })
    const waiting = daemon.call('GET', `/api/v1/agents/${subject.agent}/wait-for-resume?timeout=60s`)
    await subject.container.kill()
    await eventually('it has ended', async () => !(await stateOf(subject)).Running || undefined)
    await isOver(subject)
    expect(['terminated', 'removed']).toContain((await waiting).body['outcome'])
    const { body } = await daemon.call<{ holds: { agent: string }[] }>('GET', '/api/v1/control')
    expect(body.holds.filter(({ agent }) => agent === subject.agent)).toEqual([])
    await page('nobody is paused', (now) => now.get('agents_paused_current') === 0)
  })

  it('starts nothing more once the kill switch is pulled while it stops a fleet', async () => {
    const fleet = [await start(), await start(), await start()] as const
    const [first, ...others] = fleet
    const pull = (engaged: boolean) => daemon.call('PUT', '/api/v1/control/kill-switch', { engaged })
    let reached = () => {}
    const underWay = new Promise<void>((resolve) => {
      reached = resolve
    })
    let handOn = () => {}
    proxy.before = () => {
      reached()
      return new Promise<void>((resolve) => {
        handOn = resolve
      })
    }
    try {
      await cross(first)
      await underWay
      await pull(true)
      proxy.before = undefined
      for (const subject of others) await cross(subject)
      // The daemon waits some seconds for the engine, no longer: nothing else is done meanwhile.
      const refused = await Promise.all(others.map((subject) => settled('pause', subject)))
      handOn()
      for (const line of refused) expect(line).toMatchObject({ status: 'refused', refusal: 'kill_switch' })
      for (const subject of others) await works(subject)
      const outcome = await settled('pause', first)
      expect(proxy.posts).toEqual([`POST /containers/${first.id}/pause`])
      if (proxy.refused.length > 0) {
        // About one in a hundred busy containers the engine cannot freeze at once, and asking again is starting anew.
        expect(outcome).toMatchObject({ status: 'refused', refusal: 'kill_switch' })
        return await works(first)
      }
      expect(outcome).toMatchObject({ status: 'done' })
      await standsStill(first)
      expect((await act('terminate', first.agent)).body).toMatchObject({ refusal: 'kill_switch' })
      expect((await act('resume', first.agent)).body).toMatchObject({ status: 'done' })
      await works(first)
    } finally {
      handOn()
      await pull(false)
    }
  })
})
