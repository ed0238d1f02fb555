import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startAlertmanager } from '../../support/alertmanager.ts'
import { eventually } from '../../support/child.ts'
import { startHeardHooks } from '../../support/heard-hooks.ts'
import { startMailServer } from '../../support/mail-server.ts'
import { notificationsPage } from '../../support/notifications-page.ts'
import { alertOf, type Firing, postAlerts } from '../../support/rule-alerts.ts'
import { alertFiles } from '../../support/rule-files.ts'
import { describeWith } from '../../support/services.ts'
import { shippedConfig } from '../../support/shipped-alertmanager.ts'

const PAGE = join(import.meta.dirname, '../../../docs/notifications.md')

const INSTANCE = 'host-a:10780'
const MEMORY: Firing = {
  alert: 'AgentMemoryCritical',
  labels: { instance: INSTANCE, agent: 'claude-1' },
  value: '1.87Gi',
  startsAt: '2026-03-02T03:12:09Z',
}
const KILLED: Firing = {
  alert: 'AgentOomKilled',
  labels: { instance: INSTANCE, agent: 'claude-1' },
  startsAt: '2026-03-02T03:14:24Z',
}
const BUDGET: Firing = {
  alert: 'AgentBudgetExceeded',
  labels: { instance: INSTANCE, agent: 'codex-2', resource: 'tokens' },
  value: '104%',
  startsAt: '2026-03-02T03:20:00Z',
}
const WARNING: Firing = {
  alert: 'AgentTokenRateHigh',
  labels: { instance: INSTANCE, agent: 'codex-2' },
  value: '1.2k',
  startsAt: '2026-03-02T03:21:00Z',
}

interface Paged {
  readonly component: string
  readonly custom_details: { readonly num_firing: string; readonly num_resolved: string }
}
interface Attachment {
  readonly title: string
  readonly text: string
}
const attachmentOf = (body: Record<string, unknown>) => (body['attachments'] as Attachment[])[0]!

