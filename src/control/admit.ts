import type { Agent, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Moment } from '../platform/moment.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { cleanText } from '../platform/text.ts'
import type { Target } from '../runtimes/model.ts'
import type { Facts } from './guard.ts'
import { both } from './holds.ts'
import type { ActionRequest } from './model.ts'

/** A pass over the process table takes milliseconds; one that hangs is missing data. */
const SNAPSHOT_WITHIN_MS = 1_000
const LONGEST_REASON = 500
const LONGEST_NAME = 256

/** A request with what had to be waited for before it can be decided in one step. */
export interface Admitted {
  readonly request: ActionRequest
  /** The life it is about: the one asked for, else the present one. */
  readonly incarnation: Incarnation | undefined
  readonly tree: Facts['tree']
  /** Who of it was stopped already, before we came; undefined when nobody can tell. */
  readonly stoppedBefore: readonly ProcessKey[] | undefined
  /** Who belongs to it, of a tree that is to be stopped. */
  readonly processes: readonly ProcessKey[] | undefined
  readonly admitted: Moment
}

export interface AdmitDeps {
  readonly clock: Clock
  readonly agent: (id: string) => Agent | undefined
  readonly target: (agent: Agent) => Target
  readonly moment: () => Moment
  readonly stoppedNow: ((target: Target) => Promise<readonly ProcessKey[] | undefined>) | undefined
  /**
   * While something of ours may have stopped it: who was stopped by others all the same. `undefined`: nothing of ours
   * did, so whoever is stopped was stopped by others.
   */
  readonly stoppedByOthers: (agent: Agent) => readonly ProcessKey[] | undefined
}

/** Cleans what is foreign and looks at the target. Runs for many requests at once; decides nothing. */
export async function admit(asked: ActionRequest, deps: AdmitDeps): Promise<Admitted> {
  const admitted = deps.moment()
  const request: ActionRequest = {
    ...asked,
    actor: cleanText(asked.actor, LONGEST_NAME),
    reason: cleanText(asked.reason, LONGEST_REASON),
    episode: cleanText(asked.episode, LONGEST_NAME),
  }
  const agent = deps.agent(request.agent)
  const incarnation = request.incarnation ?? agent?.incarnation
  // A resume needs no look at the tree: it continues what the journal says was stopped.
  if (agent === undefined || agent.endedAtMs !== undefined || request.action === 'resume') {
    return { request, incarnation, admitted, tree: 'none', stoppedBefore: undefined, processes: undefined }
  }
  const stops = request.action === 'pause' || request.action === 'terminate'
  const [processes, stoppedBefore] = await Promise.all([
    processesOf(agent, deps),
    stops && agent.runtime === 'process' ? stoppedBeforeUs(agent, deps) : undefined,
  ])
  const isTree = typeof processes === 'object'
  const tree = isTree ? { pids: processes.map(({ pid }) => pid) } : processes
  return {
    request,
    incarnation,
    admitted,
    tree,
    stoppedBefore,
    processes: stops && isTree ? processes : undefined,
  }
}

/** An action of ours may begin or end while the tree is read: what either side knows of it counts. */
async function stoppedBeforeUs(
  agent: Agent,
  { target, stoppedNow, stoppedByOthers }: AdmitDeps,
): Promise<readonly ProcessKey[] | undefined> {
  const before = stoppedByOthers(agent)
  const stopped = await stoppedNow?.(target(agent))
  const others = stoppedByOthers(agent) ?? before
  return others === undefined ? stopped : stopped && both(stopped, others)
}

async function processesOf(
  agent: Agent,
  { clock, target }: AdmitDeps,
): Promise<readonly ProcessKey[] | 'none' | 'missing'> {
  try {
    const { snapshot } = target(agent)
    if (snapshot === undefined) return 'none'
    const tree = await Promise.race([
      snapshot(),
      new Promise<undefined>((resolve) => void clock.setTimer(SNAPSHOT_WITHIN_MS, () => resolve(undefined))),
    ])
    return tree?.processes.map(({ pid, startTime }) => ({ pid, startTime })) ?? 'missing'
  } catch {
    return 'missing'
  }
}
