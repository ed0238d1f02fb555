import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ClosedLoop, startClosedLoop } from '../support/closed-loop.ts'
import { type Dockerd, describeWithDockerd, type RunningContainer, startDockerd } from '../support/dockerd.ts'
import { type EngineProxy, startEngineProxy } from '../support/engine-proxy.ts'
import { type EventStream, followEvents } from '../support/event-stream.ts'
import { truthOf } from '../support/real-processes.ts'
import { samplesOf } from '../support/samples.ts'
import { describeWith } from '../support/services.ts'
import { type SpendingAgent, startSpendingAgent } from '../support/spending-agent.ts'

const MIB = 1024 * 1024
/** Uses 184 MiB from a signal on. */
const GROWING = `trap 'busybox dd if=/dev/zero bs=184M count=1 | busybox sleep 3600 & ' USR1
while :; do busybox sleep 0.2; done`

const RULES = [
  {
    match: { alertname: 'AgentTokenRateHigh' },
    ...{ action: 'pause', onResolved: 'resume', curedByPause: true, minHold: '1s' },
  },
  {
    match: { alertname: 'AgentMemoryCritical' },
    ...{ action: 'resize', size: { memoryBytes: '400MiB', maxMemoryBytes: '400MiB' } },
  },
  { match: { alertname: 'AgentBudgetExceeded' }, action: 'pause' },
]
/** Both daemons see all containers of the engine: each is to follow the alerts about its own agents only. */
const RULES_OF_BOX = [{ match: { alertname: 'AgentBudgetWarning', agent: 'box' }, action: 'pause' }]

