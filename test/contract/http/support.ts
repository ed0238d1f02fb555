import { connect, type Socket } from 'node:net'

/** What came back on a raw connection until it was closed or fell silent for a moment after an answer. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An interim answer is not the answer (RFC 9110 15.2). */
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

function parse(received: string): RawAnswer {
  const text = received.startsWith(CONTINUE) ? received.slice(CONTINUE.length) : received
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n') }
}

/** Is the first answer in `text` complete? */
function isComplete(text: string): boolean {
  const { headers, body } = parse(text)
  const length = headers['content-length']
  return (
    text.replace(CONTINUE, '').includes('\r\n\r\n') &&
    (length === undefined ? text.endsWith('0\r\n\r\n') : Buffer.byteLength(body) >= Number(length))
  )
}

/** Sends bytes as they are and waits for one answer or for the connection to end (status 0: closed without one). */
export function sendRaw(
  port: number,
  request: string | Buffer,
  write?: (socket: Socket) => void,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(request)
      write?.(socket)
    })
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (isComplete(text)) {
        socket.destroy()
        resolve(parse(text))
      }
    })
    socket.on('close', () => resolve(parse(text)))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
  })
}

export const portOf = (url: string | undefined): number => Number(new URL(url as string).port)
