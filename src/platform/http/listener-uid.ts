import { readFileSync } from 'node:fs'
import { endpoint, rowSide, TCP_STATE, uidInRow } from './socket-table.ts'

/** Where a connection to a loopback address may end, besides at that very address. */
const ANY = ['0.0.0.0', '::']
/** The other side of a socket that listens. */
const NOBODY = { tcp: `${'0'.repeat(8)}:0000`, tcp6: `${'0'.repeat(32)}:0000` } as const

/** Reads one of `/proc/net/tcp`, `/proc/net/tcp6`; throws where there is none. Replaced in tests. */
export type ReadListeners = (file: '/proc/net/tcp' | '/proc/net/tcp6') => string

/**
 * Users of the processes that listen where a loopback connection would go, from the kernel's socket table. Empty when
 * nobody listens; undefined when the table cannot be read (another system than Linux).
 */
export function listenerUids(
  hostname: string,
  port: number,
  read: ReadListeners = (file) => readFileSync(file, 'latin1'),
): ReadonlySet<number> | undefined {
  const address = hostname.replace(/^\[|\]$/g, '')
  const named = address === 'localhost' || address.endsWith('.localhost') ? ['127.0.0.1', '::1'] : [address]
  const uids = new Set<number>()
  let tables = 0
  for (const table of ['tcp', 'tcp6'] as const) {
    const text = readOrNothing(() => read(`/proc/net/${table}`))
    if (text === undefined) continue
    tables += 1
    for (const at of [...named, ...ANY]) {
      const side = rowSide(endpoint(at, port), table)
      if (side === undefined) continue
      const uid = uidInRow(text, ` ${side} ${NOBODY[table]} ${TCP_STATE.listen} `)
      if (uid !== undefined) uids.add(uid)
    }
  }
  return tables === 0 ? undefined : uids
}

function readOrNothing(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
