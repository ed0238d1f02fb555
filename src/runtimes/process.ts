import { setTimeout as delay } from 'node:timers/promises'
import type { ProcessSpace } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { readBootId, readPidNamespace } from '../platform/proc/kernel-facts.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { createChaser } from './chaser.ts'
import { createContinuer } from './continuing.ts'
import { createEnder } from './ending.ts'
import { createFreezer } from './freezer.ts'
import { createLives } from './life.ts'
import type { Effect, Rung, RuntimeDriver, Target, TreeSnapshot } from './model.ts'
import { createSignals, type Kill } from './signals.ts'
import { createStopper, type Stopped } from './stopping.ts'
import { createKeySet, keyOf, namePids, survey } from './survey.ts'
import { createStateReader } from './task-state.ts'

export interface ProcessRuntimeOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>
  readonly procRoot?: string
  /** Where the control groups are mounted. */
  readonly cgroupRoot?: string
  readonly ownPid?: number
  /** Where pids mean something; this boot and our own pid namespace when left out. */
  readonly space?: ProcessSpace
  /** Resolves after this many milliseconds. */
  readonly sleep?: (ms: number) => Promise<void>
  readonly kill?: Kill
}

export interface ProcessRuntime extends RuntimeDriver {
  /**
   * Who of the tree is stopped already. Written down with an intent to pause, so that after a crash in the middle
   * what is stopped besides these is known to be ours. `undefined`: the tree has ended or cannot be read.
   */
  stoppedNow(target: Target): Promise<readonly ProcessKey[] | undefined>
}

/**
 * Acts on trees of processes by freezing their control group, where they have one to themselves, and by signals
 * otherwise.
 *
 * A pid counts only in our own pid namespace and boot. Members in a namespace below ours (a bubblewrap sandbox)
 * belong to the tree by descent, have a number in ours too, and are signalled by that one.
 */
export function createProcessRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  const { clock, procRoot = '/proc', cgroupRoot = '/sys/fs/cgroup', ownPid = process.pid } = options
  const sleep = options.sleep ?? ((ms: number) => delay(ms))
  const kill = options.kill ?? ((pid, signal) => void process.kill(pid, signal))
  const space = options.space ?? ownSpace(procRoot)
  const states = createStateReader(procRoot)
  const signals = createSignals({ states, ownPid, kill })
  const isDead = (pid: number) => {
    const found = states.whoIs(pid)
    return found === undefined || states.read(found).standing === 'dead'
  }
  const parentOf = (pid: number) => states.whoIs(pid)?.ppid
  const freezer = createFreezer({ procRoot, cgroupRoot, ownPid, isDead, parentOf, ownerOf: states.ownerOf })
  const chaser = createChaser({ procRoot, clock })
  const parts = { clock, states, signals, freezer, chaser, sleep }
  const stopper = createStopper(parts)
  const continuer = createContinuer(parts)
  const ender = createEnder({ ...parts, stopper })
  const lives = space === undefined ? undefined : createLives({ space, states })

  /** The effect on the life that is meant, or why there is none. */
  async function on(
    target: Target,
    rung: Rung,
    act: (tree: TreeSnapshot | 'gone') => Promise<Effect>,
  ): Promise<Effect> {
    const nothing = { rung, touched: false }
    if (lives === undefined) {
      return { ...nothing, outcome: 'failed', detail: 'processes can be stopped only where there is a /proc' }
    }
    let tree: TreeSnapshot | 'gone'
    try {
      tree = await lives.find(target)
    } catch (error) {
      return { ...nothing, outcome: 'failed', detail: String(error) }
    }
    try {
      return await act(tree)
    } catch (error) {
      // Something may have been done before it failed.
      return { rung, touched: true, outcome: 'failed', detail: String(error) }
    }
  }

  const gone = (rung: Rung): Effect => ({ outcome: 'gone', rung, touched: false })

  return {
    kind: 'process',

    async identify(target) {
      try {
        return (await lives?.identify(target)) ?? 'unknown'
      } catch {
        return 'unknown'
      }
    },

    pause: (target, effectOptions) =>
      on(target, 'sigstop', async (tree) => {
        if (tree === 'gone') return gone('sigstop')
        return pauseEffect(await stopper.stop(target, tree, effectOptions))
      }),

    resume: (target, effectOptions) =>
      on(target, 'sigcont', (tree) => continuer.resume(target, tree, effectOptions)),

    terminate: (target, effectOptions) =>
      on(target, 'sigterm', async (tree) =>
        tree === 'gone' ? gone('sigterm') : ender.terminate(target, tree, effectOptions),
      ),

    async observe(target) {
      try {
        const tree = await lives?.find(target)
        if (tree === undefined) return 'unknown'
        if (tree === 'gone') return 'gone'
        const { alive } = survey(tree, states)
        if (alive.length === 0) return 'gone'
        if (alive.some(({ standing }) => standing === 'unknown')) return 'unknown'
        const stopped = alive.filter(({ standing }) => standing === 'stopped')
        if (stopped.length === alive.length || freezer.find(tree)?.state() === 'frozen') return 'paused'
        const others = createKeySet(target.stoppedByOthers)
        return stopped.every((state) => others.has(state)) ? 'running' : 'partial'
      } catch {
        return 'unknown'
      }
    },

    async stoppedNow(target) {
      try {
        const tree = await lives?.find(target)
        if (tree === undefined || tree === 'gone') return undefined
        return survey(tree, states)
          .alive.filter(({ standing }) => standing === 'stopped')
          .map(keyOf)
      } catch {
        return undefined
      }
    },
  }
}

function ownSpace(procRoot: string): ProcessSpace | undefined {
  const bootId = readBootId(procRoot)
  const pidNamespace = readPidNamespace('self', procRoot)
  return bootId === undefined || pidNamespace === undefined
    ? undefined
    : { bootId, pidNamespace: String(pidNamespace) }
}

function pauseEffect({ end, rung, touched, running, stopped, stoppedByOthers }: Stopped): Effect {
  const known = { rung, touched, stopped, stoppedByOthers }
  const held = stopped.length === 0 ? 'nothing of it is stopped' : `stopped: ${namePids(stopped)}`
  switch (end) {
    case 'still':
      return { ...known, outcome: touched ? 'done' : 'noop' }
    case 'ended':
      return { rung, touched, outcome: 'gone' }
    case 'halted':
      return { ...known, outcome: 'halted', detail: `given up before all was stopped; ${held}` }
    case 'refused':
      return { ...known, outcome: 'failed', detail: 'this program runs inside of the agent' }
    case 'denied': {
      const detail = `process of another user: ${namePids(running)}`
      return { ...known, outcome: touched ? 'partial' : 'failed', detail }
    }
    case 'late':
      if (!touched) return { ...known, outcome: 'failed', detail: 'the deadline had passed' }
      return {
        ...known,
        outcome: 'partial',
        detail: `the deadline passed; still running: ${namePids(running)}`,
      }
    case 'left':
      return { ...known, outcome: 'partial', detail: `still running: ${namePids(running)}` }
  }
}
