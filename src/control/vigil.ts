import type { Agent, AgentId, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import type { Effect, RuntimeDriver, Target } from '../runtimes/model.ts'
import { type Held, type HoldBoard, joined, verified, without } from './holds.ts'
import type { Lanes } from './lanes.ts'
import type { ActionEntry } from './model.ts'
import { type ActionRecord, changed } from './record.ts'

/**
 * Looks after those who are held. A pause is verified once; afterwards anybody with the agent's user may continue it,
 * and a process that nobody met may turn up. Whoever runs although it is held is stopped again: the same line of the
 * journal, one attempt more. Not for ever: who is continued again and again is told, not fought.
 */
export interface Vigil {
  /** Call it after each sample. */
  look(): void
}

export interface VigilDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Log
  readonly moment: () => Moment
  readonly board: HoldBoard
  readonly lanes: Lanes
  readonly agents: { get(id: AgentId): Agent | undefined }
  readonly runtimes: Partial<Record<Agent['runtime'], RuntimeDriver>>
  readonly target: (agent: Agent, held: Held) => Target
  /** Whether anything but a resume may be done now. */
  readonly mayAct: () => boolean
  readonly find: (actionId: string) => Promise<ActionRecord | undefined>
  readonly save: (record: ActionRecord | undefined, held: Held) => Promise<unknown>
  /** It was stopped again; `first`: and never all of it before. */
  readonly restored: (entry: ActionEntry, which: 'first' | 'again') => void
}

/** After the pause: what was forking while it was stopped shows itself in seconds, or not at all. */
const LOOKS_AFTER_MS = [1_000, 3_000, 10_000]
/** An agent that a sample shows running is looked at this often. */
const LOOK_AGAIN_MS = 5_000
/** As often an agent is stopped again. Then somebody wants it to run: a person, or the agent. */
const MOST_RESTORED = 3
const WITHIN_MS = 5_000

interface Watch {
  readonly since: number
  looks: number
  lookedAt: number
  restored: number
}

export function createVigil(deps: VigilDeps): Vigil {
  const { clock, log, moment, board, lanes, agents, runtimes, mayAct } = deps
  const watches = new Map<Incarnation, Watch>()

  function isDue(agent: Agent, watch: Watch, now: number): boolean {
    const after = LOOKS_AFTER_MS[watch.looks]
    if (after !== undefined && now - watch.since >= after) {
      watch.looks++
      return true
    }
    return agent.state !== 'paused' && now - watch.lookedAt >= LOOK_AGAIN_MS
  }

  function watchOf(incarnation: Incarnation, now: number): Watch {
    const known = watches.get(incarnation)
    if (known !== undefined) return known
    const watch = { since: now, looks: 0, lookedAt: now, restored: 0 }
    watches.set(incarnation, watch)
    return watch
  }

  async function stopAgain(agent: Agent, driver: RuntimeDriver, watch: Watch): Promise<void> {
    const known = board.of(agent.incarnation)
    if (known === undefined || agent.endedAtMs !== undefined || !mayAct()) return
    const held = agent.state === 'paused' ? known : await withEverybody(agent, known)
    if (board.of(agent.incarnation) !== held || !mayAct()) return
    const options = { deadlineMs: clock.monotonic() + WITHIN_MS, mayGoOn: mayAct }
    const effect = await driver.pause(deps.target(agent, held), options)
    const isStill = effect.outcome === 'done' || effect.outcome === 'noop'
    const wasPartial = [...held.holds.values()].every(({ partial }) => partial === true)
    if (!effect.touched && !(isStill && wasPartial)) return
    if (effect.touched) watch.restored++
    await writeDown(held, effect, isStill, wasPartial)
  }

  /**
   * Whoever runs is about to be stopped: written down before, so that a resume knows all of them also when the daemon
   * is killed in between. Who is in the list and runs is left alone by a resume.
   */
  async function withEverybody(agent: Agent, known: Held): Promise<Held> {
    const tree = await deps.target(agent, known).snapshot?.()
    const all = tree?.processes.map(({ pid, startTime }) => ({ pid, startTime })) ?? []
    const held = { ...known, stopped: joined(known.stopped, without(all, known.stoppedByOthers)) }
    if (board.of(agent.incarnation) !== known) return known
    board.put(held)
    await deps.save(undefined, held)
    return held
  }

  async function writeDown(
    before: Held,
    effect: Effect,
    isStill: boolean,
    wasPartial: boolean,
  ): Promise<void> {
    const ours = joined(before.stopped, effect.stopped ?? [])
    const held: Held = {
      ...before,
      holds: isStill ? verified(before.holds) : before.holds,
      stopped: ours,
      stoppedByOthers: without(joined(before.stoppedByOthers, effect.stoppedByOthers ?? []), ours),
    }
    // A person may have resumed it meanwhile in another way than through its lane: nobody is held anew here.
    if (board.of(before.incarnation) !== before) return
    board.put(held)
    const [hold] = held.holds.values()
    const record = hold && (await deps.find(hold.actionId))
    const which = isStill && wasPartial ? 'first' : 'again'
    const detail = isStill
      ? 'it ran although it was held, and was stopped again'
      : `it runs although it is held: ${effect.detail ?? effect.outcome}`
    const again = record && changed(record, { attempt: record.entry.attempt + 1, detail, ...seen(isStill) })
    await deps.save(again, held)
    log.warn(detail, { agent: before.agent, action: hold?.actionId })
    if (isStill && again !== undefined) deps.restored(again.entry, which)
  }

  function seen(isStill: boolean): Partial<ActionEntry> {
    return isStill ? { verifiedAt: moment().wallMs } : {}
  }

  return {
    look() {
      const now = clock.monotonic()
      const held = new Set<Incarnation>()
      for (const { agent: id, incarnation } of board.list()) {
        held.add(incarnation)
        const agent = agents.get(id)
        if (agent?.incarnation !== incarnation || agent.endedAtMs !== undefined) continue
        const driver = agent.runtime === 'cooperative' ? undefined : runtimes[agent.runtime]
        const watch = watchOf(incarnation, now)
        if (driver === undefined || watch.restored >= MOST_RESTORED || !mayAct()) continue
        if (lanes.waiting(id) > 0 || !isDue(agent, watch, now)) continue
        watch.lookedAt = now
        void lanes
          .inTurn(id, () => stopAgain(agent, driver, watch))
          .catch((error: unknown) =>
            log.warn('a held agent was not looked after', { agent: id, error: String(error) }),
          )
      }
      for (const incarnation of watches.keys()) if (!held.has(incarnation)) watches.delete(incarnation)
    },
  }
}
