import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { startAlertmanager } from '../../support/alertmanager.ts'
import { eventually } from '../../support/child.ts'
import { describeWith } from '../../support/services.ts'

const folder = join(import.meta.dirname, '../../../alerts')

interface Receiver {
  readonly name: string
  readonly webhook_configs?: readonly object[]
  readonly pagerduty_configs?: readonly object[]
  readonly slack_configs?: readonly object[]
}

interface Config {
  readonly route: { readonly routes: readonly object[] }
  readonly receivers: readonly Receiver[]
}

type Labels = Readonly<Record<string, string>>
interface Heard {
  readonly path: string
  readonly authorization: string | undefined
  readonly body: Record<string, unknown>
}

/** The shipped configuration with the addresses of a local server, told soon. Email is left out: it needs a mail server. */
async function startShipped(): Promise<
  Awaited<ReturnType<typeof startAlertmanager>> & { heard: readonly Heard[] }
> {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    heard.push({ path: request.url!, authorization: request.headers.authorization, body: JSON.parse(body) })
    response.end('ok')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const shipped = parse(readFileSync(join(folder, 'alertmanager.yml'), 'utf8')) as Config
  const changed = (configs: readonly object[] | undefined, more: object) =>
    configs?.map((one) => ({ ...one, ...more }))
  const alertmanager = await startAlertmanager({
    ...shipped,
    global: { slack_api_url: `${url}/slack`, pagerduty_url: `${url}/pagerduty` },
    templates: [join(folder, 'templates/*.tmpl')],
    route: { ...shipped.route, routes: shipped.route.routes.map((one) => ({ ...one, group_wait: '1s' })) },
    receivers: shipped.receivers.map(({ name, webhook_configs, pagerduty_configs, slack_configs }) => ({
      name,
      webhook_configs: changed(webhook_configs, {
        url: `${url}/${name}`,
        http_config: { follow_redirects: false, authorization: { type: 'Bearer', credentials: 'a-token' } },
      }),
      pagerduty_configs: changed(pagerduty_configs, { routing_key_file: undefined, routing_key: 'a-key' }),
      slack_configs,
    })),
  })
  return {
    ...alertmanager,
    heard,
    async [Symbol.asyncDispose]() {
      await alertmanager[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function fire(address: string, alerts: readonly Labels[]): Promise<void> {
  const answer = await fetch(`http://${address}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      alerts.map((labels) => ({
        labels,
        annotations: {
          summary: `${labels['agent']} has little memory left`,
          description: `Agent ${labels['agent']} on ${labels['instance']} uses 1GiB.`,
          runbook_url: 'https://wiki.example.org/docs/runbooks.md#x',
          dashboard_url: 'https://grafana.example.org/d/agent-exporter-agent?var-agent=x',
        },
      })),
    ),
  })
  expect(answer.status).toBe(200)
}

const alert = (
  alertname: string,
  severity: string,
  room: string,
  instance: string,
  agent?: string,
): Labels => ({
  alertname,
  severity,
  room,
  instance,
  ...(agent !== undefined && { agent }),
})

describeWith('prometheus-alertmanager', 'the shipped configuration of Alertmanager', () => {
  it('hides what is said by something worse, and nothing else', async () => {
    await using alertmanager = await startShipped()
    await fire(alertmanager.address, [
      alert('AgentMemoryCritical', 'critical', 'memory', 'a', 'x'),
      alert('AgentMemoryWarning', 'warning', 'memory', 'a', 'x'),
      alert('AgentMemoryWarning', 'warning', 'memory', 'a', 'y'),
      alert('AgentMemoryWarning', 'warning', 'memory', 'b', 'x'),
      alert('AgentCrashed', 'warning', 'crashes', 'a', 'x'),
      alert('AgentHostMemoryLow', 'critical', 'host', 'a'),
      alert('AgentHostMemoryPressure', 'warning', 'host', 'a'),
      alert('AgentExporterDown', 'critical', 'self', 'c'),
      alert('AgentExporterReloadFailed', 'warning', 'self', 'c'),
      alert('AgentCrashed', 'warning', 'crashes', 'c', 'z'),
    ])
    const hidden = await eventually('all are known', async () => {
      const answer = await fetch(`http://${alertmanager.address}/api/v2/alerts`)
      const known = (await answer.json()) as { labels: Labels; status: { inhibitedBy: string[] } }[]
      return known.length === 10 ? known.filter(({ status }) => status.inhibitedBy.length > 0) : undefined
    })
    const names = hidden.map(
      ({ labels }) => `${labels['alertname']} ${labels['agent']} on ${labels['instance']}`,
    )
    expect(names.sort()).toEqual(['AgentCrashed z on c', 'AgentMemoryWarning x on a'])
  })

  it('tells the exporter, the chat and the pager, each in its own words', async () => {
    await using alertmanager = await startShipped()
    await fire(alertmanager.address, [alert('AgentMemoryCritical', 'critical', 'memory', 'a:10780', 'x')])
    const message = (path: string) =>
      eventually(`${path} is told`, () => alertmanager.heard.find((one) => one.path === path), 60_000)

    const webhook = await message('/agent-exporter')
    expect(webhook.authorization).toBe('Bearer a-token')
    expect(webhook.body).toMatchObject({
      version: '4',
      status: 'firing',
      groupLabels: { alertname: 'AgentMemoryCritical', instance: 'a:10780', agent: 'x' },
      alerts: [{ status: 'firing', labels: { agent: 'x', severity: 'critical' } }],
    })

    const { attachments } = (await message('/slack')).body as { attachments: Record<string, string>[] }
    expect(attachments[0]).toMatchObject({ title: 'x has little memory left', color: 'danger' })
    expect(attachments[0]!['text']).toBe(
      [
        'Agent x on a:10780 uses 1GiB.',
        '<https://grafana.example.org/d/agent-exporter-agent?var-agent=x|Dashboard> · <https://wiki.example.org/docs/runbooks.md#x|Runbook> · <http://a:10780/ui/|Control> · `agent-exporter actions --agent x`',
        '',
      ].join('\n'),
    )

    expect((await message('/pagerduty')).body).toMatchObject({
      routing_key: 'a-key',
      event_action: 'trigger',
      payload: {
        summary: 'x has little memory left',
        severity: 'critical',
        class: 'AgentMemoryCritical',
        component: 'x',
        group: 'memory',
        custom_details: { alerts: 'AgentMemoryCritical (firing): Agent x on a:10780 uses 1GiB.\n' },
      },
      links: [
        { href: 'https://grafana.example.org/d/agent-exporter-agent?var-agent=x', text: 'Dashboard' },
        { href: 'https://wiki.example.org/docs/runbooks.md#x', text: 'Runbook' },
      ],
    })
  })
})
