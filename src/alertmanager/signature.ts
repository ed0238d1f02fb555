import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { TokenError } from '../platform/http/tokens.ts'
import { Problem } from '../platform/problem.ts'

/** Grafana's own name for it; the header with the time has none and is what we tell people to set. */
const SIGNATURE = 'x-grafana-alerting-signature'
const TIMESTAMP = 'x-grafana-alerting-timestamp'

/** Clocks of two hosts differ by seconds, and a retry is signed anew. */
const REPLAY_MS = 300_000
/** Shorter secrets can be guessed from one signed body. */
const MIN_SECRET_LENGTH = 16

/**
 * Secret of a webhook contact point, as in Grafana's field "Secret".
 * @param file `none`: signatures are not asked for
 * @throws TokenError in one sentence, without the secret
 */
export function readGrafanaSecret(file: string): string | undefined {
  if (file === 'none') return undefined
  const where = 'alertmanager.grafanaSecretFile'
  let secret: string
  try {
    secret = readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new TokenError(`${where}: ${file} cannot be read (${code})`, { cause: error })
  }
  if (secret.length >= MIN_SECRET_LENGTH) return secret
  throw new TokenError(`${where}: ${file} holds less than ${MIN_SECRET_LENGTH} characters`)
}

/**
 * Whether Grafana signed these bytes: HMAC-SHA256 in hex of the body, or of `<Unix seconds>:<body>` where the contact
 * point names a header for the time (Grafana, "Configure webhook notifications", HMAC signature). Without a time a
 * body that somebody overheard can be sent again.
 * @throws Problem AE_UNAUTHENTICATED
 */
export function checkSignature(
  secret: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
  nowMs: number,
): void {
  const { [SIGNATURE]: signature, [TIMESTAMP]: timestamp } = headers
  const refuse = (detail: string) => new Problem('AE_UNAUTHENTICATED', detail)
  if (signature === undefined) throw refuse('The signature of Grafana is missing.')
  const hmac = createHmac('sha256', secret)
  if (timestamp !== undefined) hmac.update(`${timestamp}:`)
  const expected = hmac.update(body).digest()
  const isHex = typeof signature === 'string' && /^[0-9a-f]{64}$/i.test(signature)
  if (!isHex || !timingSafeEqual(Buffer.from(signature, 'hex'), expected)) {
    throw refuse('The signature is not that of this body.')
  }
  if (timestamp === undefined) return
  // Compared with a wall clock because the sender's is all there is.
  const isRecent =
    /^\d{1,12}$/.test(String(timestamp)) && Math.abs(nowMs - Number(timestamp) * 1_000) <= REPLAY_MS
  if (!isRecent) throw refuse('The signature is too old, or the clocks of the two hosts differ.')
}
