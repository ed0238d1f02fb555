import { randomUUID } from 'node:crypto'
import type { AgentId } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { DaemonLink } from './daemon-link.ts'

/** Value of `source`: what the wrapper counted, as opposed to what the agent says about itself. */
const SOURCE = 'run'
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 10_000

/** Tells the daemon how many subtasks were counted. */
export interface UseReport {
  add(subtasks: number): void
  /** Waits until everything is told or `withinMs` are over; answers how many subtasks were never taken. */
  flush(withinMs: number): Promise<number>
}

export interface UseReportOptions {
  readonly clock: Clock
  readonly link: DaemonLink
  readonly id: AgentId
  /** The daemon does not know the agent. */
  readonly onUnknown: () => void
}

interface Letter {
  readonly subtasks: number
  readonly at: string
  /** The same for every attempt: an answer that got lost is no reason to count twice. */
  readonly key: string
}

/**
 * One record is on its way at a time and everything newer is added up behind it, so what waits for a daemon that is
 * down never grows.
 */
export function createUseReport({ clock, link, id, onUnknown }: UseReportOptions): UseReport {
  let waiting = 0
  let sending: Letter | undefined
  let isAsking = false
  let timer: Timer | undefined
  let retryMs = FIRST_RETRY_MS
  let emptied: (() => void)[] = []

  function next(): void {
    if (isAsking) return
    if (sending === undefined && waiting > 0) {
      sending = { subtasks: waiting, at: new Date(clock.now()).toISOString(), key: randomUUID() }
      waiting = 0
    }
    if (sending !== undefined) void send(sending)
    else for (const done of emptied.splice(0)) done()
  }

  async function send({ subtasks, at, key }: Letter): Promise<void> {
    timer?.cancel()
    isAsking = true
    const answer = await link.ask({
      method: 'POST',
      path: `/api/v1/agents/${encodeURIComponent(id)}/usage`,
      body: { subtasks, at, source: SOURCE },
      idempotencyKey: key,
    })
    isAsking = false
    const status = answer?.status ?? 0
    if (status === 404) onUnknown()
    if (status === 0 || status === 404 || status === 408 || status === 429 || status >= 500) {
      timer = clock.setTimer(retryMs, next)
      retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)
      return
    }
    retryMs = FIRST_RETRY_MS
    sending = undefined
    next()
  }

  return {
    add(subtasks) {
      if (subtasks === 0) return
      waiting += subtasks
      if (sending === undefined) next()
    },
    async flush(withinMs) {
      if (sending === undefined && waiting === 0) return 0
      await new Promise<void>((resolve) => {
        emptied = [...emptied, resolve]
        clock.setTimer(withinMs, resolve)
        next()
      })
      return waiting + (sending?.subtasks ?? 0)
    },
  }
}
