import type { ActionRecord } from './record.ts'

/** Keys in memory; older ones are still guarded by the unique index of the journal. */
const MOST_KEYS = 50_000

interface Claim {
  /** The newest record under this key. */
  readonly id: string
  readonly taken: boolean
  /** Attempts that ended without taking the key. */
  readonly failed: number
  readonly incarnation: string | undefined
}

/** Which keys are taken, and how often an attempt under one has failed. */
export interface Keys {
  get(key: string): Claim | undefined
  note(record: ActionRecord): void
  /** Nobody asks for a life that has ended again. */
  forget(incarnation: string): void
}

export function createKeys(): Keys {
  const claims = new Map<string, Claim>()
  return {
    get: (key) => claims.get(key),
    note({ key, claimsKey, entry: { id, status, incarnation } }) {
      const before = claims.get(key)
      // Only what was tried counts as an attempt; a refusal in the last moment does not.
      const failed = status === 'failed' || status === 'partial' ? 1 : 0
      claims.delete(key)
      claims.set(key, { id, taken: claimsKey, failed: (before?.failed ?? 0) + failed, incarnation })
      if (claims.size > MOST_KEYS) claims.delete(claims.keys().next().value!)
    },
    forget(incarnation) {
      for (const [key, claim] of claims) if (claim.incarnation === incarnation) claims.delete(key)
    },
  }
}
