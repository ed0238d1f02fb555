import type { Daemon } from './daemon.ts'

export interface StreamedEvent {
  readonly type: string
  readonly agent?: string
  readonly summary: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** Everything the daemon tells whoever follows its event stream, from now on. */
export interface EventStream extends Disposable {
  readonly events: readonly StreamedEvent[]
}

export async function followEvents(daemon: Pick<Daemon, 'get'>): Promise<EventStream> {
  const stop = new AbortController()
  const answer = await daemon.get('/api/v1/events/stream', { signal: stop.signal })
  if (answer.status !== 200 || answer.body === null) throw new Error(`the stream answered ${answer.status}`)
  const events: StreamedEvent[] = []
  void read(answer.body, events).catch(() => undefined)
  return { events, [Symbol.dispose]: () => stop.abort() }
}

async function read(body: ReadableStream<Uint8Array>, events: StreamedEvent[]): Promise<void> {
  let waiting = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (waiting + text).split('\n\n')
    waiting = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length))
      if (data.length > 0) events.push(JSON.parse(data.join('\n')) as StreamedEvent)
    }
  }
}
