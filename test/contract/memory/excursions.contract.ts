import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createExcursionRepository,
  type Excursion,
  type ExcursionRepository,
} from '../../../src/memory/excursions.ts'
import type { MemoryTables } from '../../../src/memory/tables.ts'
import type { Store } from '../../../src/platform/store/store.ts'

const FIRST: Excursion = {
  ...{ agent: 'a', incarnation: 'a-life', ordinal: 1, state: 'open' },
  pausedAt: { bootId: 'boot', bootMs: 3_600_000.25, wallMs: 1_700_000_000_000 },
}

/** What every database must do for what is done about memory. */
export function excursionRepositoryContract(open: () => Promise<Store<MemoryTables>>): void {
  let store: Store<MemoryTables>
  let repository: ExcursionRepository

  beforeEach(async () => {
    store = await open()
    repository = createExcursionRepository(store)
  })
  afterEach(() => store.close())

  it('gives back the last excursion of each agent', async () => {
    await repository.save(FIRST, 1_000)
    const other: Excursion = { ...FIRST, agent: 'b', incarnation: 'b-life', pausedAt: undefined }
    await repository.save(other, 1_000)
    const closed: Excursion = { ...FIRST, state: 'closed', pausedAt: undefined }
    expect(new Set(await repository.load())).toEqual(new Set([FIRST, other]))
    await repository.save(closed, 2_000)
    const next: Excursion = { ...FIRST, incarnation: 'a-next-life' }
    await repository.save(next, 3_000)
    expect(new Set(await repository.load())).toEqual(new Set([next, other]))
  })
}
