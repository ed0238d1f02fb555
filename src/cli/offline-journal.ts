import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Held, NO_HOLDS } from '../control/holds.ts'
import { createIds, keyOf, momentOf } from '../control/record.ts'
import { type ControlTables, controlMigration, createControlRepository } from '../control/repository.ts'
import type { Clock } from '../platform/clock.ts'
import { silentLog } from '../platform/log.ts'
import { readBootId } from '../platform/proc/kernel-facts.ts'
import { readDaemonId } from '../platform/store/daemon-id.ts'
import { openStore } from '../platform/store/open.ts'
import type { OfflineHeld, OfflineJournal, OfflineOutcome } from './offline-resume.ts'

export interface OfflineJournalOptions {
  readonly dataDir: string
  /** `store.url` of the configuration. The journal is in SQLite whatever it says (CONTROL section 5). */
  readonly storeUrl: string
  readonly procRoot: string
  readonly clock: Clock
}

const ACTOR = 'command line'

/** Opens the journal of a daemon that does not run; undefined where there has never been one. */
export async function openOfflineJournal(
  options: OfflineJournalOptions,
): Promise<OfflineJournal | undefined> {
  const { dataDir, procRoot, clock } = options
  const named = /^sqlite:(.+)$/.exec(options.storeUrl)?.[1]
  const path = named === undefined ? join(dataDir, 'agent-exporter.db') : resolve(named)
  if (!existsSync(path)) return undefined
  const store = await openStore<ControlTables>({
    url: `sqlite:${path}`,
    dataDir,
    daemonId: readDaemonId(dataDir),
    clock,
    log: silentLog,
    migrations: [controlMigration],
  })
  const repository = createControlRepository(store)
  const ids = createIds(clock.now)

  function recordOf(held: OfflineHeld, id: string, { status, effect, reason, durationMs }: OfflineOutcome) {
    const { agent, incarnation } = held
    const now = momentOf(clock, readBootId(procRoot) ?? 'unknown')
    const request = { agent, action: 'resume', trigger: 'human', episode: `offline:${id}` } as const
    return {
      entry: {
        ...request,
        ...({ id, at: now.wallMs, lastAt: now.wallMs, incarnation, hold: 'human', status, reason } as const),
        ...{ actor: ACTOR, attempt: 1, durable: true, count: 1, durationMs, rung: effect.rung },
        detail: effect.detail,
        verifiedAt: status === 'done' ? now.wallMs : undefined,
        ...{ refusal: undefined, size: undefined, extraBudget: undefined },
      },
      key: keyOf(request, incarnation),
      claimsKey: true,
      admitted: now,
      started: effect.touched ? now : undefined,
      ended: now,
      result: 'success',
      graceMs: undefined,
      optIn: false,
      released: held.causes,
      stoppedBefore: undefined,
      crossedAtMs: undefined,
    } as const
  }

  return {
    async heldAgents() {
      const open = await repository.openHolds()
      return open.map(({ holds, ...held }) => ({ ...held, causes: [...holds.keys()] }))
    },
    async recordResume(held, outcome) {
      const newest = await repository.newestId()
      if (newest !== undefined) ids.after(newest)
      const { agent, incarnation } = held
      const free: Held = { agent, incarnation, holds: NO_HOLDS, stopped: [], stoppedByOthers: [] }
      await repository.put([
        repository.inserted(recordOf(held, ids.next(), outcome), clock.now()),
        repository.held([free], clock.now()),
      ])
    },
    close: () => store.close(),
  }
}
