import type { Clock } from '../platform/clock.ts'
import type { PostOutcome } from '../platform/docker/container.ts'
import type { DockerFailure } from '../platform/docker/failure.ts'

/**
 * What became of a POST. `refused`: the engine answered that it did not do it. `unanswered`: nobody knows, it may have
 * been done or may still be.
 */
export type Posted =
  | { readonly was: PostOutcome | 'gone' }
  | { readonly was: 'refused' | 'unanswered'; readonly detail: string }

export async function postOnce(run: () => Promise<PostOutcome>): Promise<Posted> {
  try {
    return { was: await run() }
  } catch (error) {
    const { kind, message: detail } = error as DockerFailure
    if (kind === 'not_found') return { was: 'gone' }
    // Of these the engine has heard nothing, or has said no.
    const isKnown = kind === 'answered' || kind === 'absent' || kind === 'denied' || kind === 'refused'
    return { was: isKnown ? 'refused' : 'unanswered', detail }
  }
}

/** How often an engine that said no is asked in all, and how long after its answer. */
const ATTEMPTS = 3
const AGAIN_MS = 20

/**
 * Engine 20.10 on cgroup v1 gives up freezing ("unable to freeze") about once in a hundred pauses of a busy container
 * on a busy host, and does it when asked again. `once` begins from the reading of the container each time, and calls
 * `refused` when the engine said no.
 */
export async function insist<T>(
  clock: Clock,
  deadlineMs: number,
  once: (refused: () => void) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let wasRefused = false
    const result = await once(() => {
      wasRefused = true
    })
    if (!wasRefused || attempt === ATTEMPTS || isTooLate(clock, deadlineMs - AGAIN_MS)) return result
    await wait(clock, AGAIN_MS)
  }
}

/** A POST leaves this much of the deadline: nothing is done that could not be looked at afterwards. */
export const LAST_LOOK_MS = 250

export const TOO_LATE = 'the deadline left no time to act and to verify it'

export function isTooLate(clock: Clock, deadlineMs: number): boolean {
  return deadlineMs - clock.monotonic() <= LAST_LOOK_MS
}

export function timeForPost(clock: Clock, deadlineMs: number, longestMs: number): number {
  return Math.max(1, Math.min(longestMs, deadlineMs - clock.monotonic() - LAST_LOOK_MS))
}

export function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(ms, resolve))
}

/** Asks again and again until there is an answer or the time is over; asks at least once. */
export async function until<T>(
  clock: Clock,
  deadlineMs: number,
  everyMs: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T | undefined> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    const left = deadlineMs - clock.monotonic()
    if (left <= 0) return undefined
    await wait(clock, Math.min(everyMs, left))
  }
}
