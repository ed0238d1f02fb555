import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { isLoopbackAddress } from './loopback.ts'
import { type Endpoint, endpoint, rowSide, TCP_STATE, type TcpTable, uidInRow } from './socket-table.ts'

/** Reads one of `/proc/net/tcp`, `/proc/net/tcp6`; replaced in tests. */
export type ReadTcpTable = (file: '/proc/net/tcp' | '/proc/net/tcp6') => Promise<string>

function key(local: Endpoint, remote: Endpoint, table: TcpTable): string | undefined {
  const left = rowSide(local, table)
  const right = rowSide(remote, table)
  return left === undefined || right === undefined ? undefined : ` ${left} ${right} ${TCP_STATE.established} `
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
