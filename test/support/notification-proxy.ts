import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ToldAlert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly startsAt: string
  readonly endsAt: string
  readonly fingerprint: string
}

/** The body of a webhook of Alertmanager, as far as tests look at it. */
export interface NotificationBody {
  readonly status: string
  readonly groupLabels: Readonly<Record<string, string>>
  readonly alerts: readonly ToldAlert[]
  readonly truncatedAlerts: number
}

/** What became of a notification: the answer of the daemon, or what the proxy made of it. */
export type Fate = number | 'unreachable' | 'held back'

export interface Told {
  readonly body: NotificationBody
  readonly headers: Readonly<Record<string, string>>
  /** Undefined as long as it is on its way. */
  fate: Fate | undefined
}

/** Stands between Alertmanager and a daemon, writes down what is told, and may get in its way. */
export interface NotificationProxy extends AsyncDisposable {
  /** For Alertmanager. */
  readonly url: string
  /** Where notifications go on to; while undefined nobody is there. */
  target: string | undefined
  /** Everything Alertmanager told, in order. */
  readonly told: readonly Told[]
  /** Of one agent. */
  about(agent: string): readonly Told[]
  /**
   * Asked about each before it is handed on: a status to answer with instead, `hold` to answer 200 and keep it back.
   */
  fault: ((body: NotificationBody) => number | 'hold' | undefined) | undefined
  /** Hands a notification on as if Alertmanager told it (again); answers the status. */
  send(told: Told, body?: NotificationBody): Promise<number>
}

export async function startNotificationProxy(): Promise<NotificationProxy> {
  const told: Told[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const one: Told = {
      body: JSON.parse(text) as NotificationBody,
      headers: {
        'content-type': request.headers['content-type'] ?? '',
        authorization: request.headers.authorization ?? '',
      },
      fate: undefined,
    }
    told.push(one)
    const fault = proxy.fault?.(one.body)
    if (fault === 'hold') {
      one.fate = 'held back'
      response.end()
    } else if (fault !== undefined) {
      one.fate = fault
      response.writeHead(fault).end()
    } else {
      try {
        one.fate = await proxy.send(one)
        response.writeHead(one.fate).end()
      } catch {
        one.fate = 'unreachable'
        response.destroy()
      }
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: NotificationProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/alertmanager`,
    target: undefined,
    told,
    fault: undefined,
    about: (agent) => told.filter(({ body }) => body.groupLabels['agent'] === agent),
    async send({ headers, body }, changed = body) {
      if (proxy.target === undefined) throw new Error('nobody is there')
      const answer = await fetch(`${proxy.target}/api/v1/alertmanager`, {
        method: 'POST',
        headers: { ...headers, 'user-agent': 'Alertmanager/0.25.0' },
        body: JSON.stringify(changed),
      })
      await answer.arrayBuffer()
      return answer.status
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
