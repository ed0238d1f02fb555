import { isLoopbackHost } from '../platform/http/loopback.ts'

/** 32 bytes in base64url. */
const LINK = /^https?:\/\/[^\s/?#@\\]+\/ui\/enter\?code=[A-Za-z0-9_-]{43}$/

/**
 * The link as it is shown to a person: to the daemon that was asked and to nothing else, in the scheme in which it was
 * asked (a proxy may end TLS and say nothing of it). Only where it was asked by `localhost` it may name the address.
 * @returns undefined for anything that no daemon answers
 */
export function signInLink(answered: string, asked: string): string | undefined {
  if (!LINK.test(answered) || !URL.canParse(answered)) return undefined
  const [link, here] = [new URL(answered), new URL(asked)]
  const isSame =
    link.hostname === here.hostname || (isLoopbackHost(link.hostname) && isLoopbackHost(here.hostname))
  if (!isSame || link.port !== here.port) return undefined
  link.protocol = here.protocol
  return link.href
}
