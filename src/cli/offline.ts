import { loadConfig } from '../config/load.ts'
import { createActingLock } from '../control/lock.ts'
import { systemClock } from '../platform/clock.ts'
import { createDockerEngine } from '../platform/docker/engine.ts'
import { silentLog } from '../platform/log.ts'
import { dataDirFrom } from './data-dir.ts'
import type { ServeFlags } from './flags.ts'
import { openOfflineJournal } from './offline-journal.ts'
import { resumeOffline } from './offline-resume.ts'
import { createOfflineRuntimes } from './offline-runtimes.ts'
import type { ShownEntry } from './outcome.ts'

/** Lets an agent go on by the journal of a daemon that is down. @throws CliError as `resumeOffline` */
export async function resumeWithoutDaemon(
  serve: ServeFlags,
  agent: string,
  reason: string,
): Promise<readonly ShownEntry[]> {
  const { config } = loadConfig(serve['config.file'], process.env)
  const { lock: name } = config.control
  const procRoot = serve['path.procfs']
  const engine = createDockerEngine({ clock: systemClock })
  try {
    return await resumeOffline(agent, reason, {
      open: () =>
        openOfflineJournal({
          dataDir: dataDirFrom(serve['data.dir']),
          storeUrl: serve['store.url'] ?? config.store.url,
          procRoot,
          clock: systemClock,
        }),
      lock: createActingLock({
        uid: process.geteuid?.(),
        clock: systemClock,
        log: silentLog,
        ...(name === undefined ? {} : { name }),
      }),
      resume: createOfflineRuntimes({
        clock: systemClock,
        procRoot,
        cgroupRoot: serve['path.cgroupfs'],
        engine,
      }),
      monotonic: systemClock.monotonic,
    })
  } finally {
    await engine.stop()
  }
}
