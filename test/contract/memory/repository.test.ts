import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { type MemoryTables, memoryExcursionsMigration, memoryMigration } from '../../../src/memory/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { describeWith } from '../../support/services.ts'
import { excursionRepositoryContract } from './excursions.contract.ts'
import { alertRepositoryContract } from './repository.contract.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

const open = (url: string) =>
  openStore<MemoryTables>({
    ...{ url, dataDir: folder.path, daemonId: 'daemon-a', clock: systemClock, log: silentLog },
    migrations: [memoryMigration, memoryExcursionsMigration],
  })

describe('memory alerts on SQLite', () => {
  alertRepositoryContract(() => open('sqlite'))
})

describe('excursions of memory on SQLite', () => {
  excursionRepositoryContract(() => open('sqlite'))
})

describeWith('postgres', 'memory alerts and excursions on PostgreSQL', ({ postgres }) => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres(postgres)
  })
  afterAll(() => server?.destroy())

  alertRepositoryContract(async () => open(await server.createDatabase()))
  excursionRepositoryContract(async () => open(await server.createDatabase()))
})
