import { readFile } from 'node:fs/promises'
import { isIPv4, isIPv6, type Socket } from 'node:net'
import { endianness } from 'node:os'
import { isLoopbackAddress } from './loopback.ts'

/** Reads one of `/proc/net/tcp`, `/proc/net/tcp6`; replaced in tests. */
export type ReadTcpTable = (file: '/proc/net/tcp' | '/proc/net/tcp6') => Promise<string>

const LITTLE_ENDIAN = endianness() === 'LE'
const ESTABLISHED = '01'
const V4_MAPPED = '0000000000000000FFFF0000'

/** Sixteen bytes of an IPv6 address in text form; undefined when it is none. */
function ipv6Bytes(address: string): Buffer | undefined {
  if (!isIPv6(address)) return undefined
  // The URL parser writes every IPv6 address in its one canonical form, hextets only.
  const host = new URL(`http://[${address.split('%')[0]}]/`).hostname.slice(1, -1)
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const words = [...left, ...Array<string>(zeros).fill('0'), ...right]
  const bytes = Buffer.alloc(16)
  words.forEach((word, index) => void bytes.writeUInt16BE(Number.parseInt(word, 16), index * 2))
  return bytes
}

/** The kernel prints each 32-bit word of an address as a host-order number (proc_net_tcp documentation). */
function hexWords(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    const word = LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
    text += word.toString(16).toUpperCase().padStart(8, '0')
  }
  return text
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')

interface Endpoint {
  readonly v4: Buffer | undefined
  readonly v6: Buffer | undefined
  readonly port: number
}

function endpoint(address: string, port: number): Endpoint {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIPv4(plain)) return { v4: Buffer.from(plain.split('.').map(Number)), v6: undefined, port }
  return { v4: undefined, v6: ipv6Bytes(plain), port }
}

function key(local: Endpoint, remote: Endpoint, table: 'tcp' | 'tcp6'): string | undefined {
  const side = ({ v4, v6, port }: Endpoint): string | undefined => {
    if (table === 'tcp') return v4 === undefined ? undefined : `${hexWords(v4)}:${hexPort(port)}`
    if (v6 !== undefined) return `${hexWords(v6)}:${hexPort(port)}`
    if (v4 === undefined) return undefined
    const prefix = LITTLE_ENDIAN ? V4_MAPPED : '00000000000000000000FFFF'
    return `${prefix}${hexWords(v4)}:${hexPort(port)}`
  }
  const left = side(local)
  const right = side(remote)
  return left === undefined || right === undefined ? undefined : ` ${left} ${right} ${ESTABLISHED} `
}

/**
 * Fields after the state: queues, timer, retransmits, uid, timeout, inode. A socket that its process has already
 * let go keeps its row with uid 0 and inode 0, which must not pass for root.
 */
function uidInRow(table: string, rowKey: string): number | undefined {
  const at = table.indexOf(rowKey)
  if (at < 0) return undefined
  const [, , , uid, , inode] = table.slice(at + rowKey.length, at + rowKey.length + 160).split(/\s+/)
  if (uid === undefined || inode === undefined || inode === '0' || !/^\d+$/.test(uid)) return undefined
  return Number(uid)
}

/**
 * Finds out whose process is at the other end of a loopback TCP connection, from the kernel's socket table
 * (`/proc/net/tcp{,6}`), at most once per connection. Undefined when the peer is not on this machine, in another
 * network namespace, already gone, or the table cannot be read.
 */
export function createPeerUid(
  read: ReadTcpTable = (file) => readFile(file, 'latin1'),
): (socket: Socket) => Promise<number | undefined> {
  const known = new WeakMap<Socket, Promise<number | undefined>>()

  async function lookUp(socket: Socket): Promise<number | undefined> {
    const { remoteAddress, remotePort, localAddress, localPort } = socket
    if (!isLoopbackAddress(remoteAddress) || remoteAddress === undefined || remotePort === undefined) return
    if (localAddress === undefined || localPort === undefined) return
    // The row we want is the peer's own socket: its local end is our remote end.
    const local = endpoint(remoteAddress, remotePort)
    const remote = endpoint(localAddress, localPort)
    for (const table of ['tcp', 'tcp6'] as const) {
      const rowKey = key(local, remote, table)
      if (rowKey === undefined) continue
      const text = await read(`/proc/net/${table}`).catch(() => undefined)
      const uid = text === undefined ? undefined : uidInRow(text, rowKey)
      if (uid !== undefined) return uid
    }
    return undefined
  }

  return (socket) => {
    let answer = known.get(socket)
    if (answer === undefined) {
      answer = lookUp(socket)
      known.set(socket, answer)
    }
    return answer
  }
}
