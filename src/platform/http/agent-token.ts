import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Grant } from './caller.ts'

/** Binds the signature to this use: whatever else is ever derived from the control token differs. */
const PURPOSE = 'agent-exporter/ingest/v1:'
/** The id in base64url and 32 bytes of HMAC-SHA-256 in base64url. */
const SHAPE = /^agent\.([A-Za-z0-9_-]{2,171})\.[A-Za-z0-9_-]{43}$/
/** ASCII only, so that no two ids have the same bytes; no `*` and no `?`. */
const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/

/**
 * The token by which one agent tells about itself, and does nothing else: scope `ingest`, this id only.
 *
 * Derived from the control token (HMAC, RFC 2104), so nothing is stored, it is good after a restart of the daemon,
 * and a new control token makes every one of them void. Whoever has it cannot compute another agent's, nor the
 * control token.
 *
 * @param controlToken content of `<data dir>/control.token`
 * @throws RangeError when `agentId` is not an agent id.
 */
export function mintAgentToken(controlToken: string, agentId: string): string {
  if (!AGENT_ID.test(agentId)) throw new RangeError('A token is made for an agent id only.')
  const signature = createHmac('sha256', controlToken).update(`${PURPOSE}${agentId}`).digest('base64url')
  return `agent.${Buffer.from(agentId).toString('base64url')}.${signature}`
}

/** Recognises what `mintAgentToken` made with the same control token. */
export function findAgentToken(controlToken: string, token: string): Grant | undefined {
  const [, encoded] = SHAPE.exec(token) ?? []
  if (encoded === undefined) return undefined
  const id = Buffer.from(encoded, 'base64url').toString('latin1')
  if (!AGENT_ID.test(id)) return undefined
  // The whole text is compared, so there is one spelling of a token; as digests, so that the time tells nothing.
  if (!timingSafeEqual(sha256(mintAgentToken(controlToken, id)), sha256(token))) return undefined
  return { name: `agent:${id}`, kind: 'token', scopes: new Set(['ingest']), agents: [id], match: 'exact' }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest()
