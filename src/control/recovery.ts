import type { Agent } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { ActionRecord } from './record.ts'

/** Discovery finds what lives within seconds of the start; who was not found by now has ended. */
const GIVE_UP_MS = 60_000
const LOOK_EVERY_MS = 1_000

/**
 * Actions that the daemon had begun when it ended. Pause, resume and terminate of a life that goes on are driven to
 * completion, because half a stopped tree must not stay half (CONTROL.md section 5).
 */
export interface Recovery {
  begin(interrupted: readonly ActionRecord[]): void
  /** An agent appeared: perhaps one of those waited for. */
  look(): void
  /** Something of this life is not driven yet. */
  waitsFor(incarnation: string): boolean
  /** Who was stopped before the first of those began. */
  stoppedBefore(incarnation: string): readonly ProcessKey[] | undefined
  waiting(): number
  stop(): void
}

export interface RecoveryDeps {
  readonly clock: Clock
  readonly agent: (id: string) => Agent | undefined
  /** Only the acting daemon touches anything, also when an earlier one of ours still ends. */
  readonly mayAct: () => boolean
  /** A life that can not come back: its first process has ended. */
  readonly isOver: (incarnation: string) => boolean
  readonly drive: (record: ActionRecord) => void
  readonly giveUp: (record: ActionRecord) => void
}

export function createRecovery({ clock, agent, mayAct, isOver, drive, giveUp }: RecoveryDeps): Recovery {
  let outstanding = new Map<string, ActionRecord>()
  let actingSince: number | undefined
  let timer: Timer | undefined

  function look(): void {
    if (outstanding.size === 0 || !mayAct()) return
    actingSince ??= clock.monotonic()
    const late = clock.monotonic() - actingSince >= GIVE_UP_MS
    for (const [id, record] of outstanding) {
      const found = agent(record.entry.agent)
      const same = found !== undefined && found.incarnation === record.entry.incarnation
      if (same && found.endedAtMs === undefined) drive(record)
      else if (late || same || isOver(record.entry.incarnation ?? '')) giveUp(record)
      else continue
      outstanding.delete(id)
    }
  }

  function schedule(): void {
    timer = clock.setTimer(LOOK_EVERY_MS, () => {
      look()
      if (outstanding.size > 0) schedule()
    })
  }

  return {
    look,
    begin(interrupted) {
      outstanding = new Map(interrupted.map((record) => [record.entry.id, record]))
      look()
      if (outstanding.size > 0) schedule()
    },
    waitsFor: (incarnation) =>
      [...outstanding.values()].some(({ entry }) => entry.incarnation === incarnation),
    stoppedBefore(incarnation) {
      const those = [...outstanding.values()].filter(({ entry }) => entry.incarnation === incarnation)
      return those.find(({ stoppedBefore }) => stoppedBefore !== undefined)?.stoppedBefore
    },
    waiting: () => outstanding.size,
    stop: () => timer?.cancel(),
  }
}
