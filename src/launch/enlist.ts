import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { DaemonLink, LinkAnswer } from './daemon-link.ts'

/** Body of `POST /api/v1/agents`. */
export interface Enlisting {
  readonly id: AgentId
  readonly role?: string
  readonly workspace: string
  readonly runtime: { readonly pid: number }
  readonly profile?: string
  readonly budget?: Readonly<Record<string, number>>
  /** Always said: what is registered with the scope control is enforced unless it says otherwise. */
  readonly enforce: boolean
}

/**
 * `pending`: nobody has answered yet. `registered`: the daemon knows this life. `refused`: it never will, and
 * `detail` says why.
 */
export type EnlistState =
  | { readonly is: 'pending' }
  | { readonly is: 'registered'; readonly incarnation: Incarnation | undefined }
  | { readonly is: 'refused'; readonly detail: string }

export interface EnlistOptions {
  readonly clock: Clock
  readonly link: DaemonLink
  readonly body: Enlisting
  readonly onChange: (state: EnlistState) => void
  /** The first attempt decided nothing; once. `detail` is what the daemon said, absent when nobody answered. */
  readonly onDelay: (detail: string | undefined) => void
}

export interface Enlistment {
  /** The daemon said that it does not know this agent. */
  again(): void
  readonly state: EnlistState
  stop(): void
}

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000
/** How often a registered agent is looked up: a daemon that lost its store knows it no more. */
const CHECK_EVERY_MS = 10_000
/**
 * A command that is started again under its old id meets its former life for as long as the daemon has not looked:
 * a conflict is believed only when it lasts.
 */
const CONFLICTS_BELIEVED = 4

/** Registers the child and keeps it registered for its whole life, whatever happens to the daemon. */
export function enlist({ clock, link, body, onChange, onDelay }: EnlistOptions): Enlistment {
  let state: EnlistState = { is: 'pending' }
  let timer: Timer | undefined
  let stopped = false
  let retryMs = FIRST_RETRY_MS
  let conflicts = 0
  let isFirst = true

  function become(next: EnlistState): void {
    if (stopped) return
    state = next
    onChange(next)
  }

  function later(delayMs: number, run: () => Promise<void>): void {
    if (stopped) return
    timer?.cancel()
    timer = clock.setTimer(delayMs, () => void run())
  }

  function retry(): void {
    later(retryMs, register)
    retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)
  }

  async function register(): Promise<void> {
    const request = { method: 'POST', path: '/api/v1/agents' } as const
    let answer = await link.ask({ ...request, body })
    const { enforce, ...rest } = body
    // Without the scope control nothing may be said about enforcement, and nothing is enforced either.
    if (answer?.status === 403 && !enforce && !stopped) answer = await link.ask({ ...request, body: rest })
    if (stopped) return
    const wasFirst = isFirst
    isFirst = false
    if (answer === undefined || mayChange(answer)) {
      if (wasFirst) onDelay(answer && reasonOf(answer))
      return retry()
    }
    if (answer.status === 200 || answer.status === 201) {
      retryMs = FIRST_RETRY_MS
      conflicts = 0
      if (state.is !== 'registered' || state.incarnation !== incarnationOf(answer))
        become({ is: 'registered', incarnation: incarnationOf(answer) })
      return later(CHECK_EVERY_MS, check)
    }
    if (answer.status === 409 && ++conflicts < CONFLICTS_BELIEVED) return retry()
    become({ is: 'refused', detail: reasonOf(answer) })
  }

  async function check(): Promise<void> {
    const answer = await link.ask({ method: 'GET', path: `/api/v1/agents/${encodeURIComponent(body.id)}` })
    if (stopped) return
    const known = state.is === 'registered' ? state.incarnation : undefined
    const isLost = answer?.status === 404 || (answer?.status === 200 && incarnationOf(answer) !== known)
    if (isLost) return await register()
    later(CHECK_EVERY_MS, check)
  }

  void register()
  return {
    again: () => later(retryMs, register),
    get state() {
      return state
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

/** Answers that say something about the daemon's moment and nothing about the request. */
function mayChange({ status }: LinkAnswer): boolean {
  return status >= 500 || status === 408 || status === 429
}

function incarnationOf({ body }: LinkAnswer): Incarnation | undefined {
  const { incarnation } = body
  return typeof incarnation === 'string' ? incarnation : undefined
}

function reasonOf({ status, body }: LinkAnswer): string {
  const { code, detail, title, errors } = body
  const fields = Array.isArray(errors)
    ? errors.map((field: { path?: unknown; message?: unknown }) => `${field.path} ${field.message}`)
    : []
  return [status, code, detail ?? title, ...fields]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
    .slice(0, 500)
}
