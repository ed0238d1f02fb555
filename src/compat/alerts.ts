import type { AlertFilter, AlertKey, AlertRepository, KeptAlert } from '../memory/repository.ts'
import type { Visible } from './fleet.ts'

/** Alerts looked through for one page of a caller who may see few of them. */
const MOST_LOOKED_AT = 5_000
const BATCH = 500

/** Newest first, only of agents that the caller may see; `visible` left out: of all. */
export async function listAlerts(
  alerts: Pick<AlertRepository, 'list'>,
  filter: AlertFilter,
  limit: number,
  after: AlertKey | undefined,
  visible?: Visible,
): Promise<readonly KeptAlert[]> {
  if (visible === undefined) return alerts.list(filter, limit, after)
  const found: KeptAlert[] = []
  let from = after
  for (let seen = 0; found.length < limit && seen < MOST_LOOKED_AT; seen += BATCH) {
    const batch = await alerts.list(filter, BATCH, from)
    found.push(...batch.filter(({ agent }) => visible(agent)))
    const last = batch.at(-1)
    if (batch.length < BATCH || last === undefined) break
    from = [last.atMs, last.id]
  }
  return found.slice(0, limit)
}
