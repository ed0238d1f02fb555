import type { Caller } from '../platform/http/caller.ts'
import type { Agent } from './model.ts'

/** Whose word about an agent counts (CONTROL §6). */
export interface Testimony {
  /**
   * Whether what this caller says about the agent is taken down. With credentials: whatever they cover. Without: only
   * from a process of the agent's own user, of root or of ours; an agent whose user is not known has no such user, and
   * a caller whose user cannot be found out is nobody.
   */
  mayTell(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<boolean>
}

/** @param ownUid whoever has it could do everything we can */
export function createTestimony(ownUid: number | undefined): Testimony {
  return {
    async mayTell(caller, { id, uid }) {
      if (!caller.mayTouch(id)) return false
      if (caller.kind !== 'anonymous') return true
      const peer = await caller.peerUid()
      return peer !== undefined && (peer === uid || peer === 0 || peer === ownUid)
    },
  }
}
