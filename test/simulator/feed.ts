import type { Told } from './world.ts'

export interface FeedOptions {
  readonly url: string
  /** Token of a daemon; undefined: it tells without one. */
  readonly tokenOf: (daemon: string) => string | undefined
}

/** More are refused. */
const BATCH = 1_000

/** Sends what a daemon has to tell. @throws Error with the answer when something is refused */
export type Feed = (told: Told) => Promise<void>

export function createFeed({ url, tokenOf }: FeedOptions): Feed {
  async function post(path: string, daemon: string, body: object): Promise<void> {
    const token = tokenOf(daemon)
    const answer = await fetch(`${url}/api/monitoring/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`POST ${path} of ${daemon} was answered ${answer.status}: ${text}`)
  }

  return async ({ daemon, atMs, metrics, crashes, alerts }) => {
    const recordedAt = new Date(atMs).toISOString()
    for (let i = 0; i < metrics.length; i += BATCH) {
      await post('metrics', daemon, { agents: metrics.slice(i, i + BATCH), recordedAt })
    }
    for (const crash of crashes) await post('crash', daemon, { crash })
    for (const alert of alerts) await post('alert', daemon, { alert })
  }
}
