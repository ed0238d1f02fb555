import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts'

export interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

type Json = Readonly<Record<string, unknown>>

/** A line of the journal as the API shows it. */
export interface JournalLine {
  readonly id: string
  readonly at: string
  readonly agent: string
  readonly action: string
  readonly trigger: string
  readonly actor: string
  readonly attempt: number
  readonly status: string
  readonly durable: boolean
  readonly refusal?: string
  readonly detail?: string
  readonly rung?: string
  readonly verifiedAt?: string
  readonly durationMs?: number
}

/** A daemon that acts whatever other daemons run on this machine, and somebody who holds its control token. */
export interface ActingDaemon extends Daemon {
  readonly token: string
  /** JSON with the control token. */
  call<Body = Json>(method: string, path: string, body?: object): Promise<Answer<Body>>
  /** Lines of the journal about the agent, newest first. */
  journal(agent: string, filter?: string): Promise<readonly JournalLine[]>
}

export async function startActingDaemon(options: DaemonOptions = {}): Promise<ActingDaemon> {
  const control = { lock: `test-${randomUUID()}`, ...(options.config?.['control'] as object | undefined) }
  const daemon = await startDaemon({ ...options, config: { ...options.config, control } })
  const token = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }

  async function call<Body = Json>(method: string, path: string, body?: object): Promise<Answer<Body>> {
    const answer = await daemon.get(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: JSON.parse(text === '' ? 'null' : text) as Body }
  }

  return {
    ...daemon,
    token,
    call,
    async journal(agent, filter = '') {
      const { body } = await call<{ items: JournalLine[] }>('GET', `/api/v1/actions?agent=${agent}${filter}`)
      return body.items
    },
  }
}
