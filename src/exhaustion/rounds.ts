import type { Agent } from '../agents/model.ts'
import type { Control } from '../control/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Enforcement } from './enforcement.ts'
import type { Enrolments } from './enrolment.ts'
import { msToTermination } from './judge.ts'
import type { ExhaustionConfig } from './limits.ts'
import type { Tracked } from './tracked.ts'
import type { Watch } from './watch.ts'

const DAY_MS = 86_400_000

export interface RoundsDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly agents: { list(): Iterable<Agent> }
  readonly control: Pick<Control, 'isTerminal'>
  readonly config: () => ExhaustionConfig
  readonly enrolments: Pick<Enrolments, 'touch'>
  readonly enforcement: Enforcement
  readonly watch: Watch
  readonly isRunning: () => boolean
}

/** The backstop: every agent is looked at once per interval, whatever else brings it up. */
export interface Rounds {
  /** Everything once, now and after each interval: what no record and no timer has brought up, what is still owed. */
  begin(): void
  /** Asks for the end of an agent whose time is over. */
  endIfDue(tracked: Tracked): void
  stop(): void
}

export function createRounds(dependencies: RoundsDependencies): Rounds {
  const { clock, log, agents, control, config, enrolments, enforcement, watch, isRunning } = dependencies
  let backstop: Timer | undefined
  let touchedAtMs = Number.NEGATIVE_INFINITY

  function endIfDue(tracked: Tracked): void {
    const { agent, state } = tracked
    if (!isRunning() || !config().enabled || agent.endedAtMs !== undefined) return
    if (msToTermination(state, config(), watch.now()) === 0) enforcement.terminate(tracked)
  }

  function judgeAll(): void {
    for (const agent of agents.list()) {
      const tracked = watch.track(agent)
      watch.judge(tracked)
      if (!config().enabled || agent.endedAtMs !== undefined || control.isTerminal(agent.id)) continue
      if (enforcement.owesPause(tracked)) enforcement.pause(tracked, undefined)
      endIfDue(tracked)
    }
    watch.prune()
    if (clock.monotonic() - touchedAtMs >= DAY_MS) touch()
  }

  function touch(): void {
    touchedAtMs = clock.monotonic()
    const live = [...agents.list()].filter(({ endedAtMs }) => endedAtMs === undefined)
    for (const agent of live) watch.save(watch.track(agent))
    enrolments.touch(live).catch((error: unknown) => {
      log.warn('enrolments were not marked as seen', { error: String(error) })
    })
  }

  function arm(): void {
    backstop?.cancel()
    backstop = clock.setTimer(config().checkIntervalMs, () => {
      judgeAll()
      if (isRunning()) arm()
    })
  }

  return {
    begin() {
      judgeAll()
      arm()
    },
    endIfDue,
    stop: () => backstop?.cancel(),
  }
}
