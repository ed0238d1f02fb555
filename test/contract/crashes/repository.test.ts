import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { type CrashesTables, crashesMigration } from '../../../src/crashes/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { describeWith } from '../../support/services.ts'
import { crashesRepositoryContract } from './repository.contract.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

const open = (url: string) =>
  openStore<CrashesTables>({
    ...{ url, dataDir: folder.path, daemonId: 'daemon-a', clock: systemClock, log: silentLog },
    migrations: [crashesMigration],
  })

describe('crashes on SQLite', () => {
  crashesRepositoryContract(() => open('sqlite'))
})

describeWith('postgres', 'crashes on PostgreSQL', ({ postgres }) => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres(postgres)
  })
  afterAll(() => server?.destroy())

  crashesRepositoryContract(async () => open(await server.createDatabase()))
})
