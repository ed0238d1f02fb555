import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Exchange } from './exchange.ts'
import type { ClientStats, Drop } from './model.ts'
import { backoffMs, sleep } from './patience.ts'

export interface OutboxOptions {
  readonly clock: Clock
  readonly exchange: Exchange
  /** `agents/<id>` */
  readonly path: string
  readonly maxBuffered: number
  readonly flushIntervalMs: number
  readonly onDrop: ((drop: Drop) => void) | undefined
}

/** What waits to be acknowledged by the daemon, in order, each exactly once. */
export interface Outbox {
  /** @param content is called at once; what it throws is counted as a drop */
  add(kind: Kind, content: () => object): void
  /** Resolves when everything added until now was acknowledged or dropped. */
  drained(): Promise<void>
  /** Takes nothing more, gives up what is left. */
  close(): void
  stats(): ClientStats
}

type Kind = 'usage' | 'deliverables'

interface Item {
  readonly kind: Kind
  /** JSON text: what was recorded is what is sent, whatever happens to the object afterwards. */
  readonly text: string
  /** Which quantities of which source it reports: the daemon takes all records of one shape, or none. */
  readonly shape: string
}

/** What is sent in one request. The key stays the same over all attempts, so the daemon counts it once. */
interface Batch {
  readonly items: readonly Item[]
  key: string
  /** An attempt got no answer: it may have been taken, so the key must stay. */
  uncertain: boolean
}

const MOST_RECORDS = 500
/** The daemon takes 1 MiB. */
const MOST_CHARACTERS = 256 * 1_024
const LONGEST_RECORD = 16 * 1_024
const ANSWER_MS = 10_000
/** An agent that has just started is found by the daemon's next samples; until then it is unknown. */
const UNKNOWN_MS = 15_000

