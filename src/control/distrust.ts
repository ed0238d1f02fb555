import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import type { Memory } from './memory.ts'

/**
 * After the journal was lost nobody knows what was done before, and everything automatic is a dry run. It ends when a
 * person confirms, or when so much time has passed that no rule looks back to before the loss (CONTROL.md section 5).
 */
export interface Distrust {
  isOn(): boolean
  begin(): void
  end(): void
  /** What the journal remembers is known now: waits for the rest of the time. */
  watch(): void
  stop(): void
}

export interface DistrustDeps {
  readonly clock: Clock
  readonly memory: Memory
  readonly moment: () => Moment
  readonly log: Log
  readonly deafForMs: () => number
  readonly mark: (value: Moment | false) => void
  /** What was only rehearsed may be asked for in earnest. */
  readonly onEnd: () => void
}

export function createDistrust({
  clock,
  memory,
  moment,
  log,
  deafForMs,
  mark,
  onEnd,
}: DistrustDeps): Distrust {
  let timer: Timer | undefined

  function leftMs(): number {
    const since = memory.damagedAt()
    return since === undefined ? 0 : deafForMs() - elapsedMs(since, moment())
  }

  function end(): void {
    timer?.cancel()
    memory.setDamagedAt(undefined)
    mark(false)
    onEnd()
  }

  function watch(): void {
    timer?.cancel()
    if (memory.damagedAt() === undefined) return
    if (leftMs() > 0) {
      timer = clock.setTimer(leftMs(), watch)
      return
    }
    end()
    log.warn('the journal that was lost is too long ago to matter; this daemon acts again')
  }

  return {
    // Asked for anew: the rules may have changed.
    isOn: () => memory.damagedAt() !== undefined && leftMs() > 0,
    begin() {
      const now = moment()
      memory.setDamagedAt(now)
      mark(now)
      watch()
    },
    end,
    watch,
    stop: () => timer?.cancel(),
  }
}
