import { type AgentsTables, agentsMigration, agentsRetention, agentUidMigration } from './agents/tables.ts'
import { type AlertTables, alertsMigration, alertsRetention } from './alertmanager/tables.ts'
import { type CompatTables, compatMigration, compatRetention } from './compat/tables.ts'
import {
  type ControlCopyTables,
  type ControlTables,
  controlCopyMigration,
  controlCopyRetention,
  controlMigration,
  controlRetention,
} from './control/tables.ts'
import { type CrashesTables, crashesMigration, crashesRetention } from './crashes/tables.ts'
import { type ExhaustionTables, exhaustionMigration, exhaustionRetention } from './exhaustion/tables.ts'
import {
  type MemoryTables,
  memoryExcursionsMigration,
  memoryMigration,
  memoryRetention,
} from './memory/tables.ts'
import { createNoStore } from './platform/store/no-store.ts'
import { type OpenStoreOptions, openStore } from './platform/store/open.ts'
import type { RetentionRule } from './platform/store/retention.ts'
import type { Store } from './platform/store/store.ts'
import type { RoomStores } from './rooms.ts'
import { type UsageTables, usageMigration, usageRetention } from './usage/tables.ts'

type RoomTables = AgentsTables & UsageTables & ExhaustionTables & CrashesTables & MemoryTables & CompatTables
/** What must never wait for a network. */
type LocalTables = ControlTables & AlertTables
type OneFile = RoomTables & LocalTables
type Shared = RoomTables & ControlCopyTables

const MIGRATIONS = [
  agentsMigration,
  agentUidMigration,
  usageMigration,
  exhaustionMigration,
  crashesMigration,
  memoryMigration,
  compatMigration,
  memoryExcursionsMigration,
]
const LOCAL_MIGRATIONS = [controlMigration, alertsMigration]
const LOCAL_RETENTION: readonly RetentionRule[] = [...controlRetention, ...alertsRetention]
const RETENTION: readonly RetentionRule[] = [
  agentsRetention,
  ...usageRetention,
  ...exhaustionRetention,
  ...memoryRetention,
  ...compatRetention,
]

/** The databases of one daemon. */
export interface Stores extends RoomStores {
  /** The one the configuration names. */
  readonly main: Pick<Store<AgentsTables>, 'health' | 'stats'>
  /** What grows old in which of them. */
  readonly retained: readonly { readonly store: Store<never>; readonly rules: readonly RetentionRule[] }[]
  close(): Promise<void>
}

export interface StoresOptions extends Omit<OpenStoreOptions, 'migrations'> {
  /** How many crashes are kept. */
  readonly crashesRetained: () => number
}

/**
 * Opens the store that the configuration names and brings it up to date. On PostgreSQL the journal still is a file
 * of this host: whether something may be done must not depend on a network.
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const retention = [...RETENTION, crashesRetention(options.crashesRetained)]
  if (!/^postgres(ql)?:/.test(options.url)) {
    const store = await openStore<OneFile>({ ...options, migrations: [...MIGRATIONS, ...LOCAL_MIGRATIONS] })
    return {
      main: store,
      store,
      journal: store,
      copy: undefined,
      retained: [{ store: store as never, rules: [...retention, ...LOCAL_RETENTION] }],
      close: () => store.close(),
    }
  }
  const { onQuarantine, ...shared } = options
  const journal = await openStore<LocalTables>({
    ...shared,
    ...(onQuarantine === undefined ? {} : { onQuarantine }),
    url: 'sqlite',
    migrations: LOCAL_MIGRATIONS,
  })
  try {
    const store = await openStore<Shared>({ ...shared, migrations: [...MIGRATIONS, controlCopyMigration] })
    return {
      main: store,
      store,
      journal,
      copy: store,
      retained: [
        { store: store as never, rules: [...retention, ...controlCopyRetention] },
        { store: journal as never, rules: LOCAL_RETENTION },
      ],
      async close() {
        await store.close()
        await journal.close()
      },
    }
  } catch (error) {
    await journal.close()
    throw error
  }
}

/** Keeps nothing and finds nothing: for a single collection, and for reading the declarations of the rooms. */
export function noStores(): RoomStores {
  const store = createNoStore<OneFile>()
  return { store, journal: store, copy: undefined }
}
