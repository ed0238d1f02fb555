import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JournalLine } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { type Dockerd, describeWithDockerd, type RunningContainer, startDockerd } from '../support/dockerd.ts'
import { truthOf } from '../support/real-processes.ts'
import { describeWith } from '../support/services.ts'
import { copyStack, type Stack } from '../support/stack.ts'
import { makeStackImages, STACK_IMAGES } from '../support/stack-images.ts'

const AGENT = 'coder'
const HOST_AGENT = `stack-host-agent-${process.pid}`
/** Neither the exporter's user nor that of this test. */
const NOBODY = 65_534
/** A chain of three programs, each of which looks every few seconds, on a busy machine. */
const PATIENCE_MS = 90_000
const SERVICES = ['exporter', 'prometheus', 'alertmanager']

describeWith(['docker-compose', 'prometheus', 'prometheus-alertmanager'], 'docker-compose.yml', () => {
  // Grafana is left out: there is no image of it here. Its files are held to its documentation in test/unit/stack.
  describeWithDockerd('exporter, Prometheus and Alertmanager as containers, without Grafana', () => {
    let dockerd: Dockerd
    let stack: Stack
    let agent: RunningContainer
    let control: string

    beforeAll(async () => {
      dockerd = await startDockerd()
      await makeStackImages(dockerd.docker)
      stack = await copyStack(dockerd, ['exhaustion', 'self', 'alerting'])
      await stack.compose('up', '--detach', '--no-build', ...SERVICES)
      agent = await dockerd.runContainer({
        labels: { 'agent-exporter.agent': AGENT, 'agent-exporter.enforce': 'true' },
      })
      control = await eventually('the exporter has made its token', async () =>
        (await stack.compose('exec', '-T', 'exporter', 'cat', '/data/control.token')).trim(),
      )
    })
    afterAll(async () => {
      await stack?.[Symbol.asyncDispose]()
      await dockerd?.[Symbol.asyncDispose]()
    })

    async function call<Body>(method: string, path: string, token: string, body?: object): Promise<Body> {
      const answer = await fetch(`${stack.urls.exporter}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
      return JSON.parse(text) as Body
    }
    const journal = async () =>
      (await call<{ items: JournalLine[] }>('GET', `/api/v1/actions?agent=${AGENT}`, control)).items
    const isPaused = async () => (await agent.container.inspect()).State.Paused

    /** Waits; when that is in vain, says what the containers have written. */
    const until = <T>(what: string, ask: () => Promise<T | undefined>) =>
      eventually(what, ask, PATIENCE_MS, 250).catch(async (error: unknown) => {
        const said = await stack.compose('logs', '--no-color', '--tail=40').catch(String)
        throw new Error(`${String(error)}\n${said}`, { cause: error })
      })

    async function query(promql: string): Promise<string | undefined> {
      const answer = await fetch(`${stack.urls.prometheus}/api/v1/query?query=${encodeURIComponent(promql)}`)
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
      return data.result[0]?.value[1]
    }

    it('every container is healthy by the check of the file', async () => {
      for (const service of [...SERVICES, 'engine-proxy']) {
        await until(`${service} is healthy`, async () => {
          const id = (await stack.compose('ps', '-q', service)).trim()
          const { State } = await dockerd.docker.getContainer(id).inspect()
          return State.Health?.Status === 'healthy' || undefined
        })
      }
    })

    it('Prometheus scrapes all three, the exporter with its token and under the name of the host', async () => {
      for (const job of ['agent-exporter', 'prometheus', 'alertmanager']) {
        await until(`${job} is up`, async () => (await query(`up{job="${job}"}`)) === '1' || undefined)
      }
      expect(await query('up{job="agent-exporter", instance="localhost:10780"}')).toBe('1')
      expect((await fetch(`${stack.urls.exporter}/api/v1/agents`)).status).toBe(401)
    })

    it('only the proxy holds the socket of the engine, and nobody has a right to spare', async () => {
      for (const service of [...SERVICES, 'engine-proxy']) {
        const id = (await stack.compose('ps', '-q', service)).trim()
        const { HostConfig, Mounts, Config } = await dockerd.docker.getContainer(id).inspect()
        expect({ service, ...HostConfig }).toMatchObject({
          ...{ ReadonlyRootfs: true, CapDrop: ['ALL'], CapAdd: null, Privileged: false },
          SecurityOpt: ['no-new-privileges:true'],
        })
        const holds = Mounts.some(({ Source }) => Source === dockerd.socketPath)
        expect({ service, holds }).toEqual({ service, holds: service === 'engine-proxy' })
        const secrets = SERVICES.map((one) => stack.secret(`${one}/${TOKEN_OF[one]}`))
        for (const secret of secrets) expect(JSON.stringify(Config)).not.toContain(secret)
      }
    })

    it('the proxy refuses what the exporter never asks', async () => {
      const script = `const { request } = require('node:http')
        const ask = (method, path, body) => new Promise((resolve) => {
          const sent = request({ socketPath: '/run/engine/docker.sock', method, path, headers: { 'content-type': 'application/json' } }, (answer) => resolve(answer.resume().statusCode))
          sent.end(body)
        })
        const image = ${JSON.stringify(STACK_IMAGES.EXPORTER_IMAGE)}
        ask('GET', '/containers/json').then(async (list) => console.log(list, await ask('POST', '/containers/create', JSON.stringify({ Image: image }))))`
      const said = await stack.compose('exec', '-T', 'exporter', 'node', '-e', script)
      expect(said.trim()).toBe('200 403')
    })

    it('a budget is exceeded: the container stands still, the alert fires and comes back by webhook', async () => {
      await until('the agent is known', async () =>
        call('GET', `/api/v1/agents/${AGENT}`, control).catch(() => undefined),
      )
      await call('POST', '/api/v1/agents', control, {
        ...{ id: AGENT, runtime: { container: agent.id } },
        budget: { maxTokensConsumed: 1_000 },
      })
      const ingest = stack.secret('exporter/ingest.token')
      await call('POST', `/api/v1/agents/${AGENT}/usage`, ingest, { tokens: { input: 1_100 } })

      await until('the engine says paused', async () => (await isPaused()) || undefined)
      await until('Prometheus knows', async () => (await query('agents_paused_current')) === '1' || undefined)
      const alert = `alertname="AgentBudgetExceeded", agent="${AGENT}", alertstate="firing"`
      await until('the alert fires', () => query(`ALERTS{${alert}}`))
      await until('Alertmanager has it', async () => {
        const answer = await fetch(`${stack.urls.alertmanager}/api/v2/alerts?filter=agent=${AGENT}`)
        const alerts = (await answer.json()) as { labels: { alertname: string } }[]
        return alerts.find(({ labels }) => labels.alertname === 'AgentBudgetExceeded')
      })
      const heard = await until('the exporter is told', async () => {
        const { items } = await call<{ items: Record<string, unknown>[] }>('GET', '/api/v1/alerts', control)
        return items.find(({ agent: about }) => about === AGENT)
      })
      expect(heard).toMatchObject({ state: 'firing' })
      await until(
        'and counts it',
        async () =>
          Number(await query('sum(agent_alertmanager_notifications_total{outcome="accepted"})')) > 0 ||
          undefined,
      )
      expect(
        (await journal()).map(({ action, trigger, status }) => `${action} ${trigger} ${status}`),
      ).toEqual(['pause budget done'])
    })

    it('a person resumes it from the command line of the container', async () => {
      const said = await stack.compose(
        ...['exec', '-T', 'exporter', 'agent-exporter', 'resume', AGENT, '--reason', 'looked at'],
      )
      expect(said).toContain(AGENT)
      expect(await isPaused()).toBe(false)
      await until('Prometheus knows', async () => (await query('agents_paused_current')) === '0' || undefined)
      expect(
        (await journal()).map(({ action, trigger, status }) => `${action} ${trigger} ${status}`),
      ).toEqual(['resume human done', 'pause budget done'])
    })

    it('doctor says what this container does not reach, and who would', async () => {
      const said = await stack.compose('exec', '-T', 'exporter', 'agent-exporter', 'doctor', '--json')
      const states = Object.fromEntries(
        (JSON.parse(said) as { name: string; state: string }[]).map(({ name, state }) => [name, state]),
      )
      expect(states).toMatchObject({ Docker: 'ok', 'host processes': 'missing' })
    })

    it('with docker-compose.host.yml it stops and continues a process of another user of the host', async () => {
      const compose = (...args: string[]) =>
        stack.compose('-f', 'docker-compose.yml', '-f', 'docker-compose.host.yml', ...args)
      const exporter = (...args: string[]) => compose('exec', '-T', 'exporter', 'agent-exporter', ...args)
      const child = spawn('/bin/sh', ['-c', 'while :; do sleep 0.2; done'], {
        ...{ uid: NOBODY, gid: NOBODY, stdio: 'ignore' },
        env: { PATH: process.env['PATH'], AGENT_EXPORTER_AGENT: HOST_AGENT },
      })
      const pid = child.pid as number
      try {
        await compose('up', '--detach', '--no-build', '--no-deps', 'exporter')
        await until('it is found', async () =>
          (await exporter('agents')).includes(HOST_AGENT) ? true : undefined,
        )
        expect(await exporter('pause', HOST_AGENT, '--enforce', '--reason', 'try')).toContain('is paused')
        expect(truthOf(pid).state).toBe('T')
        expect(await exporter('resume', HOST_AGENT)).toContain('runs again')
        expect(truthOf(pid).state).not.toBe('T')
        const reach = JSON.parse(await exporter('doctor', '--json')) as { name: string; state: string }[]
        expect(reach.filter(({ name }) => /^(host|cap)/.test(name))).toMatchObject([
          { name: 'host processes', state: 'ok' },
          { name: 'host cgroups' },
          { name: 'capabilities', state: 'ok' },
        ])
      } finally {
        child.kill('SIGKILL')
      }
    })
  })
})

const TOKEN_OF: Readonly<Record<string, string>> = {
  exporter: 'ingest.token',
  prometheus: 'agent-exporter.token',
  alertmanager: 'agent-exporter.token',
}
