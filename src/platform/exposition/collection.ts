import type { Clock } from '../clock.ts'
import type { Collector } from '../feature.ts'
import type { Catalogue } from './catalogue.ts'
import type { Slices } from './slices.ts'
import { createPart, type Part } from './snapshot.ts'

/** What one collector gave to one scrape. Without `part` it failed, hung or missed the deadline. */
export interface Outcome {
  readonly part: Part | undefined
  /** False also when the part is there but the collector says that something is missing in it. */
  readonly complete: boolean
  readonly seconds: number
}

export interface CollectionOptions {
  readonly collector: Collector
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly slices: Slices
  /** A collection that began less than this ago is handed out again: two Prometheis share one. */
  readonly ttlMs: number
  readonly onError: (collector: string, error: unknown) => void
}

/** The collections of one collector, at most one of them under way. */
export interface Collection {
  /**
   * Never rejects. Waits at most `timeoutMs`, whoever began the collection.
   *
   * @param nowMs when the scrape came, monotonic: the same for all its collections, so that all are shared or none
   */
  read(timeoutMs: number, nowMs: number): Promise<Outcome>
}

interface Run {
  readonly startedAt: number
  readonly outcome: Promise<Outcome>
}

export function createCollection(options: CollectionOptions): Collection {
  const { collector, catalogue, clock, slices, ttlMs, onError } = options
  let last: Run | undefined
  let running: Run | undefined
  let previous: Part | undefined
  /** A refresh that outlived its deadline. Until it settles the collector is not started again. */
  let hangsSince: number | undefined

  return {
    async read(timeoutMs, nowMs) {
      if (running !== undefined) return await withDeadline(running, timeoutMs)
      if (hangsSince !== undefined) return failedAfter(hangsSince)
      if (last !== undefined && nowMs - last.startedAt < ttlMs) return await last.outcome
      const run = { startedAt: nowMs, outcome: collect(nowMs, timeoutMs) }
      running = run
      return await run.outcome.finally(() => {
        running = undefined
        last = run
      })
    },
  }

  async function collect(startedAt: number, timeoutMs: number): Promise<Outcome> {
    const deadline = new AbortController()
    const late = `not finished within ${timeoutMs} ms`
    const timer = clock.setTimer(timeoutMs, () => deadline.abort(new Error(late)))
    try {
      await refresh(startedAt, deadline.signal)
      const part = await write(deadline.signal)
      const fault = collector.fault?.()
      if (fault !== undefined) onError(collector.name, new Error(fault))
      return { part, complete: fault === undefined, seconds: secondsSince(startedAt) }
    } catch (error) {
      onError(collector.name, error)
      return failedAfter(startedAt)
    } finally {
      timer.cancel()
    }
  }

  async function refresh(startedAt: number, deadline: AbortSignal): Promise<void> {
    if (collector.refresh === undefined) return
    const refreshed = collector.refresh(deadline)
    let settled = false
    const settle = () => {
      settled = true
      hangsSince = undefined
    }
    refreshed.then(settle, settle)
    const late = new Promise<never>((_, reject) => {
      deadline.addEventListener('abort', () => {
        if (!settled) hangsSince = startedAt
        reject(deadline.reason)
      })
    })
    // Nobody listens any more when the deadline passes while the collector already writes.
    late.catch(() => {})
    await Promise.race([refreshed, late])
  }

  /** Half-written parts are thrown away: half the agents would look as if the other half had ended. */
  async function write(deadline: AbortSignal): Promise<Part> {
    const part = createPart(catalogue, previous)
    await slices.turn()
    const steps = collector.collect(part)
    if (steps !== undefined) await slices.drive(steps, () => deadline.throwIfAborted())
    previous = part.finish()
    return previous
  }

  async function withDeadline(run: Run, timeoutMs: number): Promise<Outcome> {
    let late: () => void = () => {}
    const deadline = new Promise<void>((resolve) => {
      late = resolve
    })
    const timer = clock.setTimer(timeoutMs, late)
    const outcome = await Promise.race([run.outcome, deadline])
    timer.cancel()
    return outcome ?? failedAfter(run.startedAt)
  }

  function failedAfter(startedAt: number): Outcome {
    return { part: undefined, complete: false, seconds: secondsSince(startedAt) }
  }

  function secondsSince(startedAt: number): number {
    return (clock.monotonic() - startedAt) / 1000
  }
}
