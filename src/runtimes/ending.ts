import type { Clock } from '../platform/clock.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Effect, Rung, Target, TerminateOptions, TreeSnapshot } from './model.ts'
import type { Signal, Signals } from './signals.ts'
import type { Stopped, Stopper } from './stopping.ts'
import { childrenFirst, createKeySet, namePids, survey, withCaged } from './survey.ts'
import type { ProcessState, StateReader } from './task-state.ts'

/** Ends trees: stopped first, so that nothing is forked between the look and the signal. */
export interface Ender {
  terminate(target: Target, tree: TreeSnapshot, options: TerminateOptions): Promise<Effect>
}

export interface EnderParts {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly states: StateReader
  readonly signals: Signals
  readonly stopper: Stopper
  readonly sleep: (ms: number) => Promise<void>
}

const POLL_MS = 25
/** Looking at those who are known is cheap; who is new is looked for this often. */
const PASS_EVERY_MS = 500
const MOST_KILL_PASSES = 20
/** Giving back gigabytes takes a while after the signal. */
const KILL_WAIT_MS = 5
const LONGEST_KILL_WAIT_MS = 100

/** Thrown by a step that may not go on; caught by `terminate` alone. */
const HALTED = Symbol('halted')

export function createEnder({ clock, states, signals, stopper, sleep }: EnderParts): Ender {
  return {
    async terminate(target, first, options) {
      const { mayGoOn, deadlineMs } = options
      let touched = false
      let rung: Rung = 'sigterm'
      let stop: Stopped | undefined
      let continued: readonly ProcessState[] = []

      const isLate = () => clock.monotonic() >= deadlineMs

      function send(keys: readonly ProcessKey[], signal: Signal): ProcessKey[] {
        const denied: ProcessKey[] = []
        for (const key of keys) {
          const sent = signals.toProcess(key, signal, mayGoOn)
          if (sent === 'halted') throw HALTED
          if (sent === 'sent') touched = true
          if (sent === 'denied' || sent === 'refused') denied.push(key)
        }
        return denied
      }

      /** What lives of the tree by a new pass: zombies whose parent does not wait are dead. */
      async function left(): Promise<{ tree: TreeSnapshot; alive: readonly ProcessState[] } | undefined> {
        const seen = (await target.snapshot?.()) ?? { processes: [], groups: [] }
        const tree = withCaged(seen, stop?.cage, states)
        const { alive } = survey(tree, states)
        return alive.length === 0 && tree.groups.length === 0 ? undefined : { tree, alive }
      }

      /** True when all have ended in time. */
      async function grace(graceMs: number): Promise<boolean> {
        const end = Math.min(clock.monotonic() + graceMs, deadlineMs)
        const ours = createKeySet(continued)
        let nextPass = clock.monotonic() + PASS_EVERY_MS
        let known: readonly ProcessKey[] = stop!.tree.processes
        for (;;) {
          if (!mayGoOn()) throw HALTED
          const alive = known.map((key) => states.read(key)).filter(({ standing }) => standing !== 'dead')
          if (alive.length === 0 || clock.monotonic() >= nextPass) {
            nextPass = clock.monotonic() + PASS_EVERY_MS
            const found = await left()
            if (found === undefined || found.alive.length === 0) return true
            known = found.alive
          } else if (alive.every((state) => state.standing === 'stopped' && !ours.has(state))) {
            // Stopped by somebody else: it cannot take its leave, however long it is given.
            return false
          }
          if (clock.monotonic() >= end) return false
          await sleep(POLL_MS)
        }
      }

      /** Group by group and one by one until a pass finds nobody; what is left then. */
      async function kill(): Promise<readonly ProcessKey[]> {
        rung = 'sigkill'
        let denied: readonly ProcessKey[] = []
        let wait = KILL_WAIT_MS
        for (let pass = 0; pass < MOST_KILL_PASSES; pass++) {
          const found = await left()
          if (found === undefined) return []
          // Groups of zombies are there until somebody waits for them: one pass that finds nobody alive says enough.
          if (found.alive.length === 0 && pass > 0) return []
          if (isLate() || (denied.length > 0 && denied.length === found.alive.length)) return found.alive
          if (stop?.cage?.kill !== undefined && stop.cage.holdsOnly(found.tree)) {
            if (!mayGoOn()) throw HALTED
            stop.cage.kill()
          }
          for (const pgrp of found.tree.groups) {
            const sent = signals.toGroup(pgrp, 'SIGKILL', mayGoOn)
            if (sent === 'halted') throw HALTED
          }
          denied = send(found.alive, 'SIGKILL')
          // A frozen process of v1 dies when it is thawed; the signal is there before its own code is.
          stop?.cage?.thaw()
          await sleep(wait)
          wait = Math.min(wait * 2, LONGEST_KILL_WAIT_MS)
        }
        return (await left())?.alive ?? []
      }

      /** Stops the tree. An answer means that it ends here. */
      async function halt(tree: TreeSnapshot, known: Target): Promise<Effect | undefined> {
        stop = await stopper.stop(known, tree, options)
        touched ||= stop.touched
        const { end, running } = stop
        if (end === 'ended') return { outcome: touched ? 'done' : 'gone', rung, touched }
        if (end === 'halted') throw HALTED
        if (end === 'refused') {
          return { outcome: 'failed', rung, touched, detail: 'this program runs inside of the agent' }
        }
        if (end === 'denied' && !touched) {
          return { outcome: 'failed', rung, touched, detail: `process of another user: ${namePids(running)}` }
        }
        if (end === 'late') return late()
        return undefined
      }

      function late(): Effect {
        if (!touched) return { outcome: 'failed', rung, touched, detail: 'the deadline had passed' }
        return { outcome: 'partial', rung, touched, detail: 'the deadline passed', ...standing() }
      }

      /** What stands because of us, for whoever goes on. */
      function standing(): Pick<Effect, 'stopped' | 'stoppedByOthers'> {
        const keys = [...(stop?.stopped ?? target.stopped)]
        const goesOn = createKeySet(continued)
        const stopped = keys.filter((key) => !goesOn.has(key) || states.read(key).standing === 'stopped')
        return { stopped, stoppedByOthers: stop?.stoppedByOthers ?? target.stoppedByOthers }
      }

      function halted(): Effect {
        const rest = standing()
        const count = rest.stopped!.length
        const frozen = stop?.cage?.state() === 'frozen'
        const detail = frozen
          ? 'given up before its end; its control group is frozen'
          : count === 0
            ? 'given up before its end; nothing of it is stopped'
            : `given up before its end; stopped: ${namePids(rest.stopped!)}`
        return { outcome: 'halted', rung, touched, detail, ...rest }
      }

      async function run(): Promise<Effect> {
        const given = await halt(first, target)
        if (given !== undefined) return given
        // SIGTERM before SIGCONT: the other order lets user code run in between (CONTROL 3).
        send(stop!.tree.processes, 'SIGTERM')
        continued = childrenFirst(stop!.stopped.map((key) => states.read(key)))
        send(continued, 'SIGCONT')
        if (stop!.cage !== undefined) {
          if (!mayGoOn()) throw HALTED
          stop!.cage.thaw()
        }
        if (await grace(options.graceMs)) return { outcome: 'done', rung, touched }
        if (isLate()) return late()
        const rest = await left()
        if (rest === undefined) return { outcome: 'done', rung, touched }
        const { stoppedByOthers } = stop!
        const again = await halt(rest.tree, { ...target, stopped: [], stoppedByOthers })
        if (again !== undefined) return again
        const survivors = await kill()
        if (survivors.length === 0) return { outcome: 'done', rung, touched }
        return {
          outcome: 'partial',
          rung,
          touched,
          detail: `still there: ${namePids(survivors)}`,
          ...standing(),
        }
      }

      try {
        return await run()
      } catch (error) {
        if (error === HALTED) return halted()
        throw error
      }
    },
  }
}
