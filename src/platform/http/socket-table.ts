import { isIPv4, isIPv6 } from 'node:net'
import { endianness } from 'node:os'

/** How the kernel writes addresses in `/proc/net/tcp` and `/proc/net/tcp6`, and what a row of them says. */
export type TcpTable = 'tcp' | 'tcp6'

const LITTLE_ENDIAN = endianness() === 'LE'
/** `enum tcp_states` of the kernel, in hexadecimal. */
export const TCP_STATE = { established: '01', listen: '0A' } as const
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

export interface Endpoint {
  readonly v4: Buffer | undefined
  readonly v6: Buffer | undefined
  readonly port: number
}

/** An address and a port in the form of which rows are made. */
export function endpoint(address: string, port: number): Endpoint {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIPv4(plain)) return { v4: Buffer.from(plain.split('.').map(Number)), v6: undefined, port }
  return { v4: undefined, v6: ipv6Bytes(plain), port }
}

/** One side of a row: address and port as that table prints them; undefined when an address cannot be in it. */
export function rowSide({ v4, v6, port }: Endpoint, table: TcpTable): string | undefined {
  if (table === 'tcp') return v4 === undefined ? undefined : `${hexWords(v4)}:${hexPort(port)}`
  if (v6 !== undefined) return `${hexWords(v6)}:${hexPort(port)}`
  if (v4 === undefined) return undefined
  const prefix = LITTLE_ENDIAN ? V4_MAPPED : '00000000000000000000FFFF'
  return `${prefix}${hexWords(v4)}:${hexPort(port)}`
}

/**
 * Fields after the state: queues, timer, retransmits, uid, timeout, inode. A socket that its process has already
 * let go keeps its row with uid 0 and inode 0, which must not pass for root.
 */
export function uidInRow(table: string, rowKey: string): number | undefined {
  const at = table.indexOf(rowKey)
  if (at < 0) return undefined
  const [, , , uid, , inode] = table.slice(at + rowKey.length, at + rowKey.length + 160).split(/\s+/)
  if (uid === undefined || inode === undefined || inode === '0' || !/^\d+$/.test(uid)) return undefined
  return Number(uid)
}
