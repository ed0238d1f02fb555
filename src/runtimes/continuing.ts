import type { Clock } from '../platform/clock.ts'
import type { Cage, Freezer } from './freezer.ts'
import type { Effect, EffectOptions, Target, TreeSnapshot } from './model.ts'
import type { Sent, Signals } from './signals.ts'
import { childrenFirst, createKeySet, namePids } from './survey.ts'
import type { ProcessState, StateReader } from './task-state.ts'

/** Lets go on what we stopped, and sees whether it stays so. */
export interface Continuer {
  resume(target: Target, tree: TreeSnapshot | 'gone', options: EffectOptions): Promise<Effect>
}

export interface ContinuerParts {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly states: StateReader
  readonly signals: Signals
  readonly freezer: Freezer
  readonly sleep: (ms: number) => Promise<void>
}

/** A terminal stops its background reader within 50 ms (CONTROL 3); a second shows everything else, too. */
const WATCH_MS = 1_000
const POLL_MS = 50

const ALWAYS = () => true

/** `pts/3`; unix98 terminals have the majors 136 to 143 (Documentation/admin-guide/devices.txt). */
export function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00)
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`
  return major === 4 ? `tty${minor}` : `terminal ${major}:${minor}`
}

/** Stopped by its terminal: it is in the background there (setpgid(2), `SIGTTIN` and `SIGTTOU` in signal(7)). */
function isInBackground({ standing, terminal, foregroundGroup, pgrp }: ProcessState): boolean {
  return standing === 'stopped' && terminal !== 0 && foregroundGroup !== pgrp
}

export function createContinuer({ clock, states, signals, freezer, sleep }: ContinuerParts): Continuer {
  function thaw(cage: Cage | undefined): 'thawed' | 'failed' | undefined {
    if (cage === undefined || (cage.state() !== 'frozen' && cage.state() !== 'freezing')) return undefined
    return cage.thaw() ? 'thawed' : 'failed'
  }

  /** Looks until the second is over, or until the terminal has answered. */
  async function watch(
    continued: readonly ProcessState[],
    cage: Cage | undefined,
    deadlineMs: number,
  ): Promise<Effect> {
    const done = { outcome: 'done', rung: cage === undefined ? 'sigcont' : 'freezer', touched: true } as const
    const end = clock.monotonic() + WATCH_MS
    for (;;) {
      await sleep(POLL_MS)
      const now = continued.map((key) => states.read(key))
      const background = now.find(isInBackground)
      if (background !== undefined) {
        const where = terminalName(background.terminal)
        const detail = `continued, but its terminal stopped it again: run \`fg\` in ${where}`
        return { ...done, outcome: 'needs_foreground', detail }
      }
      if (clock.monotonic() >= end) {
        const again = now.filter(({ standing }) => standing === 'stopped')
        if (again.length > 0) {
          return { ...done, outcome: 'partial', detail: `stopped again by somebody: ${namePids(again)}` }
        }
        if (cage !== undefined && cage.state() !== 'thawed') {
          return {
            ...done,
            outcome: 'partial',
            detail: 'its control group is still frozen, perhaps by one above it',
          }
        }
        return done
      }
      if (clock.monotonic() >= deadlineMs) {
        return {
          ...done,
          outcome: 'partial',
          detail: 'continued; no time was left to see whether it stays so',
        }
      }
    }
  }

  return {
    async resume(target, tree, { deadlineMs }) {
      const known = target.stopped.map((key) => states.read(key))
      const left = known.filter(({ standing }) => standing !== 'dead')
      if (left.length === 0 && (tree === 'gone' || tree.processes.length === 0))
        return { outcome: 'gone', rung: 'sigcont', touched: false }
      if (clock.monotonic() >= deadlineMs) {
        return { outcome: 'failed', rung: 'sigcont', touched: false, detail: 'the deadline had passed' }
      }
      const cage = tree === 'gone' ? undefined : freezer.find(tree)
      const thawed = thaw(cage)
      const results = new Map<ProcessState, Sent>()
      for (const state of childrenFirst(left)) {
        if (state.standing !== 'stopped') continue
        results.set(state, signals.toProcess(state, 'SIGCONT', ALWAYS))
      }
      const continued = [...results].filter(([, sent]) => sent === 'sent').map(([state]) => state)
      const denied = [...results].filter(([, sent]) => sent === 'denied' || sent === 'refused')
      const touched = continued.length > 0 || thawed === 'thawed'
      if (denied.length > 0 || thawed === 'failed') {
        const keys = createKeySet(continued)
        const detail =
          thawed === 'failed'
            ? 'its control group may not be thawed'
            : `process of another user: ${namePids(denied.map(([state]) => state))}`
        const stopped = target.stopped.filter((key) => !keys.has(key))
        return { outcome: touched ? 'partial' : 'failed', rung: 'sigcont', touched, detail, stopped }
      }
      if (!touched) return { outcome: 'noop', rung: 'sigcont', touched }
      return watch(continued, thawed === undefined ? undefined : cage, deadlineMs)
    },
  }
}
