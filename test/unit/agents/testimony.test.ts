import { describe, expect, it } from 'vitest'
import { createTestimony } from '../../../src/agents/testimony.ts'
import type { Caller, CallerKind } from '../../../src/platform/http/caller.ts'

const OWN = 999
const testimony = createTestimony(OWN)

function caller(kind: CallerKind, peer: number | undefined, touches: (id?: string) => boolean = () => true) {
  return { kind, mayTouch: touches, peerUid: async () => peer } as Caller
}

describe('what is said about an agent without credentials', () => {
  it.each([
    [1_000, 1_000, true],
    [1_000, 0, true],
    [1_000, OWN, true],
    [1_000, 1_001, false],
    [1_000, undefined, false],
    [undefined, 1_000, false],
    [undefined, undefined, false],
    [undefined, 0, true],
    [undefined, OWN, true],
  ])('about one of uid %s by uid %s counts: %s', async (uid, peer, counts) => {
    expect(await testimony.mayTell(caller('anonymous', peer), { id: 'a', uid })).toBe(counts)
  })

  it('does not count for a peer without a known uid when ours is not known either', async () => {
    const unknown = createTestimony(undefined)
    expect(await unknown.mayTell(caller('anonymous', undefined), { id: 'a', uid: undefined })).toBe(false)
  })
})

describe('what is said with credentials', () => {
  it.each(['token', 'control', 'basic'] as const)('by %s counts for the agents they cover', async (kind) => {
    const limited = caller(kind, undefined, (id) => id === 'a')
    expect(await testimony.mayTell(limited, { id: 'a', uid: 1 })).toBe(true)
    expect(await testimony.mayTell(limited, { id: 'b', uid: 1 })).toBe(false)
  })
})
