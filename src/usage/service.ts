import type { Agent, AgentEvents, AgentId } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Feature } from '../platform/feature.ts'
import type { Caller } from '../platform/http/caller.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import { Problem } from '../platform/problem.ts'
import type { Store } from '../platform/store/store.ts'
import { createArtifactCheck, type VerifyArtifacts } from './artifacts.ts'
import { createBook, momentOf } from './book.ts'
import { createUsageCollector } from './collector.ts'
import { createDeliverableLimit, type Delivery, inspect } from './deliverables.ts'
import { describeLedger } from './describe.ts'
import { createEpochHistograms } from './epoch-histograms.ts'
import type { DeliverableInput } from './input.ts'
import { createKeyring, type RequestKey } from './keyring.ts'
import { epochUsage, type Ledger, recordDeliverable, recordUse, setLedgerPaused } from './ledger.ts'
import type { TokenType, Usage, UsageEvents } from './model.ts'
import { createUsageRepository } from './repository.ts'
import type { RequestShape, UsageRoom } from './room.ts'
import { usageRoutes } from './routes.ts'
import { claimSources, type SourceClaim } from './sources.ts'
import type { UsageTables } from './tables.ts'
import { createUsageWriter } from './writer.ts'

export interface UsageDependencies {
  readonly clock: Clock
  /** Boot of the kernel, as in incarnations. */
  readonly bootId: string
  readonly bus: Bus<AgentEvents & UsageEvents>
  readonly log: Log
  readonly store: Pick<Store<UsageTables>, 'db' | 'put' | 'daemonId'>
  readonly agents: {
    get(id: AgentId): Agent | undefined
    list(): Iterable<Agent>
    touch(id: AgentId): void
    mayTell(caller: Caller, agent: Agent): Promise<boolean>
  }
  readonly config: () => {
    readonly tokenTypes: readonly TokenType[]
    readonly verifyArtifacts: boolean
    readonly resetCountersOnDeliverable: boolean
  }
  /** Body of the answer to a record of use, asked after everybody was told of it. */
  readonly answer: (agent: AgentId) => object
  /** Our own uid: the user of agents whose user is not known. */
  readonly ownUid: number | undefined
  /** How artifacts are looked for; in the workspace when left out. */
  readonly verify?: VerifyArtifacts
}

/** Live ledgers are written at least this often, so that retention takes only those of ended agents. */
const REFRESH_MS = 6 * 3_600_000
const PRUNE_MS = 60_000
/** An engine that was slow at start has told its containers by now. */
const SETTLED_MS = 600_000
/** A record that is older says nothing about the present activity. */
const FRESH_MS = 60_000

