import { appendFileSync } from 'node:fs'
import type { Incarnation, Runtime } from '../../src/agents/model.ts'
import type { ProcessKey } from '../../src/platform/proc/process.ts'
import type { Effect, Observation, RuntimeDriver, Target } from '../../src/runtimes/model.ts'

type Verb = 'pause' | 'resume' | 'terminate' | 'resize'

/** One effect as it happened to the target, not as the journal tells it. */
export interface RecordedEffect {
  readonly verb: Verb
  readonly incarnation: Incarnation
}

/**
 * A runtime whose targets are only pretended. It counts at the boundary where something would really be done: a pause
 * of what is paused already, a resume of what runs, a terminate of what has ended count nothing, as with real drivers.
 */
export interface RecordingRuntime extends RuntimeDriver {
  readonly effects: readonly RecordedEffect[]
  count(verb: Verb, incarnation?: Incarnation): number
  /** Calls that changed something or not. */
  readonly calls: readonly RecordedEffect[]
  /** What the last call was told about the target. */
  lastTarget(): Target | undefined
  stateOf(incarnation: Incarnation): Observation
  setState(incarnation: Incarnation, state: Observation): void
  /** The next call of this verb does this instead; `hang` never answers. */
  next(verb: Verb, effect: Partial<Effect> | 'hang' | 'throw'): void
  /** Calls wait until the answer is called. */
  block(verb: Verb): () => void
  /** What `identify` says from now on. */
  identifyAs(incarnation: Incarnation | 'gone' | 'unknown' | undefined): void
}

export interface RecordingOptions {
  readonly kind?: Runtime
  /** Effects are also appended here, synchronously: they survive a kill of the process that records them. */
  readonly file?: string
}

export function recordingRuntime({ kind = 'process', file }: RecordingOptions = {}): RecordingRuntime {
  const states = new Map<Incarnation, Observation>()
  const effects: RecordedEffect[] = []
  const calls: RecordedEffect[] = []
  const scripted = new Map<Verb, (Partial<Effect> | 'hang' | 'throw')[]>()
  const gates = new Map<Verb, Promise<void>>()
  let lastTarget: Target | undefined
  let identity: Incarnation | 'gone' | 'unknown' | undefined

  const stateOf = (incarnation: Incarnation): Observation => states.get(incarnation) ?? 'running'

  function happened(verb: Verb, { incarnation }: Target, state: Observation): void {
    effects.push({ verb, incarnation })
    if (file !== undefined) appendFileSync(file, `${JSON.stringify({ verb, incarnation })}\n`)
    states.set(incarnation, state)
  }

  async function act(
    verb: Verb,
    target: Target,
    mayGoOn: () => boolean,
    work: () => Effect,
  ): Promise<Effect> {
    calls.push({ verb, incarnation: target.incarnation })
    lastTarget = target
    const script = scripted.get(verb)?.shift()
    if (script === 'hang') return new Promise(() => {})
    if (script === 'throw') throw new Error('the driver broke')
    await gates.get(verb)
    if (verb !== 'resume' && !mayGoOn()) return { outcome: 'halted', rung: 'sigstop', touched: false }
    if (script !== undefined) {
      const effect: Effect = { outcome: 'failed', rung: 'sigstop', touched: true, ...script }
      if (effect.touched) effects.push({ verb, incarnation: target.incarnation })
      return effect
    }
    if (stateOf(target.incarnation) === 'gone') return { outcome: 'gone', rung: 'sigstop', touched: false }
    return work()
  }

  return {
    kind,
    effects,
    calls,
    stateOf,
    lastTarget: () => lastTarget,
    count: (verb, incarnation) =>
      effects.filter(
        (effect) => effect.verb === verb && (incarnation === undefined || effect.incarnation === incarnation),
      ).length,
    setState: (incarnation, state) => void states.set(incarnation, state),
    next: (verb, effect) => void scripted.set(verb, [...(scripted.get(verb) ?? []), effect]),
    block(verb) {
      let open = (): void => {}
      gates.set(
        verb,
        new Promise((resolve) => {
          open = resolve
        }),
      )
      return () => {
        gates.delete(verb)
        open()
      }
    },
    identifyAs(incarnation) {
      identity = incarnation
    },

    async identify(target) {
      return identity ?? (stateOf(target.incarnation) === 'gone' ? 'gone' : target.incarnation)
    },
    observe: async ({ incarnation }) => stateOf(incarnation),
    pause: (target, { mayGoOn }) =>
      act('pause', target, mayGoOn, () => {
        if (stateOf(target.incarnation) === 'paused')
          return { outcome: 'noop', rung: 'sigstop', touched: false }
        happened('pause', target, 'paused')
        return {
          outcome: 'done',
          rung: 'sigstop',
          touched: true,
          stopped: keysOf(target),
          stoppedByOthers: [],
        }
      }),
    resume: (target, { mayGoOn }) =>
      act('resume', target, mayGoOn, () => {
        // Half of a stopped tree is continued as well as all of it.
        const state = stateOf(target.incarnation)
        if (state !== 'paused' && state !== 'partial')
          return { outcome: 'noop', rung: 'sigcont', touched: false }
        happened('resume', target, 'running')
        return { outcome: 'done', rung: 'sigcont', touched: true }
      }),
    terminate: (target, { mayGoOn }) =>
      act('terminate', target, mayGoOn, () => {
        happened('terminate', target, 'gone')
        return { outcome: 'done', rung: 'sigterm', touched: true }
      }),
    resize: (target, _size, { mayGoOn }) =>
      act('resize', target, mayGoOn, () => {
        happened('resize', target, stateOf(target.incarnation))
        return { outcome: 'done', rung: 'docker_update', touched: true }
      }),
  }
}

/** The pid that an incarnation of a test names in its third part. */
function keysOf({ incarnation }: Target): ProcessKey[] {
  const [, , pid, startTime] = incarnation.split(':')
  return [{ pid: Number(pid), startTime: Number(startTime) }]
}
