import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAlertmanagerApi } from '../../../src/alertmanager/api.ts'
import { type Alertmanager, startAlertmanager } from '../../support/alertmanager.ts'
import { eventually } from '../../support/child.ts'
import { describeWith } from '../../support/services.ts'

describeWith('prometheus-alertmanager', 'a real Alertmanager, asked', () => {
  let alertmanager: Alertmanager
  beforeAll(async () => {
    alertmanager = await startAlertmanager({
      route: { receiver: 'nobody' },
      receivers: [{ name: 'nobody' }],
      inhibit_rules: [
        {
          source_matchers: ['severity="critical"'],
          target_matchers: ['severity="warning"'],
          equal: ['agent'],
        },
      ],
    })
  })
  afterAll(async () => {
    await alertmanager?.stop()
  })

  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`http://${alertmanager.address}/api/v2/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(200)
  }
  const alert = (alertname: string, more: object = {}) => ({
    labels: { alertname, agent: 'a' },
    startsAt: '2026-11-21T20:33:13.266Z',
    ...more,
  })
  const labelled = (alertname: string, severity: string) => ({
    labels: { alertname, agent: 'b', severity },
    startsAt: '2026-11-21T20:33:13.266Z',
  })

  it('tells what fires, and not what is silenced, inhibited or over', async () => {
    const now = Date.now()
    await post('silences', {
      matchers: [{ name: 'alertname', value: 'Silenced', isRegex: false, isEqual: true }],
      startsAt: new Date(now - 1_000).toISOString(),
      endsAt: new Date(now + 3_600_000).toISOString(),
      createdBy: 'test',
      comment: 'test',
    })
    await post('alerts', [
      alert('Fires'),
      alert('Silenced'),
      alert('Over', { endsAt: new Date(now - 1_000).toISOString() }),
      labelled('Critical', 'critical'),
      labelled('Warning', 'warning'),
    ])
    const api = createAlertmanagerApi({ url: `http://${alertmanager.address}`, timeoutMs: 10_000 })
    const namesOf = (alerts: Awaited<ReturnType<typeof api.active>>) =>
      alerts.map(({ labels }) => labels.get('alertname')).sort()
    const alerts = await eventually('it knows them', async () => {
      const found = await api.active()
      return namesOf(found).join() === 'Critical,Fires' ? found : undefined
    })
    const fires = alerts.find(({ labels }) => labels.get('alertname') === 'Fires')
    expect(fires).toEqual({
      labels: new Map([
        ['agent', 'a'],
        ['alertname', 'Fires'],
      ]),
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      startsAtMs: Date.UTC(2026, 10, 21, 20, 33, 13, 266),
    })
  })
})
