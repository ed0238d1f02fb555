import type { AgentId } from '../agents/model.ts'
import type { CrashRecord } from './model.ts'
import type { CrashesRepository, CrashFilter, CrashKey } from './repository.ts'

/** Crashes looked through for one page of a caller who may see few of them: all that are kept, in ordinary life. */
const MOST_LOOKED_AT = 5_000
const BATCH = 500

/** Crashes newest first, after the crash `after`. @param sees which agents the caller may see; all when left out */
export async function visibleCrashes(
  repository: Pick<CrashesRepository, 'list'>,
  sees: ((agent: AgentId) => boolean) | undefined,
  filter: CrashFilter,
  limit: number,
  after?: CrashKey,
): Promise<readonly CrashRecord[]> {
  if (sees === undefined) return repository.list(filter, limit, after)
  const found: CrashRecord[] = []
  let from = after
  for (let seen = 0; found.length < limit && seen < MOST_LOOKED_AT; seen += BATCH) {
    const batch = await repository.list(filter, BATCH, from)
    found.push(...batch.filter(({ agent }) => sees(agent)))
    const last = batch.at(-1)
    if (batch.length < BATCH || last === undefined) break
    from = [last.atMs, last.id]
  }
  return found.slice(0, limit)
}
