import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { Problem } from '../problem.ts'

/** A client retries within minutes; a day covers a night's outage. */
const KEEP_MS = 24 * 60 * 60 * 1000
const MAX_ENTRIES = 5_000
/** Of one remembered answer; what is longer is not remembered. */
const MAX_ANSWER_BYTES = 16 * 1024
const MUTATING = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

interface Answer {
  readonly status: number
  readonly contentType: string | undefined
  readonly body: string
}

interface Entry {
  readonly fingerprint: string
  readonly expires: number
  answer: Answer | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The entry that this request opened and has to settle. */
    idempotencySlot: string | undefined
  }
}

/** Visible ASCII without spaces, as in a token; long enough for a UUID in quotes. */
const KEY = /^[\x21-\x7e]{1,255}$/

function fingerprintOf(request: FastifyRequest): string {
  const { body } = request
  const hash = createHash('sha256').update(`${request.method} ${request.url}\n`)
  hash.update(Buffer.isBuffer(body) ? body : JSON.stringify(body ?? null))
  return hash.digest('base64')
}

/**
 * `Idempotency-Key` for every mutating call: the same caller, key and request gets the answer it got before, with
 * `Idempotency-Replayed: true`; the same key with another request is refused. Failures of ours (5xx) and 429 are not
 * remembered, so that a retry is a real one. In memory and bounded: actions have a durable key of their own in the
 * journal.
 */
export function useIdempotency(app: FastifyInstance, clock: Clock): void {
  const entries = new Map<string, Entry>()
  app.decorateRequest('idempotencySlot', undefined)

  function makeRoom(now: number): void {
    // Oldest first: all entries live equally long, so insertion order is expiry order.
    for (const [slot, entry] of entries) {
      if (entry.expires > now && entries.size < MAX_ENTRIES) break
      entries.delete(slot)
    }
  }

  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key']
    if (key === undefined || !MUTATING.has(request.method)) return undefined
    if (request.routeOptions.config.answer === 'secret') return undefined
    if (typeof key !== 'string' || !KEY.test(key)) {
      throw new Problem('AE_INVALID', 'The Idempotency-Key must be 1 to 255 visible ASCII characters.')
    }
    const now = clock.monotonic()
    makeRoom(now)
    const slot = JSON.stringify([request.caller.kind, request.caller.name, key])
    const fingerprint = fingerprintOf(request)
    const entry = entries.get(slot)
    if (entry === undefined) {
      entries.set(slot, { fingerprint, expires: now + KEEP_MS, answer: undefined })
      request.idempotencySlot = slot
      return undefined
    }
    if (entry.fingerprint !== fingerprint) {
      throw new Problem('AE_IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used for another request.')
    }
    if (entry.answer === undefined) {
      throw new Problem(
        'AE_IDEMPOTENCY_IN_PROGRESS',
        'The first request with this Idempotency-Key is still running.',
      )
    }
    const { status, contentType, body } = entry.answer
    reply.code(status).header('idempotency-replayed', 'true')
    if (contentType !== undefined) reply.header('content-type', contentType)
    // Already serialised: send it as it was.
    return reply.serializer((text: unknown) => text as string).send(body)
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const slot = request.idempotencySlot
    const entry = slot === undefined ? undefined : entries.get(slot)
    if (slot === undefined || entry === undefined) return
    const isText = payload === undefined || payload === null || typeof payload === 'string'
    const body = isText ? (payload ?? '') : undefined
    const final = reply.statusCode < 500 && reply.statusCode !== 429
    if (!final || body === undefined || body.length > MAX_ANSWER_BYTES) {
      entries.delete(slot)
      return
    }
    const contentType = reply.getHeader('content-type')
    entry.answer = { status: reply.statusCode, contentType: contentType?.toString(), body }
  })
}
