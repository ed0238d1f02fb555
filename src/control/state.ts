import type { Moment } from '../platform/moment.ts'
import type { ControlDependencies } from './dependencies.ts'
import { createHoldBoard, type HoldBoard } from './holds.ts'
import { createJournal, type Journal } from './journal.ts'
import { createKeys, type Keys } from './keys.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createMemory, type Memory } from './memory.ts'
import { createIds, momentOf } from './record.ts'
import { type ControlRepository, createControlRepository } from './repository.ts'
import { createSpool } from './spool.ts'
import { createUnderWay, type UnderWay } from './under-way.ts'

/** What the stages of an action and those who look after it have in common: the journal and what is known of it. */
export interface ControlState {
  readonly moment: () => Moment
  readonly repository: ControlRepository
  readonly journal: Journal
  readonly ids: ReturnType<typeof createIds>
  readonly board: HoldBoard
  readonly keys: Keys
  readonly ledger: Ledger
  readonly memory: Memory
  readonly lanes: Lanes
  readonly underWay: UnderWay
}

export function createState(
  deps: Pick<ControlDependencies, 'clock' | 'log' | 'bootId' | 'journal' | 'dataDir'>,
): ControlState {
  const { clock, log } = deps
  const repository = createControlRepository(deps.journal)
  const memory = createMemory()
  return {
    moment: () => momentOf(clock, deps.bootId),
    repository,
    journal: createJournal({ clock, log, repository, spool: createSpool(deps.dataDir) }),
    ids: createIds(clock.now),
    board: createHoldBoard(),
    keys: createKeys(),
    ledger: createLedger(),
    memory,
    lanes: createLanes(),
    underWay: createUnderWay(memory),
  }
}
