import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import type { ActionEntry, ActionRequest, ControlEvents, HoldCause } from '../../../src/control/model.ts'
import { isSettled } from '../../../src/control/model.ts'
import type { OwnLabels } from '../../../src/exhaustion/enrolment.ts'
import type { ExhaustionConfig } from '../../../src/exhaustion/limits.ts'
import type { ExhaustionEvent, ExhaustionEvents } from '../../../src/exhaustion/model.ts'
import { createExhaustion } from '../../../src/exhaustion/service.ts'
import type { ExhaustionTables } from '../../../src/exhaustion/tables.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { silentLog } from '../../../src/platform/log.ts'
import type { Moment } from '../../../src/platform/moment.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import type { EpochTotals, EpochUsage, TokenCounts, Usage, UsageEvents } from '../../../src/usage/model.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'
import { NO_TOTALS } from './shapes.ts'

const CONFIG: ExhaustionConfig = {
  enabled: true,
  warningThresholdPercent: 0.8,
  checkIntervalMs: 60_000,
  pauseOnIntervention: true,
  autoTerminate: false,
  terminateAfterMs: 600_000,
  requireConfirmationOnIntervention: false,
  tokenTypes: ['input', 'output', 'cache_write'],
  thresholds: {},
  profiles: { tight: { maxApiCalls: 10, maxTimeWithoutDeliverableMs: 10_000 } },
  roles: {},
}

type Tables = { [Table in keyof ExhaustionTables]: Map<string, ExhaustionTables[Table]> }

/** A store that keeps rows by key and answers every query of a table with all of them. */
function fakeStore() {
  const tables: Tables = { exhaustion_events: new Map(), exhaustion_states: new Map(), enrolments: new Map() }
  const chain = (rows: () => readonly unknown[]): unknown =>
    new Proxy({}, { get: (_, key) => (key === 'execute' ? async () => rows() : () => chain(rows)) })
  const db = new Proxy(
    {},
    { get: () => (table: keyof Tables) => chain(() => [...tables[table].values()]) },
  ) as Store<ExhaustionTables>['db']
  const state = { puts: 0, fails: false }
  const store: Pick<Store<ExhaustionTables>, 'db' | 'put' | 'enqueue' | 'daemonId'> = {
    db,
    daemonId: 'daemon',
    async put(writes) {
      state.puts++
      if (state.fails) throw new Error('the disk is full')
      for (const { table, rows, upsert } of writes) {
        for (const row of rows) {
          const key = upsert?.key.map((column) => (row as Record<string, unknown>)[column]).join('|')
          ;(tables[table] as Map<string, unknown>).set(key ?? '', row)
        }
      }
    },
    enqueue: () => 'queued',
  }
  return { store, tables, state }
}

/** A ledger that a test writes into. */
function fakeLedger(clock: FakeClock) {
  interface Book extends EpochUsage {
    since: number
    sinceDeliverable: number
    running: boolean
    active: number
    at: number
  }
  const books = new Map<string, Book>()
  const openers = new Set<string>()
  const listeners: ((agent: string, at: Moment) => void)[] = []
  const moment = (): Moment => ({ bootId: 'boot', bootMs: clock.sinceBoot(), wallMs: clock.now() })
  const tell = (agent: string) => {
    for (const listener of listeners) listener(agent, moment())
  }
  const activeOf = (book: Book) => book.active + (book.running ? clock.monotonic() - book.at : 0)
  const usage: Usage = {
    epoch(agent) {
      const book = books.get(agent)
      if (book === undefined) return undefined
      const active = activeOf(book)
      return { ...book, wallClockMs: active - book.since, sinceDeliverableMs: active - book.sinceDeliverable }
    },
    onChange: (listener) => void listeners.push(listener),
    openEpoch(agent, by) {
      const book = books.get(agent)
      if (book === undefined || openers.has(by)) return 'known'
      openers.add(by)
      const active = activeOf(book)
      books.set(agent, {
        ...book,
        ...{ epoch: book.epoch + 1, openedBy: by, totals: NO_TOTALS, tokensLastMinute: {} },
        ...{ since: active, sinceDeliverable: active },
      })
      tell(agent)
      return 'opened'
    },
    setPaused(agent, paused) {
      const book = books.get(agent)
      if (book === undefined || book.running === (paused === 'running')) return
      books.set(agent, {
        ...book,
        active: activeOf(book),
        at: clock.monotonic(),
        running: paused === 'running',
      })
    },
  }
  return {
    usage,
    openers,
    birth(agent: string, incarnation: string) {
      books.set(agent, {
        ...{ agent, incarnation, epoch: 1, openedAtMs: clock.now(), openedBy: undefined, totals: NO_TOTALS },
        ...{ tokensLastMinute: {}, wallClockMs: 0, sinceDeliverableMs: 0, lastDeliverableAtMs: undefined },
        ...{ lastActivityAtMs: clock.now(), since: 0, sinceDeliverable: 0, running: true, active: 0 },
        at: clock.monotonic(),
      })
      tell(agent)
    },
    use(agent: string, totals: Partial<EpochTotals>, tokensLastMinute?: TokenCounts) {
      const book = books.get(agent)!
      books.set(agent, {
        ...book,
        totals: { ...book.totals, ...totals },
        tokensLastMinute: tokensLastMinute ?? book.tokensLastMinute,
      })
      tell(agent)
    },
    deliver(agent: string) {
      const book = books.get(agent)!
      books.set(agent, { ...book, sinceDeliverable: activeOf(book), lastDeliverableAtMs: clock.now() })
      tell(agent)
    },
    isRunning: (agent: string) => books.get(agent)?.running,
    lose: (agent: string) => void books.delete(agent),
  }
}

