import type { Incarnation } from '../agents/model.ts'
import type { Log } from '../platform/log.ts'
import type { Driven, Mode, Performed } from './effect.ts'
import { joined, notHeld, without } from './holds.ts'
import type { Lanes } from './lanes.ts'
import type { ActionRecord } from './record.ts'
import type { Remains } from './remains.ts'

export interface CarryOutDeps {
  readonly lanes: Pick<Lanes, 'inTurn'>
  readonly log: Log
  readonly save: (record: ActionRecord) => Promise<unknown>
  readonly perform: (record: ActionRecord, mode: Mode) => Promise<Performed>
  readonly settle: (record: ActionRecord, performed: Performed) => Promise<ActionRecord>
  readonly remains: Pick<Remains, 'letGo'>
  /** A life that can not come back: its first process has ended. */
  readonly isOver: (incarnation: Incarnation) => boolean
  /** A resume was given up, and its driver may still answer. */
  readonly late: (record: ActionRecord, answer: Promise<Driven>) => Promise<void>
  /** It was not settled and never will be. */
  readonly lost: (record: ActionRecord) => void
}

/** Lets it go; settles in the agent's lane, so that the next effect finds the holds of this one. */
export function createCarryOut(deps: CarryOutDeps): (record: ActionRecord, mode: Mode) => void {
  const { lanes, log, remains, isOver } = deps

  /** The root ended meanwhile, the rest did not: nobody could release a hold on that. */
  async function leaveNobody({ entry }: ActionRecord, { effect, stopped }: Performed): Promise<void> {
    const { agent, incarnation, action } = entry
    if (incarnation === undefined || !isOver(incarnation)) return
    if (action === 'resume' || effect.outcome === 'gone') return
    if (action === 'terminate' && effect.outcome === 'done') return
    const ours = joined(stopped, effect.stopped ?? [])
    await remains.letGo({
      ...notHeld(agent, incarnation),
      stopped: without(ours, effect.stoppedByOthers ?? []),
    })
  }

  function watchLate(record: ActionRecord, answer: Promise<Driven>): void {
    deps.late(record, answer).catch((error: unknown) => {
      log.warn('a resume that was given up ended badly', { action: record.entry.id, error: String(error) })
    })
  }

  return (record, mode) => {
    void lanes
      .inTurn(record.entry.agent, async () => {
        if (mode === 'recovery') await deps.save(record)
        const performed = await deps.perform(record, mode).catch(
          (error: unknown): Performed => ({
            effect: { outcome: 'failed', touched: true, detail: String(error) },
            stopped: [],
            halted: 'kill_switch',
          }),
        )
        await deps.settle(record, performed)
        await leaveNobody(record, performed)
        if (performed.late !== undefined) watchLate(record, performed.late)
      })
      .catch((error: unknown) => {
        deps.lost(record)
        log.error('an action was not settled', { action: record.entry.id, error: String(error) })
      })
  }
}
