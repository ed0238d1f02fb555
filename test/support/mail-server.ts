import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A mail as it arrived, taken apart. */
export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  /** Bodies by content type, such as `text/plain`. */
  readonly parts: ReadonlyMap<string, string>
}

/** As much of SMTP (RFC 5321) as it takes to be told something: no TLS, no authentication, every mail accepted. */
export interface MailServer extends AsyncDisposable {
  /** host:port */
  readonly address: string
  readonly mails: readonly Mail[]
}

export async function startMailServer(): Promise<MailServer> {
  const mails: Mail[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    serve(socket, (mail) => mails.push(mail))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function serve(socket: Socket, deliver: (mail: Mail) => void): void {
  let waiting = ''
  let from = ''
  let to: string[] = []
  let content: string[] | undefined
  const say = (line: string) => socket.write(`${line}\r\n`)

  function hear(line: string): void {
    if (content !== undefined) {
      // A line that begins with a dot was sent with one more (RFC 5321 4.5.2).
      if (line !== '.') content.push(line.startsWith('.') ? line.slice(1) : line)
      else {
        deliver({ from, to, ...takeApart(content.join('\r\n')) })
        content = undefined
        say('250 OK')
      }
      return
    }
    const [, verb = '', address = ''] = /^(\w+)(?:[^<]*<([^>]*)>)?/.exec(line) ?? []
    switch (verb.toUpperCase()) {
      case 'MAIL':
        from = address
        to = []
        return void say('250 OK')
      case 'RCPT':
        to.push(address)
        return void say('250 OK')
      case 'DATA':
        content = []
        return void say('354 Go ahead')
      case 'QUIT':
        say('221 Bye')
        return void socket.end()
      case 'EHLO':
      case 'HELO':
      case 'RSET':
      case 'NOOP':
        return void say('250 localhost')
      default:
        return void say('502 Not here')
    }
  }

  say('220 localhost')
  socket.setEncoding('latin1').on('data', (text: string) => {
    const lines = (waiting + text).split('\r\n')
    waiting = lines.pop() ?? ''
    for (const line of lines) hear(line)
  })
}

function takeApart(content: string): Pick<Mail, 'subject' | 'parts'> {
  const [headers, body] = halves(content)
  const boundary = /boundary="?([^";\s]+)/.exec(headers.get('content-type') ?? '')?.[1]
  const pieces = boundary === undefined ? [content] : body.split(`--${boundary}`).slice(1, -1)
  const parts = pieces.map((piece): [string, string] => {
    const [own, text] = halves(piece.replace(/^\r\n/, ''))
    const isQuoted = own.get('content-transfer-encoding') === 'quoted-printable'
    const bytes = isQuoted ? text.replaceAll('=\r\n', '').replace(/=([0-9A-F]{2})/g, fromHex) : text
    const read = Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n')
    return [own.get('content-type')?.split(';')[0] ?? 'text/plain', read]
  })
  return { subject: decodeWords(headers.get('subject') ?? ''), parts: new Map(parts) }
}

function halves(text: string): readonly [ReadonlyMap<string, string>, string] {
  const end = text.indexOf('\r\n\r\n')
  const lines = text
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return [new Map(headers), text.slice(end + 4)]
}

/** `=?utf-8?q?…?=` of RFC 2047. */
function decodeWords(text: string): string {
  return text.replaceAll(/=\?utf-8\?q\?([^?]*)\?=\s*/gi, (_, word: string) =>
    Buffer.from(word.replaceAll('_', ' ').replace(/=([0-9A-F]{2})/g, fromHex), 'latin1').toString('utf8'),
  )
}

function fromHex(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16))
}
