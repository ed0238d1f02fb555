import type { Moment } from '../platform/moment.ts'
import type { Mode } from './effect.ts'
import type { Ledger } from './ledger.ts'
import { type ActionRecord, changed } from './record.ts'
import type { UnderWay } from './under-way.ts'

export interface InterruptedDeps {
  readonly moment: () => Moment
  readonly ledger: Ledger
  readonly underWay: UnderWay
  readonly go: (record: ActionRecord, mode: Mode) => void
  /** Writes an end down and tells it. */
  readonly finish: (record: ActionRecord) => Promise<void>
}

/** How actions end that the daemon had begun when it ended itself. */
export function createInterrupted({ moment, ledger, underWay, go, finish }: InterruptedDeps) {
  return {
    /** The same row, one attempt more. What cannot be repeated without harm is only looked at. */
    async drive(interrupted: ActionRecord): Promise<void> {
      const { entry } = interrupted
      const now = moment()
      if (entry.action === 'resize') {
        const detail = 'interrupted by a restart of the daemon; whether it took effect is not known'
        await finish(changed(interrupted, { status: 'failed', detail }, { ended: now, result: 'neutral' }))
        return
      }
      const record = changed(interrupted, { attempt: entry.attempt + 1 }, { started: now })
      underWay.begin(record)
      ledger.note(record)
      go(record, 'recovery')
    },

    /** Its life did not come back. */
    async giveUp(interrupted: ActionRecord): Promise<void> {
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
