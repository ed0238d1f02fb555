import type { IncomingHttpHeaders } from 'node:http'

const V4_LOOPBACK = /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i

/** 127/8, ::1 and 127/8 mapped into IPv6, in the forms `socket.remoteAddress` takes. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || V4_LOOPBACK.test(address))
}

/**
 * A proxy on this machine speaks for somebody else, so its address proves nothing. Any of the headers by which
 * proxies announce themselves (RFC 7239 Forwarded, RFC 9110 Via, X-Forwarded-*, X-Real-IP) takes the trust away.
 */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) {
    if (name === 'forwarded' || name === 'via' || name === 'x-real-ip' || name.startsWith('x-forwarded-')) {
      return true
    }
  }
  return false
}

/** Whether a URL's host (`URL.hostname`, so an IPv6 address in brackets) is this machine (RFC 6761 for `localhost`). */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    isLoopbackAddress(hostname.replace(/^\[|\]$/g, ''))
  )
}
