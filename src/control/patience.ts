import type { FastifyReply } from 'fastify'
import type { Clock } from '../platform/clock.ts'

export interface PatienceDependencies {
  readonly clock: Pick<Clock, 'setTimer'>
  /** Aborted when the server begins to stop. */
  readonly draining: AbortSignal
}

/**
 * Runs `wait` with a signal that aborts when the answer is due: after `limitMs`, when the client has gone, or when
 * the server stops. Everything is let go of afterwards.
 */
export async function withPatience<Value>(
  reply: FastifyReply,
  limitMs: number,
  { clock, draining }: PatienceDependencies,
  wait: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = clock.setTimer(limitMs, abort)
  reply.raw.once('close', abort)
  draining.addEventListener('abort', abort, { once: true })
  if (draining.aborted || reply.raw.destroyed) abort()
  try {
    return await wait(controller.signal)
  } finally {
    timer.cancel()
    reply.raw.off('close', abort)
    draining.removeEventListener('abort', abort)
  }
}
