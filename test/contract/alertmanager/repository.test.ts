import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { type AlertTables, alertsMigration } from '../../../src/alertmanager/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { describeWith } from '../../support/services.ts'
import { alertEpisodeContract } from './repository.contract.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

const open = (url: string) =>
  openStore<AlertTables>({
    ...{ url, dataDir: folder.path, daemonId: 'daemon-a', clock: systemClock, log: silentLog },
    migrations: [alertsMigration],
  })

describe('alerts on SQLite', () => {
  alertEpisodeContract(() => open('sqlite'))
})

describeWith('postgres', 'alerts on PostgreSQL', ({ postgres }) => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres(postgres)
  })
  afterAll(() => server?.destroy())

  alertEpisodeContract(async () => open(await server.createDatabase()))
})
