import { randomUUID } from 'node:crypto'
import { systemClock } from '../platform/clock.ts'
import { type Answer, createExchange, type Question } from './exchange.ts'
import type { ActionAnswer, ActionOptions, Client, ClientOptions, GateAnswer } from './model.ts'
import { createOutbox } from './outbox.ts'
import { backoffMs, keepAlive, sleep } from './patience.ts'
import { toError, waitForResume } from './wait.ts'

const DEFAULT_URL = 'http://127.0.0.1:10780'
const MAX_BUFFERED = 10_000
const FLUSH_INTERVAL_MS = 1_000
const FLUSH_MS = 10_000
const CLOSE_MS = 5_000
const ANSWER_MS = 10_000
/** A person waits for an action: what fails for longer is said. */
const ACTION_ATTEMPTS = 4

/**
 * Connects one agent to the daemon, over HTTP and without a dependency.
 *
 * Reports are buffered, sent in batches of up to 500 and repeated under the same `Idempotency-Key` until the daemon
 * acknowledges them, so each counts once whatever happens in between. `record…` never throws and never blocks. The
 * buffer is bounded: while it is full the newest reports are dropped and counted, because older ones may be under way
 * already. What the daemon refuses (4xx) is dropped with its code; an agent that it does not know yet has 15 s to be
 * found. No timer of the client keeps the process alive.
 *
 * ```ts
 * const client = createClient({ agent: 'reviewer-1', onDrop: ({ code, count }) => log(`${count} lost: ${code}`) })
 * await client.register({ role: 'reviewer' })
 * for (const step of steps) {
 *   if (!(await client.gate()).allowed && (await client.waitForResume()) === 'terminated') break
 *   const { usage } = await step.run()
 *   client.recordApiCall({ input: usage.input, output: usage.output, provider: 'anthropic', model: usage.model })
 *   client.recordFileOperation('write')
 * }
 * client.recordDeliverable('review_complete', 'Review of the parser')
 * await client.close()
 * ```
 *
 * @throws TypeError without an agent or with an address that is not http(s).
 */
export function createClient(options: ClientOptions = {}): Client {
  const { env } = process
  const agent = options.agent ?? env['AGENT_EXPORTER_AGENT']
  if (!agent) throw new TypeError('Which agent? Give `agent` or set AGENT_EXPORTER_AGENT.')
  const url = addressOf(options.url ?? (env['AGENT_EXPORTER_URL'] || DEFAULT_URL))
  const token = options.token ?? (env['AGENT_EXPORTER_TOKEN'] || undefined)
  const clock = options.clock ?? systemClock
  const fetch = options.fetch ?? globalThis.fetch
  const exchange = createExchange({ url, token, fetch, clock })
  const path = `agents/${encodeURIComponent(agent)}`
  const outbox = createOutbox({
    clock,
    exchange,
    path,
    maxBuffered: options.maxBuffered ?? MAX_BUFFERED,
    flushIntervalMs: options.flushIntervalMs ?? FLUSH_INTERVAL_MS,
    onDrop: options.onDrop,
  })
  const now = (): string => new Date(clock.now()).toISOString()

  const record: Client['record'] = (usage) => outbox.add('usage', () => ({ at: now(), ...usage }))

  async function ask(question: Omit<Question, 'timeoutMs'>, waitMs = 0): Promise<unknown> {
    return bodyOf(await keepAlive(exchange({ ...question, timeoutMs: ANSWER_MS + waitMs })))
  }

  async function act(verb: string, { waitMs = 0, ...body }: ActionOptions = {}): Promise<ActionAnswer> {
    const question: Question = {
      method: 'POST',
      path: `${path}/${verb}${waitMs > 0 ? `?wait=${Math.ceil(waitMs / 1_000)}s` : ''}`,
      body: JSON.stringify(body),
      key: randomUUID(),
      timeoutMs: ANSWER_MS + waitMs,
    }
    return keepAlive(
      (async () => {
        for (let attempt = 1; ; attempt++) {
          const answer = await exchange(question)
          const isFinal = answer.kind === 'ok' || answer.kind === 'refused' || attempt === ACTION_ATTEMPTS
          if (isFinal) return bodyOf(answer) as ActionAnswer
          await sleep(clock, backoffMs(attempt, answer.kind === 'later' ? answer.retryAfterMs : 0))
        }
      })(),
    )
  }

  async function flush(timeoutMs = FLUSH_MS): Promise<'flushed' | 'timeout'> {
    const done = new AbortController()
    const drained = outbox.drained().then(() => 'flushed' as const)
    const late = sleep(clock, timeoutMs, done.signal).then(() => 'timeout' as const)
    return keepAlive(Promise.race([drained, late]).finally(() => done.abort()))
  }

  return {
    record,
    recordFileOperation: (op, count = 1) => record({ files: [{ op, count }] }),
    recordApiCall: (tokens) => record({ apiCalls: 1, ...(tokens === undefined ? {} : { tokens }) }),
    recordSubtaskSpawn: (count = 1) => record({ subtasks: count }),
    recordDeliverable(type, description, artifacts) {
      outbox.add('deliverables', () => ({
        type,
        ...(description === undefined ? {} : { description }),
        ...(artifacts === undefined ? {} : { artifacts }),
      }))
    },
    async register({ role, workspace } = {}) {
      const body = { id: agent, ...(role && { role }), ...(workspace && { workspace }) }
      await ask({ method: 'POST', path: 'agents', body: JSON.stringify(body) })
    },
    gate: async () => (await ask({ method: 'GET', path: `${path}/gate` })) as GateAnswer,
    waitForResume: (wait = {}) => keepAlive(waitForResume({ clock, exchange, path }, wait)),
    pause: (action) => act('pause', action),
    resume: (action) => act('resume', action),
    terminate: (action) => act('terminate', action),
    flush,
    async close(timeoutMs = CLOSE_MS) {
      await flush(timeoutMs)
      outbox.close()
    },
    stats: outbox.stats,
  }
}

function bodyOf(answer: Answer): unknown {
  if (answer.kind === 'ok') return answer.body
  throw toError(answer)
}

/** The address as a folder, so that a daemon behind a prefix is found too. */
function addressOf(text: string): URL {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new TypeError(`${text} is not an address like ${DEFAULT_URL}.`)
  }
  const url = new URL(text)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