describeWith(['prometheus', 'prometheus-alertmanager'], 'from a measurement to an effect and back', () => {
  describeWithDockerd('through real Prometheus and Alertmanager', () => {
    let dockerd: Dockerd
    let engine: EngineProxy
    let loop: ClosedLoop
    /** One whose daemon is killed, with an engine that can be kept from answering. */
    let frail: ClosedLoop
    let stuck: EngineProxy
    let box: RunningContainer
    let stream: EventStream
    let spender: SpendingAgent
    let grower: RunningContainer
    let thrifty: RunningContainer

    beforeAll(async () => {
      dockerd = await startDockerd()
      engine = await startEngineProxy(dockerd.socketPath)
      const labels = (agent: string) => ({
        'agent-exporter.agent': agent,
        'agent-exporter.enforce': 'true',
      })
      grower = await dockerd.runContainer({ script: GROWING, labels: labels('grower'), memory: 200 * MIB })
      thrifty = await dockerd.runContainer({
        labels: { ...labels('thrifty'), 'agent-exporter.profile': 'tight' },
      })
      stuck = await startEngineProxy(dockerd.socketPath)
      box = await dockerd.runContainer({ labels: { ...labels('box'), 'agent-exporter.profile': 'tight' } })
      const start = ({ socketPath }: EngineProxy, rules: readonly object[]) =>
        startClosedLoop({
          rules,
          rooms: ['usage', 'memory', 'exhaustion'],
          config: { resourceExhaustion: { profiles: { tight: { maxTokensConsumed: 1_000 } } } },
          env: { DOCKER_HOST: `unix://${socketPath}` },
        })
      ;[loop, frail] = await Promise.all([start(engine, RULES), start(stuck, RULES_OF_BOX)])
      spender = await startSpendingAgent(loop.daemon.url, 'spender')
      const registered = await loop.daemon.call('POST', '/api/v1/agents', {
        ...{ id: 'spender', runtime: { pid: spender.pid }, enforce: true },
        budget: { maxTokensConsumed: 1e9 },
      })
      expect(registered.status).toBe(201)
      await Promise.all([loop.grown('spender', 'grower', 'thrifty'), frail.grown('box')])
      stream = await followEvents(loop.daemon)
    })
    afterAll(async () => {
      stream?.[Symbol.dispose]()
      await spender?.[Symbol.asyncDispose]()
      await loop?.[Symbol.asyncDispose]()
      await frail?.[Symbol.asyncDispose]()
      await engine?.[Symbol.asyncDispose]()
      await stuck?.[Symbol.asyncDispose]()
      await dockerd?.[Symbol.asyncDispose]()
    })

    /** What the stream told of it; alerts with what became of them. Repeats and refusals to resume yet left out. */
    function storyOf(agent: string): string[] {
      const own = stream.events.filter((event) => event.agent === agent)
      return own
        .filter(({ type }) => !/deduplicated|resume_withheld|trend_changed/.test(type))
        .map(({ type, detail }) =>
          type === 'alert.episode_changed' ? `${detail['alertname']} ${detail['change']}` : type,
        )
    }
    /** The journal may know a moment before the stream. */
    async function tells(agent: string, story: readonly string[]): Promise<void> {
      await loop.until(agent, 'it is in the stream', () => storyOf(agent).length >= story.length || undefined)
      expect(storyOf(agent)).toEqual(story)
    }
    const postsTo = ({ id }: RunningContainer) =>
      engine.posts.filter((post) => post.includes(id)).map((post) => /\/([a-z]+)(?:\?|$)/.exec(post)?.[1])

    it.concurrent('tokens are used too fast: a pause, and on again when it is over', async () => {
      spender.spend()
      await loop.happens('spender', 'pause for alert')
      expect(truthOf(spender.pid).state).toBe('T')
      await loop.isTold('spender', 'AgentTokenRateHigh resolved')
      await loop.happens('spender', 'resume for alert')
      expect(truthOf(spender.pid).state).not.toBe('T')
      expect(await loop.effects('spender')).toEqual(['pause for alert', 'resume for alert'])
      await tells('spender', [
        'AgentTokenRateHigh opened',
        'action.intended',
        'agent.paused',
        'action.done',
        'AgentTokenRateHigh closed',
        'action.intended',
        'agent.resumed',
        'action.done',
      ])
    })

    it.concurrent('a container nears its limit: more memory, and all is well', async () => {
      await grower.container.kill({ signal: 'SIGUSR1' })
      await loop.happens('grower', 'resize for alert')
      expect((await grower.container.inspect()).HostConfig.Memory).toBe(400 * MIB)
      await loop.isTold('grower', 'AgentMemoryCritical resolved')
      expect(await loop.effects('grower')).toEqual(['resize for alert'])
      expect(postsTo(grower)).toEqual(['update'])
      await tells('grower', [
        'agent.memory_level_changed',
        'AgentMemoryCritical opened',
        'action.intended',
        'action.done',
        'AgentMemoryCritical closed',
      ])
    })

    it.concurrent('a budget is used up: a pause, until a person gives more', async () => {
      const usage = { tokens: { input: 1_100 } }
      expect((await loop.daemon.call('POST', '/api/v1/agents/thrifty/usage', usage)).status).toBe(200)
      await loop.happens('thrifty', 'pause for budget')
      await loop.until('thrifty', 'the alert holds it as well', async () => {
        const lines = await loop.daemon.journal('thrifty')
        return lines.find(({ trigger, status }) => trigger === 'alert' && status === 'noop')
      })
      const resumed = await loop.daemon.call('POST', '/api/v1/agents/thrifty/resume?wait=60s', {
        reason: 'it may have more',
        extraBudget: { maxTokensConsumed: 10_000 },
      })
      expect(resumed.body).toMatchObject({ status: 'done' })
      await loop.isTold('thrifty', 'AgentBudgetExceeded resolved')
      expect(await loop.effects('thrifty')).toEqual(['pause for budget', 'resume for human'])
      expect(postsTo(thrifty)).toEqual(['pause', 'unpause'])
      await tells('thrifty', [
        'agent.phase_changed',
        ...['action.intended', 'agent.paused', 'action.done'],
        'AgentBudgetExceeded opened',
        ...['action.intended', 'action.done'],
        ...['action.intended', 'agent.resumed', 'agent.phase_changed', 'action.done'],
        'AgentBudgetExceeded closed',
      ])
    })

    it.concurrent('the daemon is killed between its answer and the effect: done by the next, once', async () => {
      stuck.holdBack = { what: 'request', matching: /\/pause/ }
      const usage = { tokens: { input: 850 } }
      expect((await frail.daemon.call('POST', '/api/v1/agents/box/usage', usage)).status).toBe(200)
      await frail.until('box', 'the engine is asked', () => stuck.posts[0])
      await frail.until('box', 'it is acknowledged', () =>
        frail.proxy.about('box').find(({ fate }) => fate === 200),
      )
      await frail.killDaemon()
      expect((await box.container.inspect()).State.Paused).toBe(false)
      stuck.holdBack = undefined
      stuck.posts.length = 0
      await frail.startDaemon()
      await frail.happens('box', 'pause for alert')
      expect((await box.container.inspect()).State.Paused).toBe(true)
      const known = frail.proxy.told.length
      await frail.until('box', 'it is told again', () => frail.proxy.told[known])
      expect(stuck.posts.map((post) => post.replace(/\?.*/, ''))).toEqual([
        `POST /containers/${box.id}/pause`,
      ])
      const lines = await frail.daemon.journal('box')
      expect(lines).toMatchObject([{ action: 'pause', status: 'done', attempt: 2 }])
    })

    it('and all of it is in the metrics', async () => {
      const samples = async (family: string) =>
        [...samplesOf(await loop.daemon.scrape())].filter(([name]) => name.startsWith(`${family}{`))
      const counted = async () =>
        (await samples('agent_actions_total')).filter(([, value]) => value > 0).toSorted()
      // A scrape may be that of Prometheus, who asked a moment before the last effect.
      await expect.poll(counted, { timeout: 60_000 }).toEqual([
        ['agent_actions_total{action="pause",trigger="alert",outcome="done"}', 1],
        ['agent_actions_total{action="pause",trigger="alert",outcome="noop"}', 1],
        ['agent_actions_total{action="pause",trigger="budget",outcome="done"}', 1],
        ['agent_actions_total{action="resize",trigger="alert",outcome="done"}', 1],
        ['agent_actions_total{action="resume",trigger="alert",outcome="done"}', 1],
        ['agent_actions_total{action="resume",trigger="human",outcome="done"}', 1],
      ])
      const active = await samples('agent_alertmanager_active_alerts')
      expect(active.map(([, value]) => value)).toEqual([0, 0])
    })
  })
})