/** A journal that answers as a test says. */
function fakeControl(clock: FakeClock) {
  const requests: ActionRequest[] = []
  const entries = new Map<string, ActionEntry>()
  const byKey = new Map<string, string>()
  const holds = new Map<string, Map<HoldCause, { sinceMs: number; reason: string }>>()
  const waiters = new Map<string, ((entry: ActionEntry) => void)[]>()
  const terminal = new Set<string>()
  const state = {
    /** What becomes of a request. */
    answer: (_request: ActionRequest): Partial<ActionEntry> => ({ status: 'done' }),
  }

  function settle(id: string, over: Partial<ActionEntry>): ActionEntry {
    const entry = { ...entries.get(id)!, ...over }
    entries.set(id, entry)
    if (entry.action === 'pause' && (entry.status === 'done' || entry.status === 'noop')) {
      const causes = holds.get(entry.agent) ?? new Map()
      causes.set(entry.hold, { sinceMs: clock.now(), reason: entry.reason })
      holds.set(entry.agent, causes)
    }
    if (isSettled(entry)) for (const wake of waiters.get(id)?.splice(0) ?? []) wake(entry)
    return entry
  }

  function entryOf(request: ActionRequest): ActionEntry {
    const id = `entry-${entries.size + 1}`
    const entry: ActionEntry = {
      ...{
        id,
        at: clock.now(),
        status: 'intended',
        attempt: 1,
        durable: true,
        count: 1,
        lastAt: clock.now(),
      },
      agent: request.agent,
      incarnation: request.incarnation,
      ...{ action: request.action, trigger: request.trigger, episode: request.episode },
      ...{
        actor: request.actor,
        reason: request.reason,
        hold: request.hold,
        extraBudget: request.extraBudget,
      },
      ...{ refusal: undefined, detail: undefined, rung: undefined, verifiedAt: undefined },
      ...{ durationMs: undefined, size: undefined },
    }
    entries.set(id, entry)
    return entry
  }

  return {
    requests,
    holds,
    terminal,
    state,
    entries,
    entryOf,
    settle,
    control: {
      async request(request: ActionRequest) {
        requests.push(request)
        const key = [request.agent, request.incarnation, request.action, request.episode].join('|')
        const known = byKey.get(key)
        if (known !== undefined) return entries.get(known)!
        const entry = entryOf(request)
        const settled = settle(entry.id, state.answer(request))
        if (!['refused', 'failed', 'dry_run'].includes(settled.status)) byKey.set(key, entry.id)
        return settled
      },
      async settled(id: string, signal?: AbortSignal) {
        const entry = entries.get(id)
        if (entry === undefined) throw new Error('no such action')
        if (isSettled(entry) || signal?.aborted) return entry
        return new Promise<ActionEntry>((resolve) => {
          waiters.set(id, [...(waiters.get(id) ?? []), resolve])
          signal?.addEventListener('abort', () => resolve(entries.get(id)!))
        })
      },
      holds: (agent: string) => holds.get(agent) ?? new Map(),
      isHeld: (agent: string) => (holds.get(agent)?.size ?? 0) > 0,
      isTerminal: (agent: string) => terminal.has(agent),
    },
  }
}

