import { createClient } from '../../../src/client/client.ts'
import type { Client, ClientOptions, Drop } from '../../../src/client/model.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly atMs: number
}

export type Reply =
  | { readonly status: number; readonly body?: object; readonly headers?: Record<string, string> }
  | 'broken'
  | 'silent'

export interface World {
  readonly client: Client
  readonly clock: FakeClock
  readonly asked: Asked[]
  readonly drops: Drop[]
  /** Answers of the daemon from now on; the last one stays. */
  answer(...replies: readonly Reply[]): void
  /** Lets time pass in small steps, with everything that happens in them. */
  pass(ms: number): Promise<void>
}

const OK: Reply = { status: 200, body: { phase: 'normal', ratios: {} } }
/** Enough turns of the event loop for one request and its answer. */
const TURNS = 12
const STEP_MS = 50

export const problem = (status: number, code: string, headers: Record<string, string> = {}): Reply => ({
  status,
  body: { code, detail: code, status },
  headers,
})

/** A client, and a daemon that answers as it is told. Nothing listens and no time passes by itself. */
export function createWorld(options: Partial<ClientOptions> = {}): World {
  const clock = fakeClock()
  const asked: Asked[] = []
  const drops: Drop[] = []
  let replies: Reply[] = [OK]
  const fetch = async (url: URL, init: RequestInit): Promise<Response> => {
    const headers = init.headers as Record<string, string>
    const body = init.body === undefined ? undefined : JSON.parse(init.body as string)
    const path = `${url.pathname}${url.search}`
    asked.push({ method: init.method!, path, headers, body, atMs: clock.monotonic() })
    const reply = replies.length > 1 ? replies.shift()! : replies[0]!
    if (reply === 'broken') throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
    if (reply === 'silent') {
      const signal = init.signal!
      return await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    }
    const text = JSON.stringify(reply.body ?? {})
    return new Response(text, { status: reply.status, headers: reply.headers ?? {} })
  }
  const client = createClient({
    url: 'http://daemon.test:1',
    agent: 'mine',
    clock,
    fetch: fetch as typeof globalThis.fetch,
    onDrop: (drop) => void drops.push(drop),
    ...options,
  })

  async function turn(): Promise<void> {
    for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve))
  }

  return {
    client,
    clock,
    asked,
    drops,
    answer(...next) {
      replies = [...next]
    },
    async pass(ms) {
      await turn()
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        clock.advance(STEP_MS)
        await turn()
      }
    },
  }
}

export const ok = OK
