import type { Clock, Timer } from '../platform/clock.ts'
import type { RunningChild } from './child.ts'

/** Handed to the child as they come. */
const TO_CHILD = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const
/** A terminal sends these to its whole foreground group, so on one the child has them already. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const

export interface SignalsOptions {
  readonly clock: Clock
  /** `shared`: the child is in our process group, on a terminal. */
  readonly session: 'shared' | 'own'
  /** Between a first SIGTERM and the end of the whole tree, milliseconds. */
  readonly graceMs: number
  /** Where the signals arrive; this process. */
  readonly source: Pick<NodeJS.Process, 'on' | 'off'>
}

/** Who gets the signals. */
export interface SignalTarget {
  readonly child: Pick<RunningChild, 'signal' | 'signalGroup'>
  /** Ends the tree at once. */
  readonly killTree: () => void
}

export interface SignalForwarding {
  /** The child is there. What came before is handed on now: until then nobody else would have known of the child. */
  begun(target: SignalTarget): void
  /** The child has ended: whoever sends another signal does not want to wait for what is left of it. */
  childEnded(hurry: () => void): void
  stop(): void
}

/**
 * Hands signals to the child. Stop signals of the terminal keep their default: Ctrl-Z stops us and the child
 * together, as the shell expects of a job.
 */
export function forwardSignals(options: SignalsOptions): SignalForwarding {
  const { clock, session, graceMs, source } = options
  const listeners: [NodeJS.Signals, () => void][] = []
  const early: (() => void)[] = []
  let target: SignalTarget | undefined
  let terminated = false
  let grace: Timer | undefined
  let hurry: (() => void) | undefined

  function on(signal: NodeJS.Signals, handOn: (to: SignalTarget) => void): void {
    const run = (): void => {
      if (target === undefined) early.push(run)
      else handOn(target)
    }
    listeners.push([signal, run])
    source.on(signal, run)
  }

  function terminate({ child, killTree }: SignalTarget): void {
    if (terminated) {
      killTree()
      return
    }
    terminated = true
    child.signal('SIGTERM')
    grace = clock.setTimer(graceMs, killTree)
  }

  for (const signal of TO_CHILD) {
    on(signal, (to) => {
      if (hurry !== undefined) {
        if (signal === 'SIGTERM' || signal === 'SIGHUP') hurry()
      } else if (signal === 'SIGTERM') terminate(to)
      else to.child.signal(signal)
    })
  }
  for (const signal of FROM_TERMINAL) {
    on(signal, ({ child }) => {
      if (hurry !== undefined) {
        if (signal === 'SIGINT') hurry()
      } else if (session === 'own') child.signalGroup(signal)
    })
  }

  return {
    begun(to) {
      target = to
      for (const run of early.splice(0)) run()
    },
    childEnded(run) {
      grace?.cancel()
      hurry = run
    },
    stop() {
      grace?.cancel()
      for (const [signal, run] of listeners) source.off(signal, run)
    },
  }
}
