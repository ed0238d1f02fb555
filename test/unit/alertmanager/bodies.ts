import type { Entry } from '../../../src/alertmanager/table.ts'

/** One alert as Alertmanager 0.25 and Grafana 13 send it. */
export const alertBody = (more: object = {}) => ({
  status: 'firing',
  labels: { alertname: 'AgentTokenRateHigh', agent: 'claude-1', instance: 'host:10780' },
  annotations: { summary: 'It burns tokens.' },
  startsAt: '2026-11-21T20:33:13.266Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: '',
  fingerprint: '5784d90e24dd7772',
  ...more,
})

export const notificationBody = (more: object = {}) => ({
  receiver: 'agent-exporter',
  status: 'firing',
  alerts: [alertBody()],
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager:9093',
  version: '4',
  groupKey: '{}:{alertname="AgentTokenRateHigh"}',
  truncatedAlerts: 0,
  ...more,
})

export function entryOf(more: Partial<Entry> = {}): Entry {
  const at = { bootId: 'boot', bootMs: 0, wallMs: Date.UTC(2026, 10, 22) }
  return {
    key: '["A","p","a"]',
    alertname: 'A',
    policy: 'p',
    agent: 'a',
    incarnation: 'i',
    episode: 'A#1',
    state: 'firing',
    since: at,
    startsAtMs: at.wallMs - 60_000,
    endsAtMs: undefined,
    series: [
      {
        fingerprint: 'f',
        status: 'firing',
        startsAtMs: at.wallMs - 60_000,
        endsAtMs: undefined,
        heardAt: at,
      },
    ],
    crowded: false,
    action: 'pause',
    progress: 'done',
    resume: 'none',
    resumeTries: 0,
    resumeRefusedAt: undefined,
    answer: undefined,
    heldAt: at,
    actedAt: at,
    muted: false,
    overdue: false,
    withheld: undefined,
    echoAt: undefined,
    ...more,
  }
}
