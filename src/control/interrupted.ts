import type { Moment } from '../platform/moment.ts'
import type { Mode, Performed } from './effect.ts'
import type { Ledger } from './ledger.ts'
import { type ActionRecord, changed } from './record.ts'
import type { Remains } from './remains.ts'
import type { UnderWay } from './under-way.ts'

export interface InterruptedDeps {
  readonly moment: () => Moment
  readonly ledger: Ledger
  readonly underWay: UnderWay
  readonly remains: Remains
  readonly save: (record: ActionRecord) => Promise<unknown>
  readonly settle: (record: ActionRecord, performed: Performed) => Promise<ActionRecord>
  readonly go: (record: ActionRecord, mode: Mode) => void
  /** Writes an end down and tells it. */
  readonly finish: (record: ActionRecord) => Promise<void>
}

/** How actions end that the daemon had begun when it ended itself. */
export function createInterrupted({
  moment,
  ledger,
  underWay,
  remains,
  save,
  settle,
  go,
  finish,
}: InterruptedDeps) {
  function again(interrupted: ActionRecord): ActionRecord {
    const record = changed(interrupted, { attempt: interrupted.entry.attempt + 1 }, { started: moment() })
    underWay.begin(record)
    ledger.note(record)
    return record
  }

  async function endTheRest(interrupted: ActionRecord): Promise<boolean> {
    const record = again(interrupted)
    const performed = await remains.end(record)
    underWay.over(record.entry.id)
    if (performed === undefined) return false
    await save(record)
    const { entry } = await settle(record, performed)
    if (entry.status !== 'done') await remains.undo(record)
    return true
  }

  return {
    /** The same row, one attempt more. What cannot be repeated without harm is only looked at. */
    async drive(interrupted: ActionRecord): Promise<void> {
      const { entry } = interrupted
      if (entry.action === 'resize') {
        const detail = 'interrupted by a restart of the daemon; whether it took effect is not known'
        await finish(
          changed(interrupted, { status: 'failed', detail }, { ended: moment(), result: 'neutral' }),
        )
        return
      }
      const record = again(interrupted)
      go(record, 'recovery')
    },

    /** Its life did not come back. What is left of it is ended where that was wanted, else it goes on. */
    async giveUp(interrupted: ActionRecord): Promise<void> {
      if (interrupted.entry.action === 'terminate') {
        if (await endTheRest(interrupted)) return
      } else {
        await remains.undo(interrupted)
      }
      const detail = 'it had ended before the daemon came back'
      const end = { ended: moment(), result: 'neutral' } as const
      await finish(
        interrupted.entry.action === 'terminate'
          ? changed(interrupted, { status: 'done', detail }, end)
          : changed(interrupted, { status: 'failed', detail }, { ...end, claimsKey: false }),
      )
    },
  }
}
