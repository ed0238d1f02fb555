import { expect, it } from 'vitest'
import { startAlertmanager } from '../../support/alertmanager.ts'
import { eventually } from '../../support/child.ts'
import { postAlerts } from '../../support/rule-alerts.ts'
import { describeWith } from '../../support/services.ts'
import { shippedConfig } from '../../support/shipped-alertmanager.ts'

type Labels = Readonly<Record<string, string>>
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
    // Nobody listens: what is hidden is seen before anybody is told.
    const nobody = 'http://127.0.0.1:9'
    await using alertmanager = await startAlertmanager(
      shippedConfig({ exporters: [nobody], token: 'a-token', people: nobody, muted: 'never' }),
    )
    const startsAt = new Date().toISOString()
    const alerts = [
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
    ]
    await postAlerts(
      alertmanager.address,
      alerts.map((labels) => ({ labels, annotations: {}, startsAt })),
    )
    const hidden = await eventually('all are known', async () => {
      const answer = await fetch(`http://${alertmanager.address}/api/v2/alerts`)
      const known = (await answer.json()) as { labels: Labels; status: { inhibitedBy: string[] } }[]
      const hiding = known.filter(({ status }) => status.inhibitedBy.length > 0)
      return known.length === 10 && hiding.length >= 2 ? hiding : undefined
    })
    const names = hidden.map(
      ({ labels }) => `${labels['alertname']} ${labels['agent']} on ${labels['instance']}`,
    )
    expect(names.sort()).toEqual(['AgentCrashed z on c', 'AgentMemoryWarning x on a'])
  })
})
