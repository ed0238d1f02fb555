import { once } from 'node:events'

/** Standard output for a command that prints more than fits into a pipe. */
export interface Output {
  /** Resolves when more may be written. */
  write(text: string): Promise<void>
  /** Whether somebody still reads: `… | head` ends early, and that is no failure. */
  isRead(): boolean
  close(): void
}

export function createOutput(stream: NodeJS.WriteStream = process.stdout): Output {
  const reader = new AbortController()
  const gone = (): void => reader.abort()
  stream.on('error', gone)
  return {
    async write(text) {
      if (reader.signal.aborted || stream.write(text)) return
      await once(stream, 'drain', { signal: reader.signal }).catch(() => {})
    },
    isRead: () => !reader.signal.aborted,
    close: () => void stream.off('error', gone),
  }
}
