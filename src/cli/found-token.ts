import { readControlToken } from '../platform/http/control-token.ts'
import { isLoopbackHost } from '../platform/http/loopback.ts'

/**
 * The control token of the daemon of this host, if this user may read it. Whoever is asked beyond this host is another
 * daemon, or none: the token is not sent there unless somebody names it.
 */
export function foundToken(dataDir: string, url: string): string | undefined {
  if (!isLoopbackHost(new URL(url).hostname)) return undefined
  try {
    return readControlToken(dataDir)
  } catch {
    return undefined // Another user's daemon: what anonymous callers may read is still answered.
  }
}
