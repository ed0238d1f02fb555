import { createHash } from 'node:crypto'
import type { AgentId } from '../agents/model.ts'
import { Problem } from '../platform/problem.ts'
import type { KeyUse, UsageRepository } from './repository.ts'
import { keySlot, type UsageWriter } from './writer.ts'

/** An `Idempotency-Key` with who used it, about whom, and the request it came with. */
export type RequestKey = Omit<KeyUse, 'answer'>

/**
 * Keys that survive the daemon: the row of a key becomes durable with what was counted under it, or not at all.
 * Stands behind the memory of answers in `platform/http`, which knows only the requests of this run.
 */
export interface Keyring {
  /**
   * Runs a request once. The same key with the same body gets the first answer, also from an earlier run.
   * @throws Problem AE_IDEMPOTENCY_MISMATCH for another body
   */
  once<Answer>(key: RequestKey | undefined, run: () => Promise<Answer>): Promise<Answer>
}

export function requestKey(
  caller: string,
  agent: AgentId,
  key: string | undefined,
  what: string,
  body: unknown,
): RequestKey | undefined {
  if (key === undefined) return undefined
  const bodyHash = createHash('sha256')
    .update(`${what}\n${JSON.stringify(body)}`)
    .digest('base64')
  return { caller, agent, key, bodyHash }
}

export function createKeyring(
  repository: Pick<UsageRepository, 'findKey'>,
  writer: Pick<UsageWriter, 'pendingKey' | 'write'>,
): Keyring {
  const running = new Map<string, { readonly bodyHash: string; readonly answer: Promise<unknown> }>()

  function check(known: { readonly bodyHash: string }, { bodyHash }: RequestKey): void {
    if (known.bodyHash === bodyHash) return
    throw new Problem('AE_IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used for another request.')
  }

  async function answerOf(key: RequestKey, run: () => Promise<unknown>): Promise<unknown> {
    const pending = writer.pendingKey(keySlot(key))
    if (pending !== undefined) {
      check(pending, key)
      await writer.write({})
      return pending.answer
    }
    const stored = await repository.findKey(key.caller, key.agent, key.key)
    if (stored === undefined) return await run()
    check(stored, key)
    return stored.answer
  }

  return {
    async once<Answer>(key: RequestKey | undefined, run: () => Promise<Answer>): Promise<Answer> {
      if (key === undefined) return await run()
      const slot = keySlot(key)
      const known = running.get(slot)
      if (known !== undefined) {
        check(known, key)
        return (await known.answer) as Answer
      }
      const answer = answerOf(key, run)
      running.set(slot, { bodyHash: key.bodyHash, answer })
      try {
        return (await answer) as Answer
      } finally {
        running.delete(slot)
      }
    },
  }
}
