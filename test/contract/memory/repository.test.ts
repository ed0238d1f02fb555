import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { type MemoryTables, memoryMigration } from '../../../src/memory/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { describeWith } from '../../support/services.ts'
import { alertRepositoryContract } from './repository.contract.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

const open = (url: string) =>
  openStore<MemoryTables>({
    ...{ url, dataDir: folder.path, daemonId: 'daemon-a', clock: systemClock, log: silentLog },
    migrations: [memoryMigration],
  })

describe('memory alerts on SQLite', () => {
  alertRepositoryContract(() => open('sqlite'))
})

describeWith('postgres', 'memory alerts on PostgreSQL', ({ postgres }) => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres(postgres)
  })
  afterAll(() => server?.destroy())

  alertRepositoryContract(async () => open(await server.createDatabase()))
})
