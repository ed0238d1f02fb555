import type { Clock } from '../platform/clock.ts'
import type { Quarry } from '../platform/proc/chase.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Chaser } from './chaser.ts'
import type { Cage, Freezer } from './freezer.ts'
import type { EffectOptions, Rung, Target, TreeSnapshot } from './model.ts'
import type { Sent, Signals } from './signals.ts'
import { createKeySet, keyOf, type Survey, survey, withCaged } from './survey.ts'
import type { ProcessState, StateReader } from './task-state.ts'

/** What stopping a tree came to. */
export interface Stopped {
  /**
   * `still`: one full scan found nothing running, and a second one found the same and no CPU used. `ended`: nothing
   * is left. `left`: something runs. `late`, `halted`, `denied`, `refused`: why nothing more was tried.
   */
  readonly end: 'still' | 'ended' | 'left' | 'late' | 'halted' | 'denied' | 'refused'
  readonly rung: Rung
  readonly touched: boolean
  readonly tree: TreeSnapshot
  /** What runs in spite of it. */
  readonly running: readonly ProcessKey[]
  /** Stopped now, by this or an earlier pause of ours. */
  readonly stopped: readonly ProcessKey[]
  readonly stoppedByOthers: readonly ProcessKey[]
  readonly cage?: Cage
}

/** Stops trees: passes until a full scan finds nothing running. */
export interface Stopper {
  stop(target: Target, tree: TreeSnapshot, options: EffectOptions): Promise<Stopped>
}

export interface StopperParts {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly states: StateReader
  readonly signals: Signals
  readonly freezer: Freezer
  readonly chaser: Chaser
  readonly sleep: (ms: number) => Promise<void>
}

/** CONTROL 3. A tree that outruns this many passes outruns any number. */
const MOST_PASSES = 20
/** A stop takes effect when the target is next scheduled: at once, or after the time slices of a busy host. */
const FIRST_WAIT_MS = 1
const LONGEST_WAIT_MS = 16
/** Between two reads of the CPU time, which counts in ticks of 10 ms: whoever runs shows at least one. */
const STILL_MS = 21
const FREEZE_POLL_MS = 1
/**
 * A task comes to rest when it is next scheduled: on a host with ten times as many busy tasks as processors that took
 * half a second. A task in an uninterruptible sleep keeps its group from being frozen; signals do no better, but know
 * it, and whatever else is in the group rests while it is waited for.
 */
const FREEZE_MS = 1_000

/** `agent-exporter run` and agents that name themselves hand these down to whatever they start. */
function marksOf({ agent, incarnation }: Target): Quarry['marks'] {
  return { AGENT_EXPORTER_AGENT: agent, AGENT_EXPORTER_INCARNATION: incarnation }
}

