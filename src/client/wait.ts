import type { Clock } from '../platform/clock.ts'
import type { Answer, Exchange } from './exchange.ts'
import { DaemonError, type WaitOptions, type WaitOutcome } from './model.ts'
import { backoffMs, sleep } from './patience.ts'

/** One question of the long poll; proxies cut connections that are silent for a minute. */
const POLL_MS = 30_000
/** The daemon answers at the end of the poll; the way there and back takes some time too. */
const SLACK_MS = 10_000
/** A `timeout` that came sooner is a daemon that is being stopped; a connection that broke later was waiting. */
const SOON_MS = 1_000

export interface WaitDependencies {
  readonly clock: Clock
  readonly exchange: Exchange
  /** `agents/<id>` */
  readonly path: string
}

export function toError(answer: Exclude<Answer, { kind: 'ok' }>): DaemonError {
  if (answer.kind === 'lost') {
    return new DaemonError('UNREACHABLE', `No daemon answers: ${answer.detail}`, undefined, {
      cause: answer.cause,
    })
  }
  return new DaemonError(answer.code, answer.detail, answer.status)
}

/**
 * Asks until the agent may go on, is gone, or the time is over. A daemon that does not answer is asked again: holds
 * outlive its restart. An agent that was known and no longer is has been removed.
 */
export async function waitForResume(
  { clock, exchange, path }: WaitDependencies,
  { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions,
): Promise<WaitOutcome> {
  const deadline = clock.monotonic() + timeoutMs
  let failures = 0
  let held = false
  let known = false
  for (;;) {
    signal?.throwIfAborted()
    const left = deadline - clock.monotonic()
    if (left <= 0) return 'timeout'
    const pollMs = Math.min(POLL_MS, left)
    const askedAt = clock.monotonic()
    const answer = await exchange({
      method: 'GET',
      path: `${path}/wait-for-resume?timeout=${Math.max(1, Math.ceil(pollMs / 1_000))}s`,
      timeoutMs: Math.min(pollMs + SLACK_MS, left),
      signal,
    })
    signal?.throwIfAborted()
    let retryAfterMs: number | undefined
    if (answer.kind === 'ok') {
      const { outcome } = answer.body as { outcome?: WaitOutcome }
      // It was held a moment ago, so somebody resumed it between two questions.
      if (outcome === 'not_paused' && held) return 'resumed'
      if (outcome !== undefined && outcome !== 'timeout') return outcome
      held ||= outcome === 'timeout'
      known ||= held
      if (clock.monotonic() - askedAt >= SOON_MS) {
        failures = 0
        continue
      }
    } else if (answer.kind === 'refused') {
      if (answer.code === 'AE_AGENT_NOT_FOUND' && known) return 'removed'
      throw toError(answer)
    } else if (answer.kind === 'later') {
      retryAfterMs = answer.retryAfterMs
    } else {
      known ||= clock.monotonic() - askedAt >= SOON_MS
    }
    const pause = backoffMs(++failures, retryAfterMs)
    await sleep(clock, Math.min(pause, Math.max(0, deadline - clock.monotonic())), signal)
  }
}
