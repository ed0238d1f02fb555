import type { AgentId } from '../agents/model.ts'
import type { Feature } from '../platform/feature.ts'
import type { Delivery } from './deliverables.ts'
import type { DeliverableInput } from './input.ts'
import type { RequestKey } from './keyring.ts'
import type { Usage, UsageRecord } from './model.ts'

/** `one`: the body is the record itself and no array, which is where a problem points into it. */
export type RequestShape = 'one' | 'array'

/** The room. */
export interface UsageRoom {
  readonly feature: Feature
  readonly usage: Usage
  /**
   * Counts all records or none; settles when they are durable.
   * @throws Problem AE_AGENT_NOT_FOUND, AE_SOURCE_CONFLICT, AE_IDEMPOTENCY_MISMATCH, AE_STORE_UNAVAILABLE
   */
  record(
    agent: AgentId,
    records: readonly UsageRecord[],
    key?: RequestKey,
    shape?: RequestShape,
  ): Promise<object>
  /** Settles when the checkpoint is durable. @throws Problem as `record`, and AE_TOO_MANY_REQUESTS */
  deliver(agent: AgentId, input: DeliverableInput, key?: RequestKey): Promise<Delivery>
  /** The metrics record of an agent's present epoch. */
  describe(agent: AgentId): Readonly<Record<string, string | number | null>> | undefined
}
