import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Incarnation } from '../agents/model.ts'
import { WHOLE } from '../control/effect.ts'
import { type Held, joined, NO_HOLDS, without } from '../control/holds.ts'
import { createJournal } from '../control/journal.ts'
import type { Action } from '../control/model.ts'
import { type ActionRecord, changed, createIds, keyOf, momentOf } from '../control/record.ts'
import { createControlRepository } from '../control/repository.ts'
import { createSpool } from '../control/spool.ts'
import { type ControlTables, controlMigration } from '../control/tables.ts'
import type { Clock } from '../platform/clock.ts'
import { silentLog } from '../platform/log.ts'
import { readBootId } from '../platform/proc/kernel-facts.ts'
import { readDaemonId } from '../platform/store/daemon-id.ts'
import { openStore } from '../platform/store/open.ts'
import { pastLivesOf } from '../targets.ts'
import type { OfflineHeld, OfflineJournal, OfflineOutcome } from './offline-resume.ts'

export interface OfflineJournalOptions {
  readonly dataDir: string
  /** `store.url` of the configuration. The journal is in SQLite whatever it says (CONTROL section 5). */
  readonly storeUrl: string
  readonly procRoot: string
  readonly clock: Clock
}

const ACTOR = 'command line'
/** Only trees of processes are followed; a container is continued as a whole. */
const NO_CONTAINERS: ReadonlyMap<string, never> = new Map<string, never>()
const STOPS: ReadonlySet<Action> = new Set(['pause', 'terminate'])

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
  const bootId = readBootId(procRoot) ?? 'unknown'
  const pastLives = pastLivesOf(procRoot, bootId, () => NO_CONTAINERS)
  const journal = createJournal({ clock, log: silentLog, repository, spool: createSpool(dataDir) })
  // What the disk did not take in time is part of the journal.
  await journal.open()

  function recordOf(held: OfflineHeld, id: string, { status, effect, reason, durationMs }: OfflineOutcome) {
    const { agent, incarnation } = held
    const now = momentOf(clock, bootId)
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

  /** Whoever was not stopped before it may have been stopped by it, also who was started while it went on. */
  async function withInterrupted(
    record: ActionRecord,
    incarnation: Incarnation,
    held?: OfflineHeld,
  ): Promise<OfflineHeld> {
    const known = joined(record.processes ?? [], held?.stopped ?? [])
    const followed = pastLives.follow(incarnation, known)
    const tree = await followed?.snapshot().catch(() => undefined)
    followed?.close()
    const now = tree?.processes.map(({ pid, startTime }) => ({ pid, startTime })) ?? []
    const all = record.processes === undefined ? [WHOLE] : joined(known, now)
    const others = without(
      joined(held?.stoppedByOthers ?? [], record.stoppedBefore ?? []),
      held?.stopped ?? [],
    )
    return {
      agent: record.entry.agent,
      incarnation,
      causes: [...new Set([...(held?.causes ?? []), record.entry.hold])],
      stopped: without(all, others),
      stoppedByOthers: others,
      interrupted: [...(held?.interrupted ?? []), record],
    }
  }

  /** It keeps its key: the next daemon does not do it again for the same reason. */
  function ended(record: ActionRecord): ActionRecord {
    return changed(
      record,
      { status: 'failed', detail: 'interrupted by the end of the daemon; the agent was resumed without one' },
      { ended: momentOf(clock, bootId), result: 'neutral' },
    )
  }

  return {
    async heldAgents() {
      const all = new Map<Incarnation, OfflineHeld>()
      for (const { holds, ...held } of await repository.openHolds()) {
        all.set(held.incarnation, { ...held, causes: [...holds.keys()] })
      }
      for (const record of await repository.unsettled()) {
        const { action, status, incarnation } = record.entry
        if (status !== 'intended' || !STOPS.has(action) || incarnation === undefined) continue
        all.set(incarnation, await withInterrupted(record, incarnation, all.get(incarnation)))
      }
      return [...all.values()]
    },
    async recordResume(held, outcome) {
      const newest = await repository.newestId()
      if (newest !== undefined) ids.after(newest)
      const { agent, incarnation } = held
      const free: Held = { agent, incarnation, holds: NO_HOLDS, stopped: [], stoppedByOthers: [] }
      await repository.put([
        repository.inserted(recordOf(held, ids.next(), outcome), clock.now()),
        repository.held([free], clock.now()),
        ...(held.interrupted === undefined
          ? []
          : [repository.saved(held.interrupted.map(ended), clock.now())]),
      ])
    },
    async close() {
      await journal.stop()
      await store.close()
    },
  }
}
