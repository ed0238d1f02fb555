import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { TlsSettings } from './web-config-tls.ts'

/** Entries like `DNS:a.example`, `IP Address:127.0.0.1`, `URI:spiffe://x`, `email:a@b`, with quoted commas. */
function alternativeNames({ subjectaltname }: PeerCertificate): string[] {
  const entries = subjectaltname?.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []
  return entries.map((entry) => entry.trim().replace(/^[^:]+:/, ''))
}

/**
 * Applies `client_auth_type` and `client_allowed_sans` to a finished handshake; Node itself only knows "ask" and
 * "refuse the unverified". As in exporter-toolkit, names are only looked at when a certificate was given or needed.
 */
export function isClientAllowed(
  socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>,
  { clientAuth, clientAllowedSans }: TlsSettings,
): boolean {
  if (clientAuth === 'NoClientCert') return true
  const certificate = socket.getPeerCertificate()
  const given = Object.keys(certificate ?? {}).length > 0
  if (!given) return clientAuth === 'RequestClientCert' || clientAuth === 'VerifyClientCertIfGiven'
  const mustVerify = clientAuth === 'VerifyClientCertIfGiven' || clientAuth === 'RequireAndVerifyClientCert'
  if (mustVerify && !socket.authorized) return false
  if (clientAllowedSans === undefined) return true
  return alternativeNames(certificate).some((name) => clientAllowedSans.includes(name))
}
