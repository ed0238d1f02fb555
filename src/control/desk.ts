import type { AgentEvents } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import { Problem } from '../platform/problem.ts'
import { cleanText } from '../platform/text.ts'
import type { Admitted } from './admit.ts'
import type { Approvals } from './approvals.ts'
import type { Decide } from './decide.ts'
import type { Mode } from './effect.ts'
import { type Fleet, presentIncarnation } from './facts.ts'
import { type ControlConfig, failureStop } from './guard.ts'
import { type HoldBoard, NO_HOLDS } from './holds.ts'
import type { Journal } from './journal.ts'
import type { Ledger } from './ledger.ts'
import type { Memory } from './memory.ts'
import {
  ACTIONS,
  type ActingLock,
  type ActionEntry,
  type ActionRequest,
  type ControlDesk,
  type ControlEvents,
  isSettled,
  type KillSwitch,
  TRIGGERS,
} from './model.ts'
import { type ActionRecord, requestOf } from './record.ts'

export interface DeskDeps {
  readonly journal: Journal
  readonly board: HoldBoard
  readonly ledger: Ledger
  readonly memory: Memory
  readonly decide: Decide
  readonly approvals: Approvals
  readonly agents: Fleet
  readonly lock: Pick<ActingLock, 'isHeld'>
  readonly killSwitch: KillSwitch
  readonly bus: Bus<ControlEvents & AgentEvents>
  readonly log: Log
  readonly moment: () => Moment
  readonly config: () => ControlConfig
  readonly admitted: (request: ActionRequest) => Promise<Admitted>
  readonly go: (record: ActionRecord, mode: Mode) => void
  readonly finish: (record: ActionRecord) => Promise<void>
  /** The journal counts as whole from now on. */
  readonly trust: () => void
  /** Called once when the entry settles. */
  readonly listeners: Map<string, (record: ActionRecord) => void>
}

/** The one door to acting, in front of the stages. */
export function createDesk(deps: DeskDeps): ControlDesk {
  const { journal, board, ledger, memory, decide, approvals, agents, bus, moment, config } = deps
  const ends = new Map<string, Promise<ActionEntry>>()

  async function request(asked: ActionRequest): Promise<ActionEntry> {
    const { next, record } = await decide.first(await deps.admitted(asked))
    if (next === 'answer') return record.entry
    bus.emit('action.intended', { entry: record.entry })
    if (next === 'approval') approvals.add(record)
    else deps.go(record, 'first')
    return record.entry
  }

  async function find(id: string): Promise<ActionEntry | undefined> {
    return (await journal.find(id))?.entry
  }

  async function pending(id: string): Promise<ActionRecord> {
    const record = approvals.take(id)
    if (record !== undefined) return record
    const entry = await find(id)
    if (entry === undefined) throw new Problem('AE_ACTION_NOT_FOUND', `There is no action ${id}.`)
    // Somebody else was faster, or it was too late.
    const { status, detail } = entry
    const why = detail === undefined ? '' : `: ${detail}`
    throw new Problem('AE_NOT_PENDING', `Action ${id} does not wait for approval; it is ${status}${why}.`)
  }

  function endOf(id: string): Promise<ActionEntry> {
    const known = ends.get(id)
    if (known !== undefined) return known
    const end = new Promise<ActionEntry>((resolve) => {
      deps.listeners.set(id, ({ entry }) => {
        ends.delete(id)
        resolve(entry)
      })
    })
    ends.set(id, end)
    return end
  }

  async function settled(id: string, signal?: AbortSignal): Promise<ActionEntry> {
    const entry = await find(id)
    if (entry === undefined) throw new Problem('AE_ACTION_NOT_FOUND', `There is no action ${id}.`)
    if (isSettled(entry)) return entry
    const end = endOf(id)
    if (signal === undefined) return end
    const ended = await new Promise<ActionEntry | undefined>((resolve) => {
      const give = (): void => resolve(undefined)
      if (signal.aborted) return give()
      signal.addEventListener('abort', give, { once: true })
      void end.then((settled) => {
        signal.removeEventListener('abort', give)
        resolve(settled)
      })
    })
    return ended ?? (await find(id)) ?? entry
  }

  function holdsOf(agent: string) {
    const incarnation = presentIncarnation(agents, agent)
    return (incarnation === undefined ? undefined : board.of(incarnation)?.holds) ?? NO_HOLDS
  }

  return {
    request,
    find,
    judge: async (asked) => decide.judge(await deps.admitted(asked)),

    async ofEarlierLife(agent, action, episode) {
      const entry = await journal.byEpisode(agent, action, episode)
      return entry === undefined || entry.incarnation === presentIncarnation(agents, agent)
        ? undefined
        : entry
    },

    settled,

    holds: holdsOf,
    isHeld(agent) {
      const incarnation = presentIncarnation(agents, agent)
      if (incarnation === undefined) return false
      return board.of(incarnation) !== undefined || memory.isPausing(incarnation)
    },
    isTerminal(agent) {
      const incarnation = agents.get(agent)?.incarnation
      return incarnation !== undefined && memory.isTerminal(incarnation)
    },

    list: (filter, limit, before) => journal.list(filter, limit, before),

    async approve(id, actor) {
      const waiting = await pending(id)
      const approver = cleanText(actor)
      const { next, record } = await decide.again(waiting, await deps.admitted(requestOf(waiting)), approver)
      if (next === 'answer') await deps.finish(record)
      else deps.go(record, 'first')
      return record.entry
    },

    async reject(id, actor, reason) {
      const why = reason === undefined ? '' : `: ${cleanText(reason, 500)}`
      const { entry } = await approvals.refuse(
        await pending(id),
        'rejected',
        `rejected by ${cleanText(actor)}${why}`,
      )
      return entry
    },

    state() {
      const now = moment()
      const facts = { deeds: ledger.deeds(now), resetAt: memory.resetAt() }
      return {
        mode: config().mode,
        acting: deps.lock.isHeld(),
        killSwitch: deps.killSwitch.describe(),
        failureStops: ACTIONS.flatMap((action) =>
          TRIGGERS.flatMap((trigger) => {
            const stop = failureStop(action, trigger, facts, config(), now)
            if (stop === undefined) return []
            return [{ action, trigger, failures: stop.failures, untilMs: now.wallMs + stop.leftMs }]
          }),
        ),
        holds: [...board.list()].flatMap(({ agent, incarnation, holds }) =>
          presentIncarnation(agents, agent) === incarnation
            ? [...holds.values()].map(({ cause, sinceMs, reason }) => ({
                agent,
                incarnation,
                cause,
                sinceMs,
                reason,
              }))
            : [],
        ),
      }
    },

    reset(actor) {
      const now = moment()
      memory.setResetAt(now)
      journal.mark('reset', now)
      deps.trust()
      deps.log.info('failure stops were cleared', { actor })
    },

    async letGo(agent, actor) {
      const incarnation = presentIncarnation(agents, agent)
      if (incarnation === undefined) return
      if (board.of(incarnation) === undefined && !memory.isPausing(incarnation)) return
      const { id } = await request({
        ...{ action: 'resume', trigger: 'human', hold: 'human' },
        ...{ agent, incarnation, actor, reason: 'taken out of the registry' },
        episode: `removal:${moment().wallMs}`,
      })
      const entry = await settled(id)
      if (board.of(incarnation) === undefined) return
      const why = entry.detail === undefined ? '' : `: ${entry.detail}`
      throw new Problem('AE_NOT_RELEASED', `The agent ${agent} is stopped and could not be continued${why}.`)
    },
  }
}
