import { randomUUID } from 'node:crypto'
import { FRESH } from '../exhaustion/judge.ts'
import type { Clock } from '../platform/clock.ts'
import { createDeliverableLimit } from '../usage/deliverables.ts'
import type { DeliverableInput } from '../usage/input.ts'
import { openLedger, openNextEpoch, recordDeliverable, recordUse } from '../usage/ledger.ts'
import type { Book } from './book.ts'
import { isEnded } from './deeds.ts'
import type { History, KeptCheckpoint } from './history.ts'
import { choiceOf, recordsOf, type Use } from './input.ts'
import type { AgentChoice, ResourceExhaustionOptions } from './model.ts'
import type { Saver } from './persistence.ts'

/** Takes down who the agents are, what they use and what they deliver. Whoever calls has it judged. */
export interface Recording {
  /** Makes an agent known; one that lives keeps what it used. @throws Problem AE_INVALID */
  begin(agentId: string, agentType: string, choice: AgentChoice): void
  /** @throws Problem AE_INVALID */
  use(agentId: string, use: Use): 'recorded' | 'ignored'
  /** Undefined when the agent is not known. @throws Problem AE_TOO_MANY_REQUESTS */
  deliver(agentId: string, input: DeliverableInput): KeptCheckpoint | undefined
}

export interface RecordingOptions {
  readonly clock: Clock
  readonly book: Book
  readonly history: Pick<History, 'deliver'>
  readonly saver: Pick<Saver, 'save'>
  readonly verify: ResourceExhaustionOptions['verifyArtifacts']
}

export function createRecording({ clock, book, history, saver, verify }: RecordingOptions): Recording {
  const deliveries = createDeliverableLimit(clock)

  return {
    begin(agentId, agentType, choice) {
      const chosen = choiceOf(choice, book.section)
      const known = book.accounts.get(agentId)
      const now = book.now()
      const life = { agent: agentId, incarnation: `library:${randomUUID()}`, role: agentType }
      const account =
        known === undefined || isEnded(known)
          ? {
              ledger: openLedger({ ...life, startedAtMs: now.wallMs }, now),
              state: FRESH,
              extra: undefined,
              pause: undefined,
              intervention: undefined,
            }
          : known
      book.keep({ ...account, type: agentType, ...chosen })
    },

    use(agentId, use) {
      const account = book.accounts.get(agentId)
      const records = recordsOf(use, clock.now())
      if (account === undefined || !book.section.enabled) return 'ignored'
      book.keep({ ...account, ledger: recordUse(account.ledger, records, book.now()) })
      return 'recorded'
    },

    deliver(agentId, input) {
      const account = book.accounts.get(agentId)
      if (account === undefined) return undefined
      deliveries.take(agentId)
      const now = book.now()
      const verified = input.artifacts.length === 0 ? undefined : verify?.(agentId, input.artifacts)
      const checkpoint = { id: randomUUID(), agentId, ...input, verified, atMs: now.wallMs }
      history.deliver(checkpoint)
      saver.save({ key: `deliverable:${checkpoint.id}`, kind: 'deliverable', checkpoint })
      const { verifyArtifacts, resetCountersOnDeliverable } = book.section
      const counts = !isEnded(account) && (!verifyArtifacts || verified === true)
      const ledger = recordDeliverable(account.ledger, input.type, counts ? 'reset' : 'kept', now)
      const renewed =
        counts && resetCountersOnDeliverable ? openNextEpoch(ledger, checkpoint.id, now) : undefined
      book.keep({ ...account, ledger: renewed ?? ledger })
      return checkpoint
    },
  }
}