export function createStopper({ clock, states, signals, freezer, chaser, sleep }: StopperParts): Stopper {
  async function comesToRest(cage: Cage, { deadlineMs, mayGoOn }: EffectOptions): Promise<boolean> {
    const end = Math.min(clock.monotonic() + FREEZE_MS, deadlineMs)
    for (;;) {
      // Asked before the last look: the time may have passed while we slept ourselves.
      const isOver = clock.monotonic() > end || !mayGoOn()
      if (cage.state() === 'frozen') return true
      if (isOver) return false
      await sleep(FREEZE_POLL_MS)
    }
  }

  async function freeze(
    target: Target,
    tree: TreeSnapshot,
    options: EffectOptions,
  ): Promise<Stopped | Cage | undefined> {
    const cage = freezer.find(tree)
    if (cage === undefined) return undefined
    const result = { rung: 'freezer' as const, tree, running: [], stopped: target.stopped, cage }
    const { stoppedByOthers } = target
    if (cage.state() === 'frozen') {
      const all = withCaged(tree, cage, states)
      return { ...result, tree: all, end: 'still', touched: false, stoppedByOthers }
    }
    const others = survey(tree, states).alive.filter(({ standing }) => standing === 'stopped')
    if (!options.mayGoOn()) return { ...result, end: 'halted', touched: false, stoppedByOthers }
    if (!cage.freeze()) return undefined
    const isFrozen = await comesToRest(cage, options)
    // Who was met may have ended by now, with others of the group left.
    const now = (await target.snapshot?.()) ?? tree
    if (isFrozen && cage.holdsOnly(now)) {
      const ours = createKeySet(target.stopped)
      const stoppedByOthers = others.filter((state) => !ours.has(state)).map(keyOf)
      return { ...result, tree: withCaged(now, cage, states), end: 'still', touched: true, stoppedByOthers }
    }
    // Somebody else came in, or it does not come to rest: nobody is left frozen because of us.
    cage.thaw()
    return cage
  }

  return {
    async stop(target, first, options) {
      const ours = createKeySet(target.stopped)
      const others = createKeySet(target.stoppedByOthers)
      const signalled = createKeySet()
      const groups = new Set<number>()
      const denied = createKeySet()
      const caught: ProcessKey[] = []
      let touched = false
      let tree = first
      let found: Survey = survey(tree, states)
      let calm: ReadonlyMap<number, number> | undefined
      let wait = FIRST_WAIT_MS

      const isOurs = (state: ProcessState) =>
        !others.has(state) && (ours.has(state) || signalled.has(state) || groups.has(state.pgrp))

      function result(end: Stopped['end']): Stopped {
        // Given up after signals: they count as they stand now, and a signal that was sent counts also before it works.
        if (end !== 'still') found = survey(tree, states)
        const isSignalled = (state: ProcessState) => signalled.has(state) || groups.has(state.pgrp)
        // Who was caught and did not become a member in time is stopped all the same.
        const members = createKeySet(found.alive)
        const strays = caught.filter((key) => !members.has(key)).map((key) => states.read(key))
        const stopped = [...found.alive, ...strays.filter(({ standing }) => standing !== 'dead')].filter(
          (state) => state.standing === 'stopped' || isSignalled(state),
        )
        return {
          end,
          rung: 'sigstop',
          touched,
          tree,
          running: found.running.map(keyOf),
          stopped: stopped.filter(isOurs).map(keyOf),
          stoppedByOthers: stopped.filter((state) => !isOurs(state)).map(keyOf),
        }
      }

      function toGroup(pgrp: number): Sent {
        const sent = signals.toGroup(pgrp, 'SIGSTOP', options.mayGoOn)
        if (sent === 'sent') groups.add(pgrp)
        return sent
      }

      /** Groups first, then single processes, parents before children. */
      function signal(pass: number): 'halted' | undefined {
        for (const pgrp of found.unseen) if (!groups.has(pgrp) && toGroup(pgrp) === 'halted') return 'halted'
        const reached = new Set<number>()
        for (const pgrp of found.restless) {
          const sent = toGroup(pgrp)
          if (sent === 'halted') return 'halted'
          if (sent !== 'sent') continue
          touched = true
          // A group signal may leave out processes of another user: later passes name everybody.
          if (pass === 0) reached.add(pgrp)
        }
        for (const state of found.running) {
          if (reached.has(state.pgrp) || denied.has(state)) continue
          const sent = signals.toProcess(state, 'SIGSTOP', options.mayGoOn)
          if (sent === 'halted') return 'halted'
          if (sent === 'denied') denied.add(state)
          if (sent !== 'sent') continue
          signalled.add(state)
          touched = true
        }
        return undefined
      }

      /** Whether this scan found just what the one before found, with no CPU used in between. */
      function isCalm(): boolean {
        const before = calm
        calm = new Map(found.alive.map(({ pid, cpuTicks }) => [pid, cpuTicks]))
        return before !== undefined && found.alive.every(({ pid, cpuTicks }) => before.get(pid) === cpuTicks)
      }

      /** The time between two readings, in which whoever outruns them is run after. */
      async function rest(): Promise<void> {
        const member = found.alive[0]
        const uid = member === undefined ? undefined : states.ownerOf(member.pid)
        if (tree.root === undefined || uid === undefined || !options.mayGoOn()) return sleep(STILL_MS)
        const quarry = { marks: marksOf(target), since: tree.root.startTime, uid }
        for (const key of await chaser.chase(quarry, STILL_MS)) {
          caught.push(key)
          signalled.add(key)
          touched = true
        }
      }

      if (clock.monotonic() >= options.deadlineMs) return result('late')
      chaser.warmUp()
      if (tree.processes.some(({ pid }) => signals.isProtected(pid))) return result('refused')
      // Whoever is stopped before the first signal was not stopped by it.
      for (const state of found.alive) if (state.standing === 'stopped' && !ours.has(state)) others.add(state)

      if (found.running.length > 0) {
        const frozen = await freeze(target, tree, options)
        if (frozen !== undefined && 'end' in frozen) return frozen
        touched = frozen !== undefined
      }

      for (let pass = 0; pass < MOST_PASSES; pass++) {
        if (pass > 0) {
          const now = await target.snapshot?.('strays')
          if (now === undefined) return result('ended')
          tree = now
          found = survey(tree, states)
          // What only a group signal could reach counts once it is seen.
          touched ||= found.alive.some(({ pgrp }) => groups.has(pgrp))
          for (const state of found.alive)
            if (state.standing === 'stopped' && !isOurs(state)) others.add(state)
        }
        if (found.alive.length === 0 && found.unseen.every((pgrp) => groups.has(pgrp))) return result('ended')
        if (tree.processes.some(({ pid }) => signals.isProtected(pid))) return result('refused')
        if (clock.monotonic() >= options.deadlineMs) return result('late')
        if (found.running.length === 0 && found.unseen.every((pgrp) => groups.has(pgrp))) {
          if (isCalm()) return result('still')
          await rest()
          continue
        }
        calm = undefined
        if (found.running.length > 0 && found.running.every((state) => denied.has(state)))
          return result('denied')
        if (signal(pass) === 'halted') return result('halted')
        if (!touched && found.running.length > 0 && found.running.every((state) => denied.has(state))) {
          return result('denied')
        }
        await sleep(wait)
        wait = Math.min(wait * 2, LONGEST_WAIT_MS)
      }
      return result('left')
    },
  }
}
