import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { type ExhaustionTables, exhaustionMigration } from '../../../src/exhaustion/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { describeWith } from '../../support/services.ts'
import { exhaustionRepositoryContract } from './repository.contract.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

const open = (url: string) =>
  openStore<ExhaustionTables>({
    ...{ url, dataDir: folder.path, daemonId: 'daemon-a', clock: systemClock, log: silentLog },
    migrations: [exhaustionMigration],
  })

describe('budget events on SQLite', () => {
  exhaustionRepositoryContract(() => open('sqlite'))
})

describeWith('postgres', 'budget events on PostgreSQL', ({ postgres }) => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres(postgres)
  })
  afterAll(() => server?.destroy())

  exhaustionRepositoryContract(async () => open(await server.createDatabase()))
})
