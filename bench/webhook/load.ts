import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

/** Alerts of the load: each fingerprint belongs to one of the pairs of alert and agent, in turn. */
export interface Population {
  readonly agents: readonly string[]
  readonly alertnames: readonly string[]
}

/** Notifications as Alertmanager writes them: half of the alerts were never told before, half were. */
export function createNotifications({ agents, alertnames }: Population, alerts: number) {
  const startedAt: string[] = []

  function alertOf(fingerprint: number): object {
    const startsAt = startedAt[fingerprint] ?? new Date().toISOString()
    startedAt[fingerprint] = startsAt
    const agent = agents[Math.floor(fingerprint / alertnames.length) % agents.length] as string
    const alertname = alertnames[fingerprint % alertnames.length] as string
    return alertBody({ alertname, agent, replica: String(fingerprint) }, fingerprint, startsAt)
  }

  return {
    next(): Buffer {
      const known = startedAt.length
      const fresh = Math.min(alerts, known === 0 ? alerts : Math.ceil(alerts / 2))
      const list = Array.from({ length: alerts }, (_, index) =>
        alertOf(index < fresh ? known + index : Math.floor(Math.random() * known)),
      )
      return notificationOf(list)
    },
    get fingerprints() {
      return startedAt.length
    },
  }
}

export function alertBody(labels: Record<string, string>, fingerprint: number, startsAt: string): object {
  return {
    status: 'firing',
    labels: {
      instance: '127.0.0.1:10780',
      job: 'agent-exporter',
      severity: 'warning',
      room: 'usage',
      ...labels,
    },
    annotations: {
      summary: `${labels['agent']} uses tokens very fast`,
      description: `Agent ${labels['agent']} uses 1.2k tokens a second, tokens read from a cache not counted.`,
      runbook_url: 'https://example.org/runbooks.md#agenttokenratehigh',
      dashboard_url: `https://example.org/d/agent?var-agent=${labels['agent']}`,
    },
    startsAt,
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus:9090/graph?g0.expr=up&g0.tab=1',
    fingerprint: fingerprint.toString(16).padStart(16, '0'),
  }
}

export function notificationOf(alerts: readonly object[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      receiver: 'agent-exporter',
      status: 'firing',
      alerts,
      groupLabels: {},
      commonLabels: { job: 'agent-exporter' },
      commonAnnotations: {},
      externalURL: 'http://alertmanager:9093',
      version: '4',
      groupKey: '{}:{}',
      truncatedAlerts: 0,
    }),
  )
}

export interface Target {
  readonly url: string
  readonly token: string
}

export interface Told {
  readonly ms: number
  readonly answer: { readonly outcomes?: Readonly<Record<string, number>> }
}

/** More than are ever open: a request never waits here for another. */
const connections = new Agent({ keepAlive: true, maxSockets: 512 })

/** Tells it and waits for the answer. */
export function tell({ url, token }: Target, body: Buffer): Promise<Told> {
  const from = performance.now()
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      authorization: `Bearer ${token}`,
      'user-agent': 'Alertmanager/0.25.0',
    }
    const call = request(url, { method: 'POST', agent: connections, headers }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => void parts.push(part))
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}: ${text}`))
        else resolve({ ms: performance.now() - from, answer: JSON.parse(text) as Told['answer'] })
      })
    })
    call.on('error', reject)
    call.end(body)
  })
}

/** Tells so many in a second, whether or not the ones before were answered, as senders do who know nothing of each other. */
export async function tellAtPace(
  target: Target,
  next: () => Buffer,
  perSecond: number,
  count: number,
): Promise<readonly Told[]> {
  const told: Promise<Told>[] = []
  const begun = performance.now()
  for (let index = 0; index < count; index++) {
    const body = next()
    const due = begun + (index * 1_000) / perSecond
    const early = due - performance.now()
    if (early > 0) await delay(early)
    // A timer that fires late is ours; a daemon that answers late is not.
    told.push(tell(target, body))
  }
  return await Promise.all(told)
}

export function disconnect(): void {
  connections.destroy()
}
