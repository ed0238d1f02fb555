import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../platform/clock.ts'
import type { EventLog, HouseEvent } from './model.ts'

/** Proxies close connections on which nothing is said for a minute or less. */
const HEARTBEAT_MS = 15_000
/** What may wait in the socket of a reader that does not read; then it is cut and may resume by its last id. */
const MOST_WAITING_BYTES = 256 * 1024
const MOST_STREAMS = 100

export interface StreamRequest {
  readonly response: ServerResponse
  readonly lastEventId: string | undefined
  readonly wants: (event: HouseEvent) => boolean
  /** The answer ends with the first of these that is aborted: the server begins to stop, the reader's session ends. */
  readonly over: readonly AbortSignal[]
}

/** Server-sent events (HTML Living Standard, section 9.2): one open answer per reader. */
export interface Streams {
  /** False when too many are open: nothing was written then. */
  open(request: StreamRequest): boolean
  readonly size: number
  /** Readers that were cut because they did not read. */
  readonly cut: number
}

export function createStreams(clock: Clock, log: EventLog, instance: () => string): Streams {
  let size = 0
  let cut = 0

  function frame({ id, type, atMs, summary, detail, agent }: HouseEvent): string {
    const data = { type, instance: instance(), ts: new Date(atMs).toISOString(), agent, summary, detail }
    // JSON has no raw line end, so the data is one line.
    return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
  }

  return {
    get size() {
      return size
    },
    get cut() {
      return cut
    },
    open({ response, lastEventId, wants, over }) {
      if (size >= MOST_STREAMS || over.some(({ aborted }) => aborted)) return false
      size++
      let timer: Timer | undefined
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })

      function say(text: string): void {
        response.write(text)
        if (response.writableLength <= MOST_WAITING_BYTES) return
        cut++
        response.destroy()
      }
      function beat(): void {
        timer = clock.setTimer(HEARTBEAT_MS, () => {
          say(': alive\n\n')
          beat()
        })
      }

      const unfollow = log.follow((event) => wants(event) && say(frame(event)))
      const end = () => response.end()
      for (const signal of over) signal.addEventListener('abort', end, { once: true })
      response.once('close', () => {
        size--
        timer?.cancel()
        unfollow()
        for (const signal of over) signal.removeEventListener('abort', end)
      })
      say(': agent-exporter events\n\n')
      for (const event of log.after(lastEventId)) if (wants(event)) say(frame(event))
      beat()
      return true
    },
  }
}
