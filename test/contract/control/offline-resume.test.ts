import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { processIncarnation } from '../../../src/agents/model.ts'
import { openOfflineJournal } from '../../../src/cli/offline-journal.ts'
import { resumeOffline } from '../../../src/cli/offline-resume.ts'
import { createOfflineRuntimes } from '../../../src/cli/offline-runtimes.ts'
import { addHold, NO_HOLDS } from '../../../src/control/holds.ts'
import { createActingLock } from '../../../src/control/lock.ts'
import { createControlRepository } from '../../../src/control/repository.ts'
import { type ControlTables, controlMigration } from '../../../src/control/tables.ts'
import { systemClock as clock } from '../../../src/platform/clock.ts'
import { createDockerEngine } from '../../../src/platform/docker/engine.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { readBootId, readPidNamespace } from '../../../src/platform/proc/kernel-facts.ts'
import { readDaemonId } from '../../../src/platform/store/daemon-id.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { eventually } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

const fieldsOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')
const stateOf = (pid: number): string => fieldsOf(pid)[0] ?? '?'

/** The journal as a daemon leaves it behind that was killed after it paused `mine`. */
async function journalOf(dataDir: string) {
  mkdirSync(dataDir, { mode: 0o700, recursive: true })
  const store = await openStore<ControlTables>({
    url: 'sqlite',
    dataDir,
    daemonId: readDaemonId(dataDir),
    clock,
    log: silentLog,
    migrations: [controlMigration],
  })
  return { store, repository: createControlRepository(store) }
}

describe.runIf(process.platform === 'linux')('resume while no daemon runs', () => {
  it('continues what was paused, writes it down, and leaves others alone', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const ours = spawn('sleep', ['60'], { stdio: 'ignore' })
    const other = spawn('sleep', ['60'], { stdio: 'ignore' })
    try {
      const pid = ours.pid ?? 0
      for (const child of [ours, other]) child.kill('SIGSTOP')
      await eventually('both are stopped', async () =>
        [ours, other].every((child) => stateOf(child.pid ?? 0) === 'T') ? true : undefined,
      )
      const key = { pid, startTime: Number(fieldsOf(pid)[19]) }
      const space = { bootId: readBootId() ?? '', pidNamespace: String(readPidNamespace('self')) }
      const { store, repository } = await journalOf(dataDir)
      const hold = { cause: 'human', sinceMs: 1, reason: 'enough', actionId: 'a' } as const
      const held = {
        agent: 'mine',
        incarnation: processIncarnation(space, key),
        holds: addHold(NO_HOLDS, hold),
        stopped: [key],
        stoppedByOthers: [],
      }
      await repository.put([repository.held([held], clock.now())])
      await store.close()

      const engine = createDockerEngine({ clock })
      const parts = {
        open: () => openOfflineJournal({ dataDir, storeUrl: 'sqlite', procRoot: '/proc', clock }),
        lock: createActingLock({ name: `offline-${process.pid}`, uid: 0, clock, log: silentLog }),
        resume: createOfflineRuntimes({ clock, procRoot: '/proc', cgroupRoot: '/sys/fs/cgroup', engine }),
        monotonic: clock.monotonic,
      }
      const [entry] = await resumeOffline('mine', 'uninstall', parts)
      expect(entry).toMatchObject({ status: 'done', rung: 'sigcont' })
      expect([stateOf(pid), stateOf(other.pid ?? 0)]).toEqual(['S', 'T'])
      await expect(resumeOffline('mine', 'again', parts)).rejects.toMatchObject({ exitCode: 4 })

      const after = await journalOf(dataDir)
      expect(await after.repository.openHolds()).toEqual([])
      expect(await after.repository.page({ agent: 'mine' }, 10, undefined)).toEqual([
        expect.objectContaining({
          action: 'resume',
          status: 'done',
          actor: 'command line',
          reason: 'uninstall',
          verifiedAt: expect.any(Number),
        }),
      ])
      expect(await after.repository.recent()).toEqual([expect.objectContaining({ released: ['human'] })])
      await after.store.close()
    } finally {
      for (const child of [ours, other]) {
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
    }
  })

  it('makes no journal where there was none', async () => {
    using folder = temporaryFolder()
    const options = { dataDir: folder.path, storeUrl: 'sqlite', procRoot: '/proc', clock }
    expect(await openOfflineJournal(options)).toBeUndefined()
  })
})
