import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createPeerUid } from '../../../../src/platform/http/peer-uid.ts'

const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (local: string, remote: string, state: string, uid: number, inode: number): string =>
  `   7: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`

/** 127.0.0.1:43210 (A8CA) to 127.0.0.1:10780 (2A1C), as a little-endian kernel prints it. */
const CLIENT = '0100007F:A8CA'
const SERVER = '0100007F:2A1C'
const V6_CLIENT = '00000000000000000000000001000000:A8CA'
const V6_SERVER = '00000000000000000000000001000000:2A1C'
const MAPPED_CLIENT = '0000000000000000FFFF00000100007F:A8CA'
const MAPPED_SERVER = '0000000000000000FFFF00000100007F:2A1C'

function socket(remoteAddress: string, localAddress = remoteAddress): Socket {
  return { remoteAddress, remotePort: 43_210, localAddress, localPort: 10_780 } as Socket
}

function lookUp(peer: Socket, tables: { tcp?: string; tcp6?: string }) {
  const reads: string[] = []
  const peerUid = createPeerUid(async (file) => {
    reads.push(file)
    const table = file.endsWith('6') ? tables.tcp6 : tables.tcp
    if (table === undefined) throw new Error('ENOENT')
    return HEADER + table
  })
  return { uid: peerUid(peer), again: () => peerUid(peer), reads }
}

describe('peer uid', () => {
  const ours = row(SERVER, CLIENT, '01', 0, 11)

  it("is that of the peer's socket, not of ours", async () => {
    const { uid } = lookUp(socket('127.0.0.1'), { tcp: ours + row(CLIENT, SERVER, '01', 1001, 12) })
    expect(await uid).toBe(1001)
  })
  it('is found for IPv6, and for IPv4 mapped into IPv6 on either side', async () => {
    const v6 = row(V6_CLIENT, V6_SERVER, '01', 1002, 12)
    expect(await lookUp(socket('::1'), { tcp: '', tcp6: v6 }).uid).toBe(1002)
    const v4 = row(CLIENT, SERVER, '01', 1003, 12)
    expect(await lookUp(socket('::ffff:127.0.0.1'), { tcp: v4, tcp6: '' }).uid).toBe(1003)
    const mapped = row(MAPPED_CLIENT, MAPPED_SERVER, '01', 1004, 12)
    expect(await lookUp(socket('127.0.0.1'), { tcp: ours, tcp6: mapped }).uid).toBe(1004)
  })
  it('is unknown when the process let its socket go: the row then says root', async () => {
    for (const state of ['04', '05', '06', '08']) {
      expect(
        await lookUp(socket('127.0.0.1'), { tcp: row(CLIENT, SERVER, state, 0, 0), tcp6: '' }).uid,
      ).toBeUndefined()
    }
    expect(
      await lookUp(socket('127.0.0.1'), { tcp: row(CLIENT, SERVER, '01', 0, 0), tcp6: '' }).uid,
    ).toBeUndefined()
  })
  it('is unknown when nothing matches or no table can be read', async () => {
    expect(await lookUp(socket('127.0.0.1'), { tcp: ours, tcp6: '' }).uid).toBeUndefined()
    expect(await lookUp(socket('127.0.0.1'), {}).uid).toBeUndefined()
  })
  it('is not looked up for peers elsewhere', async () => {
    const { uid, reads } = lookUp(socket('192.0.2.1'), { tcp: '' })
    expect(await uid).toBeUndefined()
    expect(reads).toEqual([])
  })
  it('is looked up once per connection', async () => {
    const { uid, again, reads } = lookUp(socket('127.0.0.1'), { tcp: row(CLIENT, SERVER, '01', 7, 12) })
    expect(await uid).toBe(7)
    expect(await again()).toBe(7)
    expect(reads).toEqual(['/proc/net/tcp'])
  })
})
