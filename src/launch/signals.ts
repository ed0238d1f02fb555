import type { Clock, Timer } from '../platform/clock.ts'
import type { RunningChild } from './child.ts'

/** Handed to the child as they come. */
const TO_CHILD = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const
/** A terminal sends these to its whole foreground group, so on one the child has them already. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const

export interface SignalsOptions {
  readonly clock: Clock
  readonly child: Pick<RunningChild, 'signal' | 'signalGroup'>
  /** `shared`: the child is in our process group, on a terminal. */
  readonly session: 'shared' | 'own'
  /** Between a first SIGTERM and the end of the whole tree, milliseconds. */
  readonly graceMs: number
  /** Ends the tree at once. */
  readonly killTree: () => void
  /** Where the signals arrive; this process. */
  readonly source: Pick<NodeJS.Process, 'on' | 'off'>
}

export interface SignalForwarding {
  /** The child has ended: whoever sends another signal does not want to wait for what is left of it. */
  childEnded(hurry: () => void): void
  stop(): void
}

/**
 * Hands signals to the child. Stop signals of the terminal keep their default: Ctrl-Z stops us and the child
 * together, as the shell expects of a job.
 */
export function forwardSignals(options: SignalsOptions): SignalForwarding {
  const { clock, child, session, graceMs, killTree, source } = options
  const listeners: [NodeJS.Signals, () => void][] = []
  let terminated = false
  let grace: Timer | undefined
  let hurry: (() => void) | undefined

  function on(signal: NodeJS.Signals, run: () => void): void {
    listeners.push([signal, run])
    source.on(signal, run)
  }

  function terminate(): void {
    if (terminated) {
      killTree()
      return
    }
    terminated = true
    child.signal('SIGTERM')
    grace = clock.setTimer(graceMs, killTree)
  }

  for (const signal of TO_CHILD) {
    on(signal, () => {
      if (hurry !== undefined) {
        if (signal === 'SIGTERM' || signal === 'SIGHUP') hurry()
      } else if (signal === 'SIGTERM') terminate()
      else child.signal(signal)
    })
  }
  for (const signal of FROM_TERMINAL) {
    on(signal, () => {
      if (hurry !== undefined) {
        if (signal === 'SIGINT') hurry()
      } else if (session === 'own') child.signalGroup(signal)
    })
  }

  return {
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
