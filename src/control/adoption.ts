import type { Agent, Runtime } from '../agents/model.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import type { RuntimeDriver, Target } from '../runtimes/model.ts'
import { WHOLE } from './effect.ts'
import type { Fleet } from './facts.ts'
import { addHold, type HoldBoard, NO_HOLDS } from './holds.ts'
import type { Journal } from './journal.ts'
import { type ActionRecord, keyOf } from './record.ts'

export interface AdoptionDeps {
  readonly agents: Fleet
  readonly runtimes: Partial<Record<Runtime, RuntimeDriver>>
  readonly target: (agent: Agent) => Target
  readonly board: HoldBoard
  readonly journal: Journal
  readonly ids: { next(): string }
  readonly moment: () => Moment
  readonly mayAct: (agent: Agent) => boolean
  readonly log: Log
}

/**
 * After the journal was lost: who is found stopped gets the hold `unknown`, so that it is listed and a person can
 * resume it. Nothing is done to it.
 */
export function createAdoption(deps: AdoptionDeps): { look(agent: Agent): Promise<void> } {
  const { agents, runtimes, board, journal, ids, moment, log } = deps
  return {
    async look(agent) {
      const { id, incarnation, runtime, endedAtMs } = agent
      const driver = runtimes[runtime]
      if (endedAtMs !== undefined || driver === undefined || !deps.mayAct(agent)) return
      const target = deps.target(agent)
      const isFree = () => board.of(incarnation) === undefined && agents.get(id) === agent
      if (!isFree() || (await driver.observe(target).catch(() => 'unknown')) !== 'paused') return
      const tree = await target.snapshot?.().catch(() => undefined)
      // Looked at again: a pause may have been settled meanwhile.
      if (!isFree()) return
      const record = recordOf(agent, ids.next(), moment())
      const { reason, at } = record.entry
      board.put({
        agent: id,
        incarnation,
        holds: addHold(NO_HOLDS, { cause: 'unknown', sinceMs: at, reason, actionId: record.entry.id }),
        stopped: tree?.processes.map(({ pid, startTime }) => ({ pid, startTime })) ?? [WHOLE],
        stoppedByOthers: [],
      })
      await journal.save(record, board.of(incarnation))
      log.warn('an agent was found stopped; resume it when it should run', { agent: id })
    },
  }
}

function recordOf({ id, incarnation }: Agent, actionId: string, now: Moment): ActionRecord {
  const request = { agent: id, action: 'pause', trigger: 'human', episode: `adopted:${actionId}` } as const
  return {
    entry: {
      ...request,
      ...{ id: actionId, at: now.wallMs, lastAt: now.wallMs, incarnation, hold: 'unknown', status: 'noop' },
      ...{ actor: 'journal', reason: 'found stopped after the journal was lost', attempt: 1, durable: true },
      ...{
        refusal: undefined,
        detail: undefined,
        rung: undefined,
        verifiedAt: undefined,
        durationMs: undefined,
      },
      ...{ count: 1, size: undefined, extraBudget: undefined },
    },
    key: keyOf(request, incarnation),
    claimsKey: true,
    admitted: now,
    started: undefined,
    ended: now,
    result: 'neutral',
    graceMs: undefined,
    optIn: false,
    released: [],
    stoppedBefore: undefined,
    crossedAtMs: undefined,
  }
}
