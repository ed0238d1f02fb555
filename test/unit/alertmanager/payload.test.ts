import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LONGEST_VALUE,
  MOST_ALERTS,
  MOST_LABELS,
  readAlertmanager,
  readGrafana,
} from '../../../src/alertmanager/payload.ts'
import { Problem } from '../../../src/platform/problem.ts'

const ZERO = '0001-01-01T00:00:00Z'
const alert = (more: object = {}) => ({
  status: 'firing',
  labels: { alertname: 'AgentTokenRateHigh', agent: 'claude-1', instance: 'host:9464' },
  annotations: { summary: 'It burns tokens.', description: 'Not kept.' },
  startsAt: '2026-11-21T20:33:13.266Z',
  endsAt: ZERO,
  generatorURL: '',
  fingerprint: '5784d90e24dd7772',
  ...more,
})
const notification = (more: object = {}) => ({
  receiver: 'agent-exporter',
  status: 'firing',
  alerts: [alert()],
  groupLabels: { alertname: 'AgentTokenRateHigh' },
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager:9093',
  version: '4',
  groupKey: '{}:{alertname="AgentTokenRateHigh"}',
  truncatedAlerts: 0,
  ...more,
})

function problemOf(body: unknown, read = readAlertmanager): Problem {
  try {
    read(body)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('was taken')
}

describe('a notification', () => {
  it('is its alerts, each with a status of its own', () => {
    const ended = alert({ status: 'resolved', endsAt: '2026-11-21T20:40:00Z', fingerprint: 'b' })
    const { alerts, ...group } = readAlertmanager(notification({ alerts: [alert(), ended] }))
    expect(alerts.map(({ status, endsAtMs, fingerprint }) => [status, endsAtMs, fingerprint])).toEqual([
      ['firing', undefined, '5784d90e24dd7772'],
      ['resolved', Date.UTC(2026, 10, 21, 20, 40), 'b'],
    ])
    expect(alerts[0]).toMatchObject({
      alertname: 'AgentTokenRateHigh',
      startsAtMs: Date.UTC(2026, 10, 21, 20, 33, 13, 266),
      summary: 'It burns tokens.',
    })
    expect(alerts[0]!.labels.get('agent')).toBe('claude-1')
    expect(group).toEqual({
      receiver: 'agent-exporter',
      groupKey: '{}:{alertname="AgentTokenRateHigh"}',
      externalUrl: 'http://alertmanager:9093',
      rejected: [],
      truncatedAlerts: 0,
    })
  })

  it('may say more than we know, as newer senders do', () => {
    const more = notification({
      notification_reason: 'first',
      routeLabels: {},
      alerts: [alert({ extra: 1, annotations: null })],
    })
    expect(readAlertmanager(more).alerts).toHaveLength(1)
  })

  it('of Grafana has other stamps and another version', () => {
    const body = notification({
      version: '1',
      orgId: 1,
      title: '[FIRING:1]',
      state: 'alerting',
      alerts: [
        alert({
          startsAt: '2026-11-21T22:33:13.266739876+02:00',
          values: { B: 44.2 },
          valueString: '',
          silenceURL: '',
        }),
      ],
    })
    expect(readGrafana(body).alerts[0]!.startsAtMs).toBe(Date.UTC(2026, 10, 21, 20, 33, 13, 266))
    expect(problemOf(body).errors).toEqual([{ in: 'body', path: '/version', message: 'must be "4"' }])
    expect(problemOf(notification(), readGrafana).code).toBe('AE_BAD_REQUEST')
  })

  it('says how many alerts it does not tell', () => {
    expect(readAlertmanager(notification({ truncatedAlerts: 7 })).truncatedAlerts).toBe(7)
    const many = notification({ alerts: new Array(MOST_ALERTS + 3).fill(alert()), truncatedAlerts: 2 })
    expect(readAlertmanager(many)).toMatchObject({ truncatedAlerts: 5 })
    expect(readAlertmanager(many).alerts).toHaveLength(MOST_ALERTS)
  })

  it('loses only the alerts that are beyond all bounds', () => {
    const labels = (more: object) => ({ alertname: 'A', agent: 'a', ...more })
    const many = Object.fromEntries(Array.from({ length: MOST_LABELS + 1 }, (_, i) => [`l${i}`, 'x']))
    const body = notification({
      alerts: [
        alert({ labels: labels(many) }),
        alert({ labels: labels({ x: 'x'.repeat(LONGEST_VALUE + 1) }) }),
        alert({ labels: { agent: 'a' } }),
        alert({ startsAt: ZERO }),
        alert(),
      ],
    })
    const { alerts, rejected } = readAlertmanager(body)
    expect(alerts).toHaveLength(1)
    expect(rejected.map(({ why }) => why)).toEqual([
      'too_many_labels',
      'label_too_long',
      'no_alertname',
      'no_start',
    ])
  })

  it('keeps a label that is called like a part of every object', () => {
    const body = JSON.parse(
      JSON.stringify(notification()).replace('"agent":"claude-1"', '"__proto__":"x","agent":"claude-1"'),
    )
    expect(readAlertmanager(body).alerts[0]!.labels.get('__proto__')).toBe('x')
  })

  it.each([
    ['no object', null],
    ['a list', []],
    ['no alerts', notification({ alerts: undefined })],
    ['another version', notification({ version: '3' })],
    ['half an alert', notification({ truncatedAlerts: -1 })],
    ['an alert that is none', notification({ alerts: [alert(), 'x'] })],
    ['an unknown status', notification({ alerts: [alert({ status: 'pending' })] })],
    ['labels that are no texts', notification({ alerts: [alert({ labels: { alertname: 1 } })] })],
    ['labels that are a list', notification({ alerts: [alert({ labels: [] })] })],
    ['no start', notification({ alerts: [alert({ startsAt: undefined })] })],
    ['a start that is none', notification({ alerts: [alert({ startsAt: '2026-13-45T99:00:00Z' })] })],
    ['an end that is none', notification({ alerts: [alert({ endsAt: 'never' })] })],
    ['no fingerprint', notification({ alerts: [alert({ fingerprint: 1 })] })],
  ])('is refused as a whole with %s', (_, body) => {
    expect(problemOf(body)).toMatchObject({ code: 'AE_BAD_REQUEST', status: 400 })
  })

  it('is refused with a few words, however much is wrong', () => {
    const body = notification({ alerts: new Array(1_000).fill({}) })
    expect(problemOf(body).errors!.length).toBeLessThanOrEqual(10)
  })

  it('is read or refused, whatever it is', () => {
    const part = fc.oneof(fc.anything(), fc.constant(notification()), fc.constant([alert()]))
    const body = fc.oneof(
      part,
      fc.record({ version: fc.constant('4'), alerts: fc.array(fc.anything()) }),
      fc
        .record(
          { status: part, labels: part, startsAt: part, endsAt: part, fingerprint: part },
          { requiredKeys: [] },
        )
        .map((more) => notification({ alerts: [alert(more)] })),
    )
    fc.assert(
      fc.property(body, (value) => {
        try {
          readAlertmanager(value)
        } catch (error) {
          expect(error).toBeInstanceOf(Problem)
        }
      }),
    )
  })
})
