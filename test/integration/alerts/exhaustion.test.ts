import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { startAlertmanager, startChat } from '../../support/alertmanager.ts'
import { eventually } from '../../support/child.ts'
import { startDaemon } from '../../support/daemon.ts'
import { startAgent } from '../../support/processes.ts'
import { startPrometheus } from '../../support/prometheus.ts'
import { describeWith } from '../../support/services.ts'

const root = join(import.meta.dirname, '../../..')
const RULES = join(root, 'alerts/exhaustion.rules.yml')

interface SlackExample {
  readonly route: Record<string, unknown>
  readonly receivers: readonly { readonly name: string; readonly slack_configs: readonly object[] }[]
}

const example = parse(readFileSync(join(root, 'alerts/examples/slack.yml'), 'utf8')) as SlackExample

describeWith('amtool', 'the example of an Alertmanager configuration', ({ amtool }) => {
  it('is accepted', () => {
    const args = ['check-config', 'alerts/examples/slack.yml']
    expect(execFileSync(amtool, args, { cwd: root, encoding: 'utf8' })).toContain('SUCCESS')
  })
})

describeWith(['prometheus', 'prometheus-alertmanager'], 'an agent that uses up its budget', () => {
  it('A26 is told to a Slack channel when it is near it, beyond it, and terminated', async () => {
    await using chat = await startChat()
    await using alertmanager = await startAlertmanager({
      ...example,
      // The shipped example, only sooner and to a channel of the test.
      route: { ...example.route, group_wait: '1s', group_interval: '1s' },
      receivers: example.receivers.map(({ name, slack_configs }) => ({
        name,
        slack_configs: slack_configs.map((slack) => ({ ...slack, api_url: chat.url })),
      })),
    })
    const id = `spender-${process.pid}`
    await using agent = await startAgent('idle', { id })
    await using daemon = await startDaemon({
      config: {
        agents: { discovery: { processes: false, containers: false } },
        resourceExhaustion: { autoTerminate: true, terminateAfterMs: '20s' },
        control: { lock: `budget-alerts-${process.pid}` },
      },
    })
    await using prometheus = await startPrometheus([{ job: 'agent-exporter', target: daemon.address }], {
      rule_files: [RULES],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
    })
    const token = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
    const post = async (path: string, body: object) => {
      const answer = await daemon.get(`/api/v1/agents${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      })
      expect(answer.ok).toBe(true)
    }
    const message = (title: string) =>
      eventually(
        `the channel is told ${title}`,
        () => chat.messages.find((one) => one.title === title),
        60_000,
      ).catch((error: unknown) => {
        throw new Error(`${JSON.stringify(chat.messages)}\n${alertmanager.child.output()}`, { cause: error })
      })

    await post('', { id, runtime: { pid: agent.pid }, budget: { maxApiCalls: 20 } })
    await post(`/${id}/usage`, { apiCalls: 17 })
    const where = `Agent ${id} on ${daemon.address} has used`
    expect(await message('AgentBudgetWarning')).toMatchObject({
      channel: '#agents',
      text: expect.stringContaining(`${where} 85% of its limit of api_calls`),
    })
    await post(`/${id}/usage`, { apiCalls: 5 })
    expect((await message('AgentBudgetExceeded')).text).toContain(`${where} 110% of its limit of api_calls`)
    const ended = await message('AgentTerminatedByBudget')
    expect(ended.text).toContain(`Agent ${id}`)
    expect(ended.text).toContain('110% of its limit of api_calls')
    expect(prometheus.complaints()).toEqual([])
  })
})
