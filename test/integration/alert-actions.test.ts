import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { type Child, eventually, startChild } from '../support/child.ts'
import { cleanEnvironment } from '../support/daemon.ts'

const RULE = {
  match: { alertname: 'AgentTokenRateHigh' },
  ...{ action: 'pause', dryRun: false, curedByPause: true, onResolved: 'resume' },
  ...{ deafFor: '1m', minHold: '5s', deadline: '1h' },
}
const BUSY = 'my $x = 0; while (1) { $x++ for 1 .. 1e5; select(undef, undef, undef, 0.02) }'

async function agent(daemon: ActingDaemon, id: string): Promise<Child> {
  const child = await startChild('perl', ['-e', BUSY], { env: cleanEnvironment() })
  onTestFinished(async () => void (await child.stop('SIGKILL')))
  const registration = { id, runtime: { pid: child.pid }, budget: { maxTokensConsumed: 1e9 } }
  expect((await daemon.call('POST', '/api/v1/agents', registration)).status).toBe(201)
  return child
}

interface Known {
  readonly state: string
  readonly progress: string
  readonly resume: string
}

const isStopped = ({ pid }: Child) => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

/** What Alertmanager sends of one group; `ended` where it has resolved. */
function notification(id: string, startsAt: string, ended?: string) {
  return {
    ...{ version: '4', groupKey: `{}:{agent="${id}"}`, receiver: 'agent-exporter' },
    status: ended === undefined ? 'firing' : 'resolved',
    alerts: [
      {
        status: ended === undefined ? 'firing' : 'resolved',
        labels: { alertname: 'AgentTokenRateHigh', agent: id, instance: 'h:10780' },
        annotations: { summary: 'It uses too many tokens.' },
        startsAt,
        endsAt: ended ?? '0001-01-01T00:00:00Z',
        fingerprint: 'f00d',
      },
    ],
  }
}

describe('an alert with a rule', () => {
  it('pauses its agent once and lets it go on when it has resolved and the agent is quiet', async () => {
    const daemon = await startActingDaemon({
      config: {
        // Somebody else on this machine may be called the same.
        agents: { discovery: { processes: false, containers: false } },
        alertmanager: { rules: [RULE] },
        control: { cooldown: '1s' },
      },
    })
    onTestFinished(() => daemon[Symbol.asyncDispose]())
    const child = await agent(daemon, 'spender')
    const startsAt = new Date().toISOString()
    const post = (ended?: string) =>
      daemon.call('POST', '/api/v1/alertmanager', notification('spender', startsAt, ended))
    expect((await post()).body).toMatchObject({ alerts: 1, outcomes: { deaf: 1 } })
    // Who has just begun is left alone: the alert may be about somebody else's time.
    await eventually(
      'the alert is followed',
      async () => {
        const { status, body } = await post()
        expect(status).toBe(200)
        return 'asked' in (body['outcomes'] as object) || undefined
      },
      90_000,
      1_000,
    )
    await eventually('it is paused', async () => isStopped(child) || undefined)
    for (let i = 0; i < 20; i++) expect((await post()).body).toMatchObject({ outcomes: { repeated: 1 } })
    expect((await post(new Date().toISOString())).body).toMatchObject({ outcomes: { resolved: 1 } })
    await eventually('it goes on', async () => !isStopped(child) || undefined, 60_000)
    const lines = await eventually('both are verified', async () => {
      const all = await daemon.journal('spender')
      return all.every(({ verifiedAt }) => verifiedAt !== undefined) ? all : undefined
    })
    expect(lines).toMatchObject([
      { action: 'resume', trigger: 'alert', status: 'done', alert: 'AgentTokenRateHigh#1' },
      { action: 'pause', trigger: 'alert', status: 'done', alert: 'AgentTokenRateHigh#1' },
    ])
    const known = await eventually('the answer is known', async () => {
      const { body } = await daemon.call<{ items: Known[] }>('GET', '/api/v1/alerts?agent=spender')
      return body.items.find(({ resume }) => resume !== 'asking')
    })
    expect(known).toMatchObject({ state: 'closed', progress: 'done', resume: 'done' })
    const metrics = await daemon.scrape()
    expect(metrics).toContain('agent_actions_total{action="resume",trigger="alert",outcome="done"} 1')
    expect(metrics).toContain('agent_alertmanager_alerts_total{outcome="asked"} 1')
  })
})