describeWith('prometheus-alertmanager', 'what people are told of alerts', () => {
  it('is what docs/notifications.md shows', async () => {
    await using people = await startHeardHooks()
    await using mail = await startMailServer()
    await using alertmanager = await startAlertmanager(
      shippedConfig({
        exporters: [`${people.url}/first`, `${people.url}/second`],
        token: 'a-token',
        people: people.url,
        mail: mail.address,
        muted: 'always',
      }),
      { args: ['--web.external-url=https://alertmanager.example.org'] },
    )
    const tell = (...alerts: Firing[]) => postAlerts(alertmanager.address, alerts.map(alertOf))
    const slack = async (title: string, text: string) => {
      const fits = (body: Record<string, unknown>) => {
        const told = attachmentOf(body)
        return told.title.startsWith(title) && told.text.includes(text)
      }
      return (await people.wait('/slack', fits)).body
    }
    const pagerduty = async (action: string, component: string, firing: number, resolved: number) => {
      const fits = (body: Record<string, unknown>) => {
        const { component: about, custom_details: counted } = body['payload'] as Paged
        const counts = [counted.num_firing, counted.num_resolved]
        return (
          body['event_action'] === action && about === component && counts.join() === `${firing},${resolved}`
        )
      }
      return (await people.wait('/pagerduty', fits)).body
    }
    const letter = (subject: string) =>
      eventually(
        `a mail about ${subject}`,
        () => mail.mails.find((one) => one.subject.startsWith(subject)),
        60_000,
      )

    await tell(BUDGET, WARNING, MEMORY, KILLED)
    const one = await slack('Critical: codex-2', 'budget')
    // What is heard of first may be told before the other has come, and both once more.
    const both = 'Critical: claude-1 has little memory left on host-a:10780 (and 1 more)'
    const several = await slack(both, 'beyond its critical threshold')
    const page = await pagerduty('trigger', 'claude-1', 2, 0)
    const first = await letter(both)
    await tell({ ...MEMORY, endsAt: '2026-03-02T03:31:24Z' })
    const mixed = await slack('Critical: A process of claude-1', 'ended')
    // By then everybody has been told of this end, and it is no part of the next one.
    await pagerduty('trigger', 'claude-1', 1, 1)
    await letter('Critical: A process of claude-1')
    await tell({ ...KILLED, endsAt: '2026-03-02T03:34:09Z' })
    const resolved = await slack('Resolved: ', 'ended')
    const closed = await pagerduty('resolve', 'claude-1', 0, 1)
    const last = await letter('Resolved: ')

    await expect(
      notificationsPage({
        slack: { one, several, mixed, resolved },
        pagerduty: { firing: page, resolved: closed },
        mail: { firing: first, resolved: last },
      }),
    ).toMatchFileSnapshot(PAGE)

    // In the night a warning is told to nobody at once, but to the mail and to every exporter, and all with its token.
    const warned = await letter('Warning: codex-2 uses tokens very fast')
    expect(warned.to).toEqual(['agents@localhost'])
    for (const path of ['/first', '/second']) {
      const told = await people.wait(path, ({ groupLabels }) => {
        return (groupLabels as Record<string, string>)['alertname'] === 'AgentTokenRateHigh'
      })
      expect(told.authorization).toBe('Bearer a-token')
      expect(told.body).toMatchObject({ version: '4', status: 'firing', truncatedAlerts: 0 })
    }
    const inChat = people.heard
      .filter(({ path }) => path === '/slack')
      .map(({ body }) => attachmentOf(body).title)
    expect(inChat.filter((title) => title.startsWith('Warning'))).toEqual([])
  })

  it('in office hours warnings are told as well, and links that lead nowhere are left out', async () => {
    await using people = await startHeardHooks()
    await using alertmanager = await startAlertmanager(
      shippedConfig({
        exporters: [`${people.url}/first`],
        token: 'a-token',
        people: people.url,
        muted: 'never',
      }),
    )
    const unset = { runbook_url: 'docs/runbooks.md#agenttokenratehigh', dashboard_url: '' }
    // A host by a name that somebody gave it, and rules whose links nobody set.
    const named = [WARNING, BUDGET].map((one) => {
      const alert = alertOf({ ...one, labels: { ...one.labels, instance: 'the.host' } })
      return { ...alert, annotations: { ...alert.annotations, ...unset } }
    })
    await postAlerts(alertmanager.address, named)
    const warned = await people.wait('/slack', (body) => attachmentOf(body).title.startsWith('Warning: '))
    expect(attachmentOf(warned.body).title).toBe('Warning: codex-2 uses tokens very fast on the.host')
    const { text } = attachmentOf(warned.body)
    expect(text).toContain('> · docs/runbooks.md#agenttokenratehigh\n')
    expect(text).not.toMatch(/Dashboard|State|What was done/)
    const paged = await people.wait('/pagerduty')
    expect(paged.body).not.toHaveProperty('links')
  })

  it('every alert that is shipped can be told', async () => {
    await using people = await startHeardHooks()
    await using mail = await startMailServer()
    await using alertmanager = await startAlertmanager(
      shippedConfig({
        exporters: [`${people.url}/first`],
        token: 'a-token',
        people: people.url,
        mail: mail.address,
        muted: 'never',
      }),
    )
    const urgent = alertFiles
      .flatMap(({ rules }) => rules)
      .filter(({ labels }) => labels['severity'] === 'critical' || labels['severity'] === 'warning')
    // Each on a host of its own: none hides another.
    const posted = urgent.map(({ alert, annotations }, index) => {
      const names = [
        ...Object.values(annotations)
          .join()
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, name]) => name!)
      const labels = Object.fromEntries(names.map((name) => [name, `a-${name}`]))
      const instance = `host-${index}:10780`
      return alertOf({ alert, labels: { ...labels, instance }, value: '1', startsAt: '2026-03-02T03:12:09Z' })
    })
    await postAlerts(alertmanager.address, posted)
    const subjects = await eventually(
      'all are told by mail',
      () => (mail.mails.length >= posted.length ? mail.mails.map(({ subject }) => subject) : undefined),
      60_000,
    )
    const wanted = posted.map(({ labels, annotations }) => {
      const { severity, instance } = labels as { severity: string; instance: string }
      const summary = annotations['summary']!
      const where = summary.includes(instance) ? '' : ` on ${instance}`
      return `${severity === 'critical' ? 'Critical' : 'Warning'}: ${summary}${where}`
    })
    expect(subjects.toSorted()).toEqual(wanted.toSorted())
    const metrics = await (await fetch(`http://${alertmanager.address}/metrics`)).text()
    expect(metrics.match(/^alertmanager_notifications_failed_total\{.*\} [^0].*$/gm)).toBeNull()
  })
})
