import { statSync } from 'node:fs'
import { readControlToken } from '../platform/http/control-token.ts'
import { listenerUids, type ReadListeners } from '../platform/http/listener-uid.ts'
import { isLoopbackHost } from '../platform/http/loopback.ts'

const ROOT = 0

/**
 * The control token of the daemon of this host, if this user may read it. Whoever is asked beyond this host is another
 * daemon, or none: the token is not sent there unless somebody names it. Nor is it sent to a port on which a process
 * of another user listens: while the daemon is down an agent may sit there and wait for it.
 */
export function foundToken(dataDir: string, url: string, read?: ReadListeners): string | undefined {
  const { hostname, port, protocol } = new URL(url)
  if (!isLoopbackHost(hostname)) return undefined
  try {
    const token = readControlToken(dataDir)
    const trusted = [ROOT, process.getuid?.(), statSync(dataDir).uid]
    // Nobody listens: there is nobody to tell, or the kernel leads the connection elsewhere by a rule of root.
    const uids = listenerUids(hostname, Number(port) || DEFAULT_PORTS[protocol] || 0, read)
    return uids === undefined || [...uids].every((uid) => trusted.includes(uid)) ? token : undefined
  } catch {
    return undefined // Another user's daemon: what anonymous callers may read is still answered.
  }
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }
