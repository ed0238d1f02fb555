import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import {
  type ActionEntry,
  type ActionRequest,
  type Control,
  type HoldCause,
  isSettled,
} from '../control/model.ts'
import type { Clock } from '../platform/clock.ts'
import { createLimiter } from '../platform/limiter.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import { resultOf } from './results.ts'
import type { Entry } from './table.ts'
import type { AlertVerdict, Answer } from './verdict.ts'

/** Whether Alertmanager itself says that it fires. */
export type Confirmation = 'fires' | 'silent' | 'unreachable' | 'not_configured'

export interface AskingOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly moment: () => Moment
  readonly log: Log
  readonly control: Pick<Control, 'request' | 'settled' | 'holds'>
  readonly confirm: (entry: Entry) => Promise<Confirmation>
  /** Whether the alert, by what is known now, still asks for it; asked when its turn has come. */
  readonly isWanted: (entry: Entry) => boolean
  /** Told how it ended; nothing is told of what still waits when `signal` aborts. */
  readonly answered: (answer: Answer) => void
  readonly signal: AbortSignal
}

export type Deed = Extract<AlertVerdict, { kind: 'act' | 'resume' }>
type Outcome = Pick<Answer, 'result' | 'detail'>

/**
 * Who is asked for is looked for among all processes, half a millisecond without a pause. A storm of alerts asks
 * thousands of times: a few at a time, with a turn of the loop for the next notifications in between. What is only
 * rehearsed keeps nothing waiting that is meant, and takes a tenth of the time.
 */
const DEEDS_AT_ONCE = 4
const LEISURE = 9

/** Asks the action plane for what the judge wants, and brings back what became of it. Waits for nobody. */
export function createAsking(options: AskingOptions): { perform(deed: Deed): void } {
  const { clock, moment, log, control, signal } = options

  async function outcomeOf(deed: Deed): Promise<Outcome | undefined> {
    const { entry, request } = deed
    // A resume is not asked about: whoever has the hold alone can let go of it, also when the next episode has begun.
    if (deed.kind === 'resume') return await ask(request, () => true)
    const isWanted = () => options.isWanted(entry)
    if (request.action === 'resume') return await releaseAll(entry, request, isWanted)
    if (request.action === 'terminate') {
      const doubt = await doubtOf(entry)
      if (doubt !== undefined) return { result: 'owed', detail: doubt }
    }
    const sinceMs = Math.max(0, clock.now() - entry.startsAtMs)
    return await ask({ ...request, crossedAtMs: clock.monotonic() - sinceMs }, isWanted)
  }

  const rehearsals = createLimiter(1)
  const deeds = createLimiter(DEEDS_AT_ONCE)

  async function ask(request: ActionRequest, isWanted: () => boolean): Promise<Outcome | undefined> {
    // Only to be let in waits for a turn: an approval may take a day.
    let answer = request.dryRun
      ? await rehearsals(() => letIn(request, isWanted, 'at leisure'))
      : await deeds(() => letIn(request, isWanted, 'at once'))
    if (answer === 'unwanted') return { result: 'owed', detail: 'it was over before its turn came' }
    if (answer === undefined) return undefined
    if (!isSettled(answer)) answer = await control.settled(answer.id, signal)
    const result = resultOf(answer)
    if (result === undefined) return undefined
    const { status, refusal, detail } = answer
    const words = [refusal ?? status, ...(detail === undefined ? [] : [detail])].join(': ')
    return { result, detail: words }
  }

  async function letIn(
    request: ActionRequest,
    isWanted: () => boolean,
    pace: 'at once' | 'at leisure',
  ): Promise<ActionEntry | 'unwanted' | undefined> {
    await setImmediate()
    if (signal.aborted) return undefined
    if (!isWanted()) return 'unwanted'
    const begunMs = clock.monotonic()
    const answer = await control.request(request)
    const tookMs = clock.monotonic() - begunMs
    if (pace === 'at leisure' && tookMs > 0) await delay(LEISURE * tookMs, undefined, { ref: false })
    return answer
  }

  /** A rule that lets agents go on ends what alerts began, never what people, budgets or memory did. */
  async function releaseAll(
    { agent }: Entry,
    request: ActionRequest,
    isWanted: () => boolean,
  ): Promise<Outcome | undefined> {
    const holds = [...control.holds(agent).keys()].filter((cause) => cause.startsWith('alert:'))
    if (holds.length === 0) return { result: 'over', detail: 'no alert holds it' }
    let sum: Outcome = { result: 'done' }
    for (const hold of holds) {
      const outcome = await ask(releaseOf(request, hold), isWanted)
      if (outcome === undefined) return undefined
      if (sum.result !== 'owed' && outcome.result !== 'done') sum = outcome
    }
    return sum
  }

  /** What cannot be undone is done only while Alertmanager itself says so, where it can be asked. */
  async function doubtOf(entry: Entry): Promise<string | undefined> {
    switch (await options.confirm(entry)) {
      case 'silent':
        return 'Alertmanager does not say any more that it fires'
      case 'unreachable':
        return 'Alertmanager could not be asked whether it still fires'
      case 'fires':
      case 'not_configured':
        return undefined
    }
  }

  async function perform(deed: Deed): Promise<void> {
    const { entry, kind } = deed
    let outcome: Outcome | undefined
    try {
      outcome = await outcomeOf(deed)
    } catch (error) {
      if (signal.aborted) return
      const { agent, episode } = entry
      log.warn('an action for an alert could not be asked for', { agent, episode, error: String(error) })
      outcome = { result: 'owed', detail: 'it could not be asked for' }
    }
    if (outcome === undefined) return
    const { key, episode } = entry
    options.answered({ key, episode, deed: kind === 'act' ? 'action' : 'resume', at: moment(), ...outcome })
  }

  return { perform: (deed) => void perform(deed) }
}

/** Each hold has a key of its own: the first that was released would answer for all. */
function releaseOf(request: ActionRequest, hold: HoldCause): ActionRequest {
  return { ...request, hold, episode: `${request.episode}/${hold}` }
}
