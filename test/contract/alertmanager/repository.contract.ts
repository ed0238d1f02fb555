import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  type AlertEpisodeRepository,
  createAlertEpisodeRepository,
  type NotificationNote,
} from '../../../src/alertmanager/repository.ts'
import { type AlertTable, EMPTY_TABLE, type Entry, withEntries } from '../../../src/alertmanager/table.ts'
import type { AlertTables } from '../../../src/alertmanager/tables.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { CURED, firing, worldOf } from '../../unit/alertmanager/shapes.ts'

const NOW_MS = 1_700_000_000_000

function tableOf(...names: string[]): AlertTable {
  const world = worldOf([CURED])
  for (const fingerprint of names) world.tell(firing({ fingerprint }))
  return world.table
}

/** What it says, whatever it is kept in. */
const plain = ({ entries, nextEpisode, instances }: AlertTable) => ({
  ...{ entries: new Map(entries), nextEpisode, instances: new Map(instances) },
})

/** What every database must do for alerts. */
export function alertEpisodeContract(open: () => Promise<Store<AlertTables>>): void {
  let store: Store<AlertTables>
  let repository: AlertEpisodeRepository

  beforeEach(async () => {
    store = await open()
    repository = createAlertEpisodeRepository(store)
  })
  afterEach(() => store.close())

  it('knows nothing at first', async () => {
    expect(plain(await repository.load())).toEqual(plain(EMPTY_TABLE))
  })

  it('gives back the table as it was saved last, entry by entry', async () => {
    const first = tableOf('f')
    const second = tableOf('f', 'g')
    await repository.save(EMPTY_TABLE, first, [], NOW_MS)
    expect(plain(await repository.load())).toEqual(plain(first))
    await repository.save(first, second, [], NOW_MS)
    expect(plain(await repository.load())).toEqual(plain(second))
  })

  it('forgets what was taken out, and counts on', async () => {
    const table = tableOf('f')
    const [key] = table.entries.keys()
    const gone = withEntries(table, new Map([[key!, undefined]]))
    await repository.save(EMPTY_TABLE, table, [], NOW_MS)
    await repository.save(table, gone, [], NOW_MS)
    expect(plain(await repository.load())).toEqual({ ...plain(gone), entries: new Map() })
    await repository.save(gone, table, [], NOW_MS)
    expect(plain(await repository.load())).toEqual(plain(table))
  })

  it('keeps names of any length and every character', async () => {
    const table = tableOf('f')
    const [entry] = table.entries.values()
    const alertname = `\u0000'"\\ ü€😀${'x'.repeat(1_000)}`
    const key = JSON.stringify([alertname, 'a', 'b'])
    const odd: Entry = { ...entry!, alertname, key }
    const next = { ...table, entries: new Map([[key, odd]]) }
    await repository.save(EMPTY_TABLE, next, [], NOW_MS)
    expect(plain(await repository.load())).toEqual(plain(next))
  })

  it('keeps a notification once', async () => {
    const note: NotificationNote = {
      ...{ id: 'n-1', atMs: NOW_MS, source: 'alertmanager', receiver: 'r', groupKey: '{}' },
      ...{ alerts: 2, truncatedAlerts: 1, outcomes: { asked: 2 } },
    }
    await repository.save(EMPTY_TABLE, EMPTY_TABLE, [note], NOW_MS)
    await repository.save(EMPTY_TABLE, EMPTY_TABLE, [note], NOW_MS)
    const rows = await store.db.selectFrom('alert_notifications').selectAll().execute()
    expect(rows).toMatchObject([{ id: 'n-1', receiver: 'r', outcomes: '{"asked":2}' }])
    expect([rows[0]!.alerts, rows[0]!.truncated, rows[0]!.at_ms].map(Number)).toEqual([2, 1, NOW_MS])
  })
}