/** Builds the room. Start it before the room of the agents, whose events it needs from the first. */
export function createUsage(dependencies: UsageDependencies): UsageRoom {
  const { clock, bootId, bus, log, agents, config } = dependencies
  const repository = createUsageRepository(dependencies.store, clock.now)
  const writer = createUsageWriter({ clock, log, put: repository.put })
  const keyring = createKeyring(repository, writer)
  const histograms = createEpochHistograms()
  const limit = createDeliverableLimit(clock)
  const verify = dependencies.verify ?? createArtifactCheck(dependencies.ownUid)
  const listeners: ((agent: AgentId, at: Moment) => void)[] = []
  const cleanUps: (() => void)[] = []
  const now = () => momentOf({ clock, bootId })

  const book = createBook({
    clock,
    bootId,
    note: writer.note,
    onEpochEnded(usage, { role, sources }) {
      // Of an agent nobody tells about, zeros would only drown the others.
      if (Object.keys(sources).length > 0) histograms.observe(role, usage.totals, config().tokenTypes)
      bus.emit('usage.epoch_ended', { usage, role })
    },
  })

  function changed(agent: AgentId, at: Moment): void {
    for (const listener of listeners) {
      try {
        listener(agent, at)
      } catch (error) {
        log.error('use was not judged', { agent, error: String(error) })
      }
    }
  }

  function known(id: AgentId): Agent {
    const agent = agents.get(id)
    if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
    return agent
  }

  function ledgerOf(agent: Agent): Ledger {
    const ledger = book.of(agent)
    const { role = ledger.role } = agent.info
    return role === ledger.role ? ledger : { ...ledger, role }
  }

  const record: UsageRoom['record'] = async (id, records, key, shape = 'array') => {
    return await keyring.once(key, async () => {
      writer.admit()
      const agent = known(id)
      const ledger = ledgerOf(agent)
      const claim = claimSources(ledger.sources, records)
      if (claim.outcome === 'conflict') throw sourceConflict(claim, shape)
      const at = now()
      book.set({ ...recordUse(ledger, records, at), sources: claim.sources })
      histograms.meet(ledger.role)
      if (records.some(({ atMs }) => at.wallMs - atMs <= FRESH_MS)) agents.touch(id)
      changed(id, at)
      const answer = dependencies.answer(id)
      await writer.write(key === undefined ? {} : { keys: [{ ...key, answer }] })
      return answer
    })
  }

  async function deliver(id: AgentId, input: DeliverableInput, key?: RequestKey): Promise<Delivery> {
    return await keyring.once(key, async () => {
      writer.admit()
      limit.take(known(id).id)
      const make = await inspect(known(id), input, verify, config().verifyArtifacts ? 'verified' : 'any')
      writer.admit()
      const ledger = ledgerOf(known(id))
      const at = now()
      const delivery = make(ledger, at.wallMs)
      const { deliverable, countedForClock } = delivery
      book.set(recordDeliverable(ledger, deliverable.type, countedForClock ? 'reset' : 'kept', at))
      if (countedForClock && config().resetCountersOnDeliverable) book.openEpoch(id, deliverable.id)
      agents.touch(id)
      changed(id, at)
      await writer.write({
        deliverables: [deliverable],
        ...(key !== undefined && { keys: [{ ...key, answer: delivery }] }),
      })
      bus.emit('agent.deliverable_recorded', { deliverable })
      return delivery
    })
  }

  const usage: Usage = {
    epoch(id) {
      const ledger = book.get(id)
      return ledger && epochUsage(ledger, now())
    },
    onChange: (listener) => void listeners.push(listener),
    openEpoch(id, by) {
      if (book.openEpoch(id, by) === undefined) return 'known'
      changed(id, now())
      return 'opened'
    },
    setPaused(id, paused) {
      const ledger = book.get(id)
      const next = ledger && setLedgerPaused(ledger, paused, now())
      if (next !== undefined && next !== ledger) book.set(next)
    },
  }

  function every(ms: number, run: () => void): void {
    let timer: Timer
    const arm = () => {
      timer = clock.setTimer(ms, () => {
        run()
        arm()
      })
    }
    arm()
    cleanUps.push(() => timer.cancel())
  }

  const refresh = () =>
    writer.note({ ledgers: [...book.list()].filter((one) => one.endedAtMs === undefined) })
  const isKnown = (id: AgentId, incarnation: string) => agents.get(id)?.incarnation === incarnation

  const describe: UsageRoom['describe'] = (id) => {
    const ledger = book.get(id)
    return ledger && describeLedger(ledger, config().tokenTypes)
  }

  const feature: Feature = {
    name: 'usage',
    collectors: [
      createUsageCollector({
        agents: agents.list,
        histograms,
        ledger({ id, incarnation }) {
          const ledger = book.get(id)
          return ledger?.incarnation === incarnation ? ledger : undefined
        },
      }),
    ],
    describe,
    routes: usageRoutes({ clock, agents, record, deliver, list: repository.deliverables }),
    async start() {
      book.restore(await repository.openLedgers())
      cleanUps.push(
        bus.on('agent.started', ({ agent }) => {
          const { role, sources } = book.of(agent)
          // Of an earlier run of the daemon.
          if (Object.keys(sources).length > 0) histograms.meet(role)
        }),
        bus.on('agent.exited', ({ agent }) => book.end(agent)),
        bus.on('agent.removed', ({ agent }) => book.drop(agent)),
      )
      every(PRUNE_MS, () => book.prune(isKnown))
      every(REFRESH_MS, refresh)
      const settled = clock.setTimer(SETTLED_MS, book.endUnseen)
      cleanUps.push(() => settled.cancel())
    },
    async stop() {
      for (const cleanUp of cleanUps.splice(0)) cleanUp()
      await writer.stop()
    },
  }

  return { feature, usage, record, deliver, describe }
}

function sourceConflict(
  { index, quantity, owner }: Extract<SourceClaim, { outcome: 'conflict' }>,
  shape: RequestShape,
): Problem {
  return new Problem('AE_SOURCE_CONFLICT', `The source ${owner} already reports ${quantity} of this agent.`, [
    {
      in: 'body',
      path: shape === 'one' ? '/source' : `/${index}/source`,
      message: `${quantity} come from the source ${owner}`,
    },
  ])
}