export function createOutbox(options: OutboxOptions): Outbox {
  const { clock, exchange, path, maxBuffered, flushIntervalMs } = options
  const queue: Item[] = []
  const batches: Batch[] = []
  const closing = new AbortController()
  const waiters: { readonly until: number; readonly resolve: () => void }[] = []
  let added = 0
  let settled = 0
  let sent = 0
  let dropped = 0
  let retries = 0
  let timer: Timer | undefined
  let pumping = false
  let failures = 0
  let unknownSinceMs: number | undefined

  function drop(count: number, code: string, detail: string): void {
    if (count === 0) return
    dropped += count
    try {
      options.onDrop?.({ code, count, detail })
    } catch {
      // A faulty listener must not stop the agent that records.
    }
  }

  function settle(count: number): void {
    settled += count
    while (waiters[0] !== undefined && waiters[0].until <= settled) waiters.shift()?.resolve()
  }

  function take(): Batch | undefined {
    const [first] = queue
    if (first === undefined) return undefined
    let characters = 0
    let count = 0
    for (const item of queue) {
      characters += item.text.length + 1
      if (item.kind !== first.kind || count === MOST_RECORDS || characters > MOST_CHARACTERS) break
      count++
      if (first.kind === 'deliverables') break
    }
    return batchOf(queue.splice(0, count))
  }

  function batchOf(items: readonly Item[]): Batch {
    return { items, key: randomUUID(), uncertain: false }
  }

  function giveUp({ items }: Batch, code: string, detail: string): void {
    batches.shift()
    drop(items.length, code, detail)
    settle(items.length)
  }

  /** One attempt. Answers how long to wait before the next one, 0 for at once. */
  async function attempt(batch: Batch): Promise<number> {
    const { items, key } = batch
    const kind = items[0]!.kind
    const texts = items.map(({ text }) => text)
    const body = kind === 'usage' ? `[${texts.join(',')}]` : texts[0]!
    const { signal } = closing
    const answer = await exchange({
      method: 'POST',
      path: `${path}/${kind}`,
      body,
      key,
      timeoutMs: ANSWER_MS,
      signal,
    })
    // What was under way then has been counted as dropped: nobody waits for its answer.
    if (signal.aborted) return 0
    switch (answer.kind) {
      case 'ok':
        batches.shift()
        sent += items.length
        failures = 0
        unknownSinceMs = undefined
        settle(items.length)
        return 0
      case 'lost':
        batch.uncertain = true
        return backoffMs(++failures)
      case 'later':
        // A refusal by 429 or 503 took nothing, but nobody knows what a proxy in between did before it.
        batch.uncertain ||= answer.status >= 500
        return backoffMs(++failures, answer.retryAfterMs)
      case 'refused':
        return refuse(batch, answer.code, answer.detail)
    }
  }

  function refuse(batch: Batch, code: string, detail: string): number {
    const { items } = batch
    if (code === 'AE_AGENT_NOT_FOUND') {
      unknownSinceMs ??= clock.monotonic()
      if (clock.monotonic() - unknownSinceMs < UNKNOWN_MS) {
        // The daemon repeats an answer that it gave to a key; it counted nothing, so another key is safe.
        if (!batch.uncertain) batch.key = randomUUID()
        return backoffMs(++failures)
      }
    } else if (code === 'AE_INVALID' && items.length > 1) {
      // One bad record must not cost the others: nothing of a refused request was counted.
      const half = items.length >> 1
      batches.splice(0, 1, batchOf(items.slice(0, half)), batchOf(items.slice(half)))
      return 0
    } else if (code === 'AE_SOURCE_CONFLICT') {
      // Somebody else reports, say, the tokens: what only this client knows must not go with them.
      const shapes = byShape(items)
      if (shapes.size > 1) {
        batches.splice(0, 1, ...Array.from(shapes.values(), (group) => batchOf(group)))
        return 0
      }
    }
    failures = 0
    giveUp(batch, code, detail)
    return 0
  }

  async function pump(): Promise<void> {
    if (pumping) return
    pumping = true
    timer?.cancel()
    timer = undefined
    while (!closing.signal.aborted) {
      const next = batches[0] ?? take()
      if (next === undefined) break
      if (batches.length === 0) batches.push(next)
      const delayMs = await attempt(next)
      if (delayMs === 0 || closing.signal.aborted) continue
      retries++
      await sleep(clock, delayMs, closing.signal)
    }
    pumping = false
  }

  return {
    add(kind, content) {
      let text: string
      let shape: string
      try {
        text = JSON.stringify(content())
        shape = shapeOf(JSON.parse(text) as object)
      } catch (error) {
        return drop(1, 'UNSENDABLE', String(error))
      }
      if (closing.signal.aborted) return drop(1, 'CLOSED', 'The client is closed.')
      if (text.length > LONGEST_RECORD)
        return drop(1, 'UNSENDABLE', `longer than ${LONGEST_RECORD} characters`)
      if (added - settled >= maxBuffered) return drop(1, 'OVERFLOW', `${maxBuffered} records wait already`)
      queue.push({ kind, text, shape })
      added++
      if (queue.length >= MOST_RECORDS) void pump()
      else if (!pumping) timer ??= clock.setTimer(flushIntervalMs, () => void pump())
    },

    drained() {
      const until = added
      if (settled >= until) return Promise.resolve()
      void pump()
      return new Promise((resolve) => void waiters.push({ until, resolve }))
    },

    close() {
      closing.abort()
      timer?.cancel()
      const left = added - settled
      queue.length = 0
      drop(left, 'CLOSED', 'The client was closed before the daemon acknowledged them.')
      settle(left)
    },

    stats: () => ({ sent, buffered: added - settled, dropped, retries }),
  }
}

function byShape(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(item.shape)
    if (group === undefined) groups.set(item.shape, [item])
    else group.push(item)
  }
  return groups
}

function shapeOf({ source, ...quantities }: { readonly source?: string }): string {
  return JSON.stringify([source, ...Object.keys(quantities).sort()])
}
