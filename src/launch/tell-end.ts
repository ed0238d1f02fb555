import { setTimeout as delay } from 'node:timers/promises'
import type { AgentId, Incarnation } from '../agents/model.ts'
import { isLoopbackHost } from '../platform/http/loopback.ts'
import type { DaemonLink } from './daemon-link.ts'
import type { LastOutput } from './last-output.ts'
import type { Ended } from './outcome.ts'

export interface TellEndOptions {
  readonly id: AgentId
  readonly role: string | undefined
  readonly incarnation: Incarnation | undefined
  readonly link: DaemonLink
  readonly url: string
  readonly output: LastOutput
  /** The daemon has said something to the registration, or nobody answers. */
  readonly answered: Promise<void>
}

/** A command may end before the daemon has answered that it knows it. */
const ANSWERED_WITHIN_MS = 2_000

/**
 * Nobody but the parent knows how a process ended. What it is not told the daemon calls unknown; what it is told counts
 * also of a command that was over before anybody could look at it.
 */
export async function tellEnd({ code, signal }: Ended, options: TellEndOptions): Promise<void> {
  const { id, role, incarnation, link, url, output, answered } = options
  const isBad = signal !== null || code !== 0
  // It may hold anything; the daemon takes secrets out before it keeps it.
  const lastOutput = isBad && isLoopbackHost(new URL(url).hostname) ? output.read() : undefined
  const patience = new AbortController()
  await Promise.race([
    answered,
    delay(ANSWERED_WITHIN_MS, undefined, { signal: patience.signal }).catch(() => {}),
  ])
  patience.abort()
  await link.ask({
    method: 'POST',
    path: `/api/v1/agents/${encodeURIComponent(id)}/exit`,
    body: {
      ...(signal === null ? { exitCode: code ?? 0 } : { signal }),
      ...(incarnation === undefined ? {} : { incarnation }),
      ...(role === undefined ? {} : { role }),
      ...(lastOutput === undefined ? {} : { lastOutput }),
    },
  })
}
