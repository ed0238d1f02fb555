import { randomUUID } from 'node:crypto'
import type { Agent, AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { Problem } from '../platform/problem.ts'
import type { VerifyArtifacts } from './artifacts.ts'
import type { DeliverableInput } from './input.ts'
import type { Ledger } from './ledger.ts'
import type { Deliverable } from './model.ts'

/** Empty deliverables would make anyone look busy; nobody delivers more than one a second for long. */
const MAX_PER_MINUTE = 60
const MINUTE_MS = 60_000
const MAX_AGENTS_WATCHED = 10_000

/** Limits how many deliverables of an agent are taken. */
export interface DeliverableLimit {
  /** @throws Problem AE_TOO_MANY_REQUESTS */
  take(agent: AgentId): void
}

export function createDeliverableLimit(clock: Clock): DeliverableLimit {
  const taken = new Map<AgentId, number[]>()
  return {
    take(agent) {
      const now = clock.monotonic()
      const recent = (taken.get(agent) ?? []).filter((at) => now - at < MINUTE_MS)
      // Taken out and put in again: the map is in the order of the last use.
      taken.delete(agent)
      taken.set(agent, recent)
      const [oldest] = taken.keys()
      if (taken.size > MAX_AGENTS_WATCHED && oldest !== undefined) taken.delete(oldest)
      if (recent.length >= MAX_PER_MINUTE) {
        throw new Problem('AE_TOO_MANY_REQUESTS', 'An agent may deliver 60 times a minute.')
      }
      recent.push(now)
    },
  }
}

/** A deliverable and whether it resets the clock of the time without one. */
export interface Delivery {
  readonly deliverable: Deliverable
  readonly countedForClock: boolean
}

/** Looks at the artifacts, which may take a while, and answers how to make the checkpoint of it. */
export async function inspect(
  agent: Agent,
  input: DeliverableInput,
  verify: VerifyArtifacts,
  rule: 'any' | 'verified',
): Promise<(ledger: Ledger, atMs: number) => Delivery> {
  const verified = await verify(agent, input.artifacts)
  return ({ incarnation, epoch, endedAtMs }, atMs) => ({
    deliverable: { id: randomUUID(), agent: agent.id, incarnation, epoch, ...input, verified, atMs },
    countedForClock: endedAtMs === undefined && (rule === 'any' || verified === true),
  })
}
