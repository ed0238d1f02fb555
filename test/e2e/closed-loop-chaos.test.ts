import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ClosedLoop, startClosedLoop } from '../support/closed-loop.ts'
import { type EventStream, followEvents } from '../support/event-stream.ts'
import type { NotificationBody, Told, ToldAlert } from '../support/notification-proxy.ts'
import { type AgentProcess, startAgent } from '../support/processes.ts'
import { samplesOf } from '../support/samples.ts'
import { describeWith } from '../support/services.ts'

/** A small budget that is nearly used up fires at once, and a larger one ends it while the agent stands still. */
const RULES = [
  {
    match: { alertname: 'AgentBudgetWarning' },
    ...{ action: 'pause', onResolved: 'resume', curedByPause: true, minHold: '1s' },
  },
]
const RESOLVED = 'AgentBudgetWarning resolved'
const COPIES = 10_000
const AT_ONCE = 50
const HOUR_MS = 3_600_000

const agents = ['copied', 'cut', 'refused', 'late'] as const
type Agent = (typeof agents)[number] | 'survivor'

describeWith(['prometheus', 'prometheus-alertmanager'], 'the loop, with everything going wrong', () => {
  const processes: AgentProcess[] = []
  /** Two replicas of Prometheus tell every alert, each under a name of its own. */
  let loop: ClosedLoop
  /** One of each, which are ended. */
  let frail: ClosedLoop
  let stream: EventStream

  beforeAll(async () => {
    const options = { rules: RULES, rooms: ['exhaustion'] }
    ;[loop, frail] = await Promise.all([
      startClosedLoop({ ...options, replicas: ['a', 'b'] }),
      startClosedLoop(options),
    ])
    await Promise.all([...agents.map((id) => begin(loop, id)), begin(frail, 'survivor')])
    await Promise.all([loop.grown(...agents), frail.grown('survivor')])
    stream = await followEvents(frail.daemon)
  })
  afterAll(async () => {
    stream?.[Symbol.dispose]()
    await Promise.all(processes.map((one) => one.stop()))
    await loop?.[Symbol.asyncDispose]()
    await frail?.[Symbol.asyncDispose]()
  })

  async function begin(where: ClosedLoop, id: Agent): Promise<void> {
    const agent = await startAgent('idle', { id })
    processes.push(agent)
    await register(where, id, agent.pid, 1_000)
  }

  async function register(where: ClosedLoop, id: Agent, pid: number, tokens: number): Promise<void> {
    const { status } = await where.daemon.call('POST', '/api/v1/agents', {
      ...{ id, runtime: { pid }, enforce: true, budget: { maxTokensConsumed: tokens } },
    })
    expect(status).toBeLessThan(300)
  }

  async function spend(where: ClosedLoop, id: Agent): Promise<void> {
    const { status } = await where.daemon.call('POST', `/api/v1/agents/${id}/usage`, {
      tokens: { input: 850 },
    })
    expect(status).toBe(200)
  }

  /** More of what it has nearly used up; answers from when on it may go on. */
  async function allow(where: ClosedLoop, id: Agent): Promise<number> {
    const at = Date.now()
    const { body } = await where.daemon.call<{ runtime: string; incarnation: string }>(
      'GET',
      `/api/v1/agents/${id}`,
    )
    await register(where, id, Number(body.incarnation.split(':')[2]), 100_000)
    return at
  }

  /** What the daemon believes of the one alert about the agent. */
  async function known(where: ClosedLoop, id: Agent): Promise<object> {
    const { body } = await where.daemon.call<{ items: { agent: string; state: string; action: string }[] }>(
      'GET',
      '/api/v1/alerts',
    )
    const [one, ...others] = body.items.filter(({ agent }) => agent === id)
    expect(others).toEqual([])
    return { state: one?.state, action: one?.action }
  }

  /** One effect each, and the second not before it might be. */
  async function pausedAndResumed(where: ClosedLoop, id: Agent, notBefore: number): Promise<void> {
    expect(await where.effects(id)).toEqual(['pause for alert', 'resume for alert'])
    const resume = (await where.daemon.journal(id)).find(({ action }) => action === 'resume')
    expect(Date.parse(resume!.at)).toBeGreaterThanOrEqual(notBefore)
  }

  /** What both replicas say, as one notification: Alertmanager may have told of them one by one. */
  const both = (id: Agent, status: 'firing' | 'resolved') =>
    loop.until(id, `${status} is told of both replicas`, () => {
      const about = loop.proxy.about(id)
      const alerts = new Map<string | undefined, ToldAlert>()
      for (const { body } of about) {
        for (const one of body.alerts) if (one.status === status) alerts.set(one.labels['replica'], one)
      }
      const last = about.at(-1)
      if (alerts.size < 2 || last === undefined) return undefined
      return { ...last, body: { ...last.body, status, alerts: [...alerts.values()] } }
    })

  it.concurrent('ten thousand copies, old ones and copies in any order: one effect', async () => {
    const { proxy } = loop
    await spend(loop, 'copied')
    await loop.happens('copied', 'pause for alert')
    const firing = await both('copied', 'firing')
    expect(new Set(firing.body.alerts.map(({ labels }) => labels['replica']))).toEqual(new Set(['a', 'b']))
    expect(new Set(firing.body.alerts.map(({ fingerprint }) => fingerprint)).size).toBe(2)

    const repeats = async () =>
      samplesOf(await loop.daemon.scrape()).get('agent_alertmanager_alerts_total{outcome="repeated"}')!
    const before = await repeats()
    expect(
      await copies(
        firing,
        Array.from({ length: COPIES }, () => firing.body),
      ),
    ).toEqual(new Set([200]))
    // A scrape may be that of somebody who asked a moment before.
    await loop.until('copied', 'each alert of each copy is counted', async () =>
      (await repeats()) - before >= 2 * COPIES ? true : undefined,
    )

    // The end of an earlier time.
    await proxy.send(firing, shifted(firing.body, 'resolved', -HOUR_MS))
    expect(await known(loop, 'copied')).toEqual({ state: 'firing', action: 'pause' })

    const allowedAt = await allow(loop, 'copied')
    await loop.happens('copied', 'resume for alert')
    const resolved = await both('copied', 'resolved')
    const mixed = Array.from({ length: 200 }, (_, index) => [firing.body, resolved.body][(index * 7) % 2]!)
    expect(await copies(firing, mixed)).toEqual(new Set([200]))
    await proxy.send(firing)
    expect(await known(loop, 'copied')).toEqual({ state: 'closed', action: 'pause' })
    await pausedAndResumed(loop, 'copied', allowedAt)
  })

  it.concurrent('cut off: what is not told has not ended', async () => {
    const { proxy } = loop
    keepBack('cut')
    await spend(loop, 'cut')
    const firing = await both('cut', 'firing')
    const part = (body: NotificationBody, from: number, to: number) => {
      const alerts = body.alerts.slice(from, to)
      return { ...body, alerts, truncatedAlerts: body.alerts.length - alerts.length }
    }
    await proxy.send(firing, part(firing.body, 0, 0))
    expect(await loop.daemon.journal('cut')).toEqual([])
    await proxy.send(firing, part(firing.body, 0, 1))
    await loop.happens('cut', 'pause for alert')
    await proxy.send(firing)
    await allow(loop, 'cut')
    const resolved = await both('cut', 'resolved')
    // However long that took: what is not heard for two repeats would be unknown.
    await proxy.send(firing)
    await proxy.send(resolved, part(resolved.body, 0, 1))
    expect(await known(loop, 'cut')).toEqual({ state: 'firing', action: 'pause' })
    const endedAt = Date.now()
    await proxy.send(resolved)
    await loop.happens('cut', 'resume for alert')
    await pausedAndResumed(loop, 'cut', endedAt)
    const truncated = samplesOf(await loop.daemon.scrape()).get(
      'agent_alertmanager_notifications_total{outcome="truncated"}',
    )
    expect(truncated).toBe(3)
  })

  it.concurrent('answered with 5xx for a while: told again, and nothing is lost', async () => {
    const { proxy } = loop
    const refusals = { firing: 3, resolved: 3 }
    faults.set('refused', ({ status }) => {
      const left = refusals[status as keyof typeof refusals]--
      return left > 0 ? 503 : undefined
    })
    await spend(loop, 'refused')
    await loop.happens('refused', 'pause for alert')
    const allowedAt = await allow(loop, 'refused')
    await loop.happens('refused', 'resume for alert')
    await pausedAndResumed(loop, 'refused', allowedAt)
    const fates = proxy.about('refused').map(({ body, fate }) => `${body.status} ${fate}`)
    expect(fates.filter((fate) => fate === 'firing 503')).toHaveLength(3)
    expect(fates.filter((fate) => fate === 'resolved 503')).toHaveLength(3)
  })

  it.concurrent('the end before the beginning: nothing is done', async () => {
    const { proxy } = loop
    keepBack('late')
    await spend(loop, 'late')
    const firing = await both('late', 'firing')
    await allow(loop, 'late')
    const resolved = await both('late', 'resolved')
    expect(await proxy.send(resolved)).toBe(200)
    expect(await proxy.send(firing)).toBe(200)
    expect(await proxy.send(resolved)).toBe(200)
    expect(await known(loop, 'late')).toMatchObject({ state: 'closed', action: null })
    expect(await loop.daemon.journal('late')).toEqual([])
  })

  it.concurrent('Alertmanager and Prometheus end and come back: one effect, no wrong resume', async () => {
    const { proxy } = frail
    await spend(frail, 'survivor')
    await frail.happens('survivor', 'pause for alert')
    const before = await frail.until('survivor', 'it was told', () => proxy.about('survivor')[0])

    await frail.restartAlertmanager()
    const known = proxy.told.length
    await frail.until('survivor', 'it is told again', () =>
      proxy.told.slice(known).find(({ body }) => body.groupLabels['agent'] === 'survivor'),
    )
    expect(await frail.effects('survivor')).toEqual(['pause for alert'])

    // Alertmanager takes what it no longer hears of for resolved.
    await frail.stopPrometheus()
    await frail.isTold('survivor', RESOLVED)
    await frail.until('survivor', 'it is not believed', () =>
      stream.events.find(({ type, agent }) => type === 'alert.resume_withheld' && agent === 'survivor'),
    )
    expect(await frail.effects('survivor')).toEqual(['pause for alert'])

    const ended = proxy.told.length
    await frail.startPrometheus()
    const again = await frail.until('survivor', 'it fires again', () =>
      proxy.told.slice(ended).find(({ body }) => body.alerts.some(({ status }) => status === 'firing')),
    )
    expect(again.body.alerts[0]!.startsAt).not.toBe(before.body.alerts[0]!.startsAt)
    await frail.until('survivor', 'that is heard', () =>
      stream.events.find(({ detail }) => detail['change'] === 'refired'),
    )
    expect(await frail.effects('survivor')).toEqual(['pause for alert'])

    const allowedAt = await allow(frail, 'survivor')
    await frail.happens('survivor', 'resume for alert')
    await pausedAndResumed(frail, 'survivor', allowedAt)
  })

  const faults = new Map<string, (body: NotificationBody) => number | 'hold' | undefined>()
  beforeAll(() => {
    loop.proxy.fault = (body) => faults.get(body.groupLabels['agent'] ?? '')?.(body)
  })
  /** Alertmanager believes that it is told. */
  const keepBack = (agent: Agent) => faults.set(agent, () => 'hold')

  async function copies(told: Told, bodies: readonly NotificationBody[]): Promise<Set<number>> {
    const left = bodies.values()
    const statuses = new Set<number>()
    const sendRest = async () => {
      for (const body of left) statuses.add(await loop.proxy.send(told, body))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sendRest))
    return statuses
  }

  function shifted(body: NotificationBody, status: 'resolved', byMs: number): NotificationBody {
    const moved = (at: string) => new Date(Date.parse(at) + byMs).toISOString()
    const alerts = body.alerts.map((alert) => {
      const startsAt = moved(alert.startsAt)
      return { ...alert, status, startsAt, endsAt: new Date(Date.parse(startsAt) + 60_000).toISOString() }
    })
    return { ...body, status, alerts }
  }
})