type Events = AgentEvents & UsageEvents & ControlEvents & ExhaustionEvents

/** What outlives the daemon. */
export interface World {
  readonly clock: FakeClock
  readonly disk: ReturnType<typeof fakeStore>
  readonly ledger: ReturnType<typeof fakeLedger>
  readonly journal: ReturnType<typeof fakeControl>
  readonly agents: Map<string, Agent>
}

function createWorld(): World {
  const clock = fakeClock()
  return {
    clock,
    disk: fakeStore(),
    ledger: fakeLedger(clock),
    journal: fakeControl(clock),
    agents: new Map(),
  }
}

/** The room on fakes of all it depends on; given a world, a later run of the daemon in it. */
export function createRoom(over: Partial<ExhaustionConfig> = {}, world: World = createWorld()) {
  const { clock, disk, ledger, journal, agents } = world
  const failures: unknown[] = []
  const bus = createBus<Events>((error) => void failures.push(error))
  const events: ExhaustionEvent[] = []
  bus.on('agent.phase_changed', ({ event }) => void events.push(event))
  const settings = { config: { ...CONFIG, ...over }, discovered: false, labels: {} as OwnLabels }
  const room = createExhaustion({
    ...{ clock, bootId: 'boot', log: silentLog, bus, store: disk.store, usage: ledger.usage },
    agents: { get: (id) => agents.get(id), list: () => agents.values() },
    control: journal.control,
    config: () => settings.config,
    labels: () => settings.labels,
    enforceDiscovered: () => settings.discovered,
  })

  return {
    ...{ room, world, clock, bus, events, failures, settings, ledger, journal, disk },
    start: () => room.feature.start!(),
    stop: () => room.feature.stop!(),
    /** An agent that is there, by default one that a person registered. */
    appear(id: string, what: Partial<Agent> = {}): Agent {
      const agent = {
        ...{
          id,
          ordinal: agents.size,
          runtime: 'process',
          incarnation: `${id}-life-1`,
          origin: 'registered',
        },
        info: { name: id, role: 'coder', vendor: undefined, workspace: undefined },
        ...{ endedAtMs: undefined, conflict: false, startedAtMs: clock.now() },
        ...what,
      } as Agent
      agents.set(id, agent)
      ledger.birth(id, agent.incarnation)
      bus.emit('agent.started', { agent, resumed: false })
      return agent
    },
    /** Lets promises run. */
    async settle(): Promise<void> {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    /** What a person does about an agent, told as the journal tells it. */
    person: {
      resume(agent: string, request: Partial<ActionRequest> = {}): ActionEntry {
        const entry = journal.entryOf({
          ...{ action: 'resume', agent, trigger: 'human', episode: 'x', actor: 'ann', reason: 'go on' },
          ...{ hold: 'human', incarnation: agents.get(agent)!.incarnation },
          ...request,
        })
        const released = [...(journal.holds.get(agent)?.keys() ?? [])]
        journal.holds.delete(agent)
        bus.emit('agent.resumed', { entry, released })
        return entry
      },
      pause(agent: string): void {
        const entry = journal.entryOf({
          ...{ action: 'pause', agent, trigger: 'human', episode: 'x', actor: 'ann', reason: 'lunch' },
          ...{ hold: 'human', incarnation: agents.get(agent)!.incarnation },
        })
        bus.emit('agent.paused', { entry: journal.settle(entry.id, { status: 'done' }) })
      },
      terminate(agent: string, trigger: ActionRequest['trigger'] = 'human'): void {
        const entry = journal.entryOf({
          ...{ action: 'terminate', agent, trigger, episode: 'x', actor: 'ann', reason: 'it loops' },
          ...{ hold: 'human', incarnation: agents.get(agent)!.incarnation },
        })
        bus.emit('agent.terminated', { entry: journal.settle(entry.id, { status: 'done' }) })
      },
    },
    said: () => events.map((e) => `${e.previousPhase}>${e.phase} ${e.triggeredBy} ${e.actionTaken}`),
    /** Events as they are kept, oldest first. */
    kept: () =>
      [...disk.tables.exhaustion_events.values()]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((e) => `${e.phase} ${e.triggered_by} ${e.action_taken}`),
  }
}
