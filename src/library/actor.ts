import type { ActionAnswer } from '../client/model.ts'
import type { ActingClient, ActionOrder, ActionResult, OnAction } from './model.ts'

/** The longest that the daemon lets a caller wait for a verified outcome. */
const WAIT_MS = 60_000

const DONE: ActionResult = { outcome: 'done' }

/** Orders go to the daemon; what it verified is what came of them. */
export function throughDaemon(client: (agentId: string) => ActingClient): OnAction {
  return async ({ action, agentId, reason, extraBudget }) => {
    const options = { reason, waitMs: WAIT_MS }
    const agent = client(agentId)
    if (action === 'pause') return resultOf(await agent.pause(options))
    if (action === 'terminate') return resultOf(await agent.terminate(options))
    return resultOf(await agent.resume(extraBudget === undefined ? options : { ...options, extraBudget }))
  }
}

/** Orders about one agent are carried out one after the other. */
export interface Lanes {
  /**
   * @param prepare asked when it is the order's turn; undefined: there is nothing to do any more
   * @param settled told in the same turn when nothing is under way and the callback answers without a promise
   */
  run(
    agentId: string,
    prepare: () => ActionOrder | undefined,
    settled: (result: ActionResult | undefined) => void,
  ): void
  isBusy(agentId: string): boolean
}

export function createLanes(onAction: OnAction | undefined, onFault: (error: unknown) => void): Lanes {
  /** Orders that wait behind the one that is under way. */
  const lanes = new Map<string, (() => void)[]>()

  function next(agentId: string): void {
    const waiting = lanes.get(agentId)
    lanes.delete(agentId)
    // Each of them may begin something that the others have to wait for again.
    for (const run of waiting ?? []) run()
  }

  const run: Lanes['run'] = (agentId, prepare, settled) => {
    const lane = lanes.get(agentId)
    if (lane !== undefined) {
      lane.push(() => run(agentId, prepare, settled))
      return
    }
    const order = prepare()
    if (order === undefined) return settled(undefined)
    let answer: ReturnType<OnAction>
    try {
      answer = onAction?.(order)
    } catch (error) {
      return settled(failed(error))
    }
    if (!(answer instanceof Promise)) return settled(answer ?? DONE)
    lanes.set(agentId, [])
    void answer
      .then((result) => result ?? DONE, failed)
      .then(settled)
      .finally(() => next(agentId))
  }

  function failed(error: unknown): ActionResult {
    onFault(error)
    return { outcome: 'failed', detail: error instanceof Error ? error.message : String(error) }
  }

  return { run, isBusy: (agentId) => lanes.has(agentId) }
}

/** `noop`: it was so already. What is not verified yet is not done. */
function resultOf({ status, ...entry }: ActionAnswer): ActionResult {
  if (status === 'done' || status === 'noop') return DONE
  const why = [status, entry['refusal'], entry['detail']].filter((part) => typeof part === 'string')
  const detail = why.join(': ')
  if (status === 'refused' || status === 'dry_run' || status === 'pending_approval') {
    return { outcome: status, detail }
  }
  return { outcome: 'failed', detail }
}
