import type { Agent, AgentId, AgentInfo, Incarnation, Origin, Runtime } from './model.ts'

/** Somebody says: this incarnation is the agent `id`. */
export interface Claim {
  readonly id: AgentId
  /** The id that was asked for, when `id` is only what is left because another live incarnation has it. */
  readonly wanted?: AgentId
  readonly runtime: Runtime
  readonly incarnation: Incarnation
  readonly origin: Origin
  readonly info: AgentInfo
  readonly startedAtMs: number
  readonly uid?: number | undefined
  /** The incarnation was known before the daemon restarted. */
  readonly resumed?: true
}

/** `conflict`: the id belongs to another live incarnation, `agent`. `dismissed`: a person deleted this incarnation. */
export type ClaimResult =
  | { readonly outcome: 'started' | 'known' | 'conflict'; readonly agent: Agent }
  | { readonly outcome: 'dismissed' }

/** Whether somebody's choice hangs on a life: what a process says of itself takes nothing away from it. */
export type IsKept = (agent: Agent) => boolean

/** A variable is free for everybody: another user's process does not become somebody's agent by it. */
function mayBind(holder: Agent, { origin, uid }: Claim): boolean {
  return origin !== 'environment' || holder.uid === undefined || uid === holder.uid || uid === 0
}

/** What only registered itself has no runtime that could live on beside the one that now turns up. */
export function binds(claim: Claim, holder: Agent, isKept: IsKept): boolean {
  return (
    holder.runtime === 'cooperative' &&
    claim.runtime !== 'cooperative' &&
    mayBind(holder, claim) &&
    !(claim.origin === 'environment' && isKept(holder))
  )
}

/**
 * A process does not by naming itself make an id a disputed one, by which nobody would act on its holder any more:
 * only where both say so themselves, and nobody has chosen anything for the first, it cannot be told who is meant.
 */
export function disputes(claim: Claim, holder: Agent | undefined, isKept: IsKept): boolean {
  if (holder === undefined || holder.endedAtMs !== undefined) return true
  if (claim.origin === 'environment') {
    return holder.origin === 'environment' && mayBind(holder, claim) && !isKept(holder)
  }
  return holder.origin !== 'environment'
}
