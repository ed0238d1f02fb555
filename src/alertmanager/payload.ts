import { Problem, type ProblemField } from '../platform/problem.ts'
import { cleanText } from '../platform/text.ts'
import type { Labels } from './matchers.ts'

/** One alert of a notification. What the group says of itself is not here: it says `firing` while one alert fires. */
export interface NotifiedAlert {
  readonly status: 'firing' | 'resolved'
  /** The label `alertname`; of Grafana's own alerts about its rules (no data, error) it is not the name of the rule. */
  readonly alertname: string
  readonly labels: Labels
  /** Hash of the labels as the sender sees them: two replicas send two. */
  readonly fingerprint: string
  /** Wall clock of who fired it, milliseconds. */
  readonly startsAtMs: number
  /** Undefined while it fires. */
  readonly endsAtMs: number | undefined
  /** The annotation `summary`, for people only. */
  readonly summary: string | undefined
}

/** Why an alert of an otherwise good notification is left out. */
const REJECTIONS = ['no_alertname', 'no_start', 'too_many_labels', 'label_too_long'] as const
export type Rejection = (typeof REJECTIONS)[number]

export interface Notification {
  readonly receiver: string
  readonly groupKey: string
  /** Of the sender; shown to people, never called. */
  readonly externalUrl: string
  readonly alerts: readonly NotifiedAlert[]
  readonly rejected: readonly { readonly index: number; readonly why: Rejection }[]
  /** Alerts of the group that are not here (`max_alerts`, or more than we take): they may fire, or not. */
  readonly truncatedAlerts: number
}

/** Alertmanager has no limit of its own; a group by agent holds a handful. */
export const MOST_ALERTS = 10_000
/** As many as Prometheus' own examples for `label_limit`, and longer values than any of ours. */
export const MOST_LABELS = 64
const LONGEST_NAME = 256
export const LONGEST_VALUE = 1_024
const LONGEST_SUMMARY = 300
const LONGEST_FINGERPRINT = 64
const MOST_FIELDS = 10

/** RFC 3339 with as many digits as Go prints. */
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

type Fields = Readonly<Record<string, unknown>>

/**
 * What Alertmanager's webhook (version 4) says; keys it does not know are passed over, newer versions add some.
 * @param body parsed JSON
 * @throws Problem AE_BAD_REQUEST when it is something else: nothing of it is used then
 */
export function readAlertmanager(body: unknown): Notification {
  return read(body, '4')
}

/** The same from a webhook contact point of Grafana alerting, which calls its shape version 1. */
export function readGrafana(body: unknown): Notification {
  return read(body, '1')
}

function read(body: unknown, version: string): Notification {
  if (!isFields(body)) throw malformed([{ path: '', message: 'must be an object' }])
  const wrong: ProblemField[] = []
  if (body['version'] !== version) wrong.push({ path: '/version', message: `must be "${version}"` })
  const truncated = body['truncatedAlerts'] ?? 0
  if (!Number.isSafeInteger(truncated) || (truncated as number) < 0) {
    wrong.push({ path: '/truncatedAlerts', message: 'must be a whole number' })
  }
  const list = body['alerts']
  if (!Array.isArray(list)) throw malformed([...wrong, { path: '/alerts', message: 'must be a list' }])

  const alerts: NotifiedAlert[] = []
  const rejected: { index: number; why: Rejection }[] = []
  for (const [index, item] of list.slice(0, MOST_ALERTS).entries()) {
    const shape = shapeOf(item, `/alerts/${index}`, wrong)
    if (shape === undefined) continue
    const alert = alertOf(shape)
    if (typeof alert === 'string') rejected.push({ index, why: alert })
    else alerts.push(alert)
  }
  if (wrong.length > 0) throw malformed(wrong)
  return {
    receiver: textOf(body['receiver']),
    groupKey: textOf(body['groupKey'], LONGEST_VALUE),
    externalUrl: textOf(body['externalURL']),
    alerts,
    rejected,
    truncatedAlerts: (truncated as number) + Math.max(0, list.length - MOST_ALERTS),
  }
}

interface Shape {
  readonly status: 'firing' | 'resolved'
  readonly labels: readonly (readonly [string, string])[]
  readonly annotations: Fields
  readonly startsAt: string
  readonly endsAt: string | undefined
  readonly fingerprint: string
}

/** What every sender of this protocol gets right; anything else is no such notification. */
function shapeOf(item: unknown, path: string, wrong: ProblemField[]): Shape | undefined {
  const before = wrong.length
  const check = (isRight: boolean, key: string, message: string) => {
    if (!isRight && wrong.length < MOST_FIELDS) wrong.push({ path: `${path}${key}`, message })
  }
  if (!isFields(item)) {
    check(false, '', 'must be an object')
    return undefined
  }
  const { status, labels, annotations, startsAt, endsAt, fingerprint } = item
  check(status === 'firing' || status === 'resolved', '/status', 'must be "firing" or "resolved"')
  check(isTexts(labels), '/labels', 'must be an object of texts')
  check(isStamp(startsAt), '/startsAt', 'must be a time as in RFC 3339')
  check(endsAt === undefined || isStamp(endsAt), '/endsAt', 'must be a time as in RFC 3339')
  check(typeof fingerprint === 'string', '/fingerprint', 'must be a text')
  if (wrong.length > before || wrong.length >= MOST_FIELDS) return undefined
  return {
    status: status as Shape['status'],
    labels: Object.entries(labels as Record<string, string>),
    annotations: isFields(annotations) ? annotations : {},
    startsAt: startsAt as string,
    endsAt: endsAt as string | undefined,
    fingerprint: (fingerprint as string).slice(0, LONGEST_FINGERPRINT),
  }
}

function alertOf(shape: Shape): NotifiedAlert | Rejection {
  if (shape.labels.length > MOST_LABELS) return 'too_many_labels'
  for (const [name, value] of shape.labels) {
    if (name.length > LONGEST_NAME || value.length > LONGEST_VALUE) return 'label_too_long'
  }
  const labels = new Map(shape.labels)
  const alertname = labels.get('alertname') ?? ''
  if (alertname === '') return 'no_alertname'
  const startsAtMs = momentOf(shape.startsAt)
  if (startsAtMs === undefined) return 'no_start'
  const { summary } = shape.annotations
  return {
    status: shape.status,
    alertname,
    labels,
    fingerprint: shape.fingerprint,
    startsAtMs,
    endsAtMs: shape.status === 'firing' || shape.endsAt === undefined ? undefined : momentOf(shape.endsAt),
    summary: typeof summary === 'string' ? cleanText(summary, LONGEST_SUMMARY) : undefined,
  }
}

/** Go's zero time, the first moment of the year 1, stands for none. */
function momentOf(stamp: string): number | undefined {
  const ms = Date.parse(stamp)
  return ms > 0 ? ms : undefined
}

function malformed(errors: readonly ProblemField[]): Problem {
  return new Problem(
    'AE_BAD_REQUEST',
    'This is not a notification of Alertmanager or Grafana.',
    errors.slice(0, MOST_FIELDS).map((field) => ({ in: 'body', ...field })),
  )
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): boolean {
  return isFields(value) && Object.values(value).every((text) => typeof text === 'string')
}

function isStamp(value: unknown): boolean {
  return typeof value === 'string' && STAMP.test(value) && !Number.isNaN(Date.parse(value))
}

function textOf(value: unknown, longest = 256): string {
  return typeof value === 'string' ? cleanText(value, longest) : ''
}
