import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Family } from './exposition/family.ts'
import type { SnapshotBuilder } from './exposition/snapshot.ts'

/**
 * What one scrape asks of a room. `name` is the value of `collect[]`, of `--[no-]collector.<name>` and of
 * `agent_scrape_collector_success{collector}`.
 */
export interface Collector {
  readonly name: string
  readonly families: readonly Family[]
  /** Brings the numbers up to date before `collect`. Rejecting or missing the deadline costs this collector only. */
  refresh?(deadline: AbortSignal): Promise<void>
  /** Writes what is known now. A generator yields between agents so that a large scrape never blocks the loop. */
  collect(out: SnapshotBuilder): void | Generator<void, void, void>
  /** Asked after `collect`: why this is not all there should be. The numbers stay, the success metric becomes 0. */
  fault?(): string | undefined
}

/** One room. `app.ts` lists them; the order of start is the order of the list, stop is the reverse. */
export interface Feature {
  readonly name: string
  readonly collectors?: readonly Collector[]
  /** Its block in `GET /api/v1/agents/{id}`. */
  describe?(agent: string): object | undefined
  /** Its block in `GET /health`. */
  health?(): HealthCheck
  readonly routes?: FastifyPluginAsyncTypebox
  start?(): Promise<void>
  stop?(): Promise<void>
}

export interface HealthCheck {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  readonly [detail: string]: unknown
}
