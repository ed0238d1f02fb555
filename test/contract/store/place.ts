import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { type OpenStoreOptions, openStore } from '../../../src/platform/store/open.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { DAEMON, type TestTables, testMigrations } from './fixture.ts'

export function temporaryDir(): string {
  return mkdtempSync(join(tmpdir(), 'ae-store-'))
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true })
}

export function openTestStore(
  options: Partial<OpenStoreOptions> & Pick<OpenStoreOptions, 'dataDir'>,
): Promise<Store<TestTables>> {
  return openStore<TestTables>({
    url: 'sqlite',
    clock: systemClock,
    log: silentLog,
    daemonId: DAEMON,
    migrations: testMigrations,
    ...options,
  })
}
