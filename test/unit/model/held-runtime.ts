import type { Incarnation } from '../../../src/agents/model.ts'
import type { Effect, RuntimeDriver, Target } from '../../../src/runtimes/model.ts'
import type { RecordingRuntime } from '../../support/recording-runtime.ts'

export type Verb = 'pause' | 'resume' | 'terminate'

/** What was really done to a target, and what stood against it at that moment. */
export interface Deed {
  readonly verb: Verb
  readonly incarnation: Incarnation
  readonly killSwitch: boolean
}

/** One call that the daemon waits for. Nothing happens to the target before `begin`, nobody hears of it before `end`. */
export interface Call {
  readonly verb: Verb
  readonly incarnation: Incarnation
  begun: 'no' | 'half' | 'yes'
  /** A part of the tree is stopped. */
  half(): void
  begin(): Promise<void>
  end(): Promise<void>
}

export interface HeldRuntime {
  driver: RuntimeDriver
  readonly calls: Call[]
}

/** One run's way to the targets: a run that is gone does nothing more, whatever it had begun. */
export function heldRuntime(
  inner: RecordingRuntime,
  options: {
    readonly alive: () => boolean
    readonly pace: () => 'instant' | 'held'
    readonly deeds: Deed[]
    readonly killSwitch: () => boolean
  },
): HeldRuntime {
  const calls: Call[] = []

  async function act(
    verb: Verb,
    target: Target,
    mayGoOn: () => boolean,
    run: () => Promise<Effect>,
  ): Promise<Effect> {
    const { incarnation } = target
    const done = async (): Promise<Effect> => {
      const before = inner.effects.length
      const effect = await run()
      if (inner.effects.length > before)
        options.deeds.push({ verb, incarnation, killSwitch: options.killSwitch() })
      return effect
    }
    if (!options.alive()) return new Promise(() => {})
    if (options.pace() === 'instant') return done()
    return new Promise((resolve) => {
      // Who was given up does nothing more.
      const isGivenUp = () => !mayGoOn() && !options.killSwitch()
      let effect: Effect | undefined
      let wasHalf = false
      const call: Call = {
        verb,
        incarnation,
        begun: 'no',
        half() {
          if (!mayGoOn() || inner.stateOf(incarnation) !== 'running') return
          this.begun = 'half'
          wasHalf = true
          inner.setState(incarnation, 'partial')
        },
        async begin() {
          if (isGivenUp()) return
          this.begun = 'yes'
          effect = await done()
        },
        async end() {
          if (effect === undefined) await this.begin()
          calls.splice(calls.indexOf(call), 1)
          if (effect === undefined) return
          resolve(
            effect.outcome === 'halted' && wasHalf ? { ...effect, ...stoppedPart(incarnation) } : effect,
          )
        },
      }
      calls.push(call)
    })
  }

  return {
    calls,
    driver: {
      kind: inner.kind,
      identify: (target) => inner.identify(target),
      observe: (target) => inner.observe(target),
      pause: (target, asked) => act('pause', target, asked.mayGoOn, () => inner.pause(target, asked)),
      resume: (target, asked) => act('resume', target, asked.mayGoOn, () => inner.resume(target, asked)),
      terminate: (target, asked) =>
        act('terminate', target, asked.mayGoOn, () => inner.terminate(target, asked)),
    },
  }
}

/** A driver that is told to go no further says what it has stopped by then. */
function stoppedPart(incarnation: Incarnation): Pick<Effect, 'touched' | 'stopped'> {
  const [, , pid, startTime] = incarnation.split(':').map(Number)
  return { touched: true, stopped: [{ pid: pid!, startTime: startTime! }] }
}
