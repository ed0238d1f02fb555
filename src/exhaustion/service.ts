import { randomBytes } from 'node:crypto'
import type { Agent, AgentEvents, AgentId, Incarnation } from '../agents/model.ts'
import type { Control, ControlEvents } from '../control/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Feature } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import type { ProblemField } from '../platform/problem.ts'
import type { Store } from '../platform/store/store.ts'
import type { EpochUsage, Usage, UsageEvents } from '../usage/model.ts'
import { createCensus, emptyTallies } from './census.ts'
import { type BudgetView, createExhaustionCollector } from './collector.ts'
import { createDecisions } from './decisions.ts'
import { createEnforcement } from './enforcement.ts'
import { createEnrolments, type EnrolmentRequest, type OwnLabels } from './enrolment.ts'
import { answered, judge, msToTermination, type Verdict } from './judge.ts'
import { type LimitConfig, thresholdsOf } from './limits.ts'
import type { ExhaustionEvents, Limits, Phase } from './model.ts'
import { type CountedTokens, type Ratios, ratiosOf, type Used, usedOf } from './ratios.ts'
import { eventOf, reasonOf } from './record.ts'
import { type CountsAs, createExhaustionRepository } from './repository.ts'
import { exhaustionRoutes } from './routes.ts'
import { createCrossings, msToCrossing } from './schedule.ts'
import type { ExhaustionTables } from './tables.ts'
import { freshTracked, limitsNow, restoredTracked, storedOf, type Tracked } from './tracked.ts'

/** Section `resourceExhaustion` of the configuration, decoded. */
export interface ExhaustionConfig extends LimitConfig {
  readonly enabled: boolean
  readonly warningThresholdPercent: number
  readonly checkIntervalMs: number
  readonly pauseOnIntervention: boolean
  readonly autoTerminate: boolean
  readonly terminateAfterMs: number
  readonly requireConfirmationOnIntervention: boolean
  readonly tokenTypes: CountedTokens
}

export interface ExhaustionDependencies {
  readonly clock: Clock
  readonly bootId: string
  readonly log: Log
  readonly bus: Bus<AgentEvents & UsageEvents & ControlEvents & ExhaustionEvents>
  readonly store: Pick<Store<ExhaustionTables>, 'db' | 'put' | 'enqueue' | 'daemonId'>
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  readonly usage: Usage
  readonly control: Pick<Control, 'request' | 'settled' | 'isHeld' | 'holds' | 'isTerminal'>
  /** Asked at every judgement: the same object until the configuration is another. */
  readonly config: () => ExhaustionConfig
  /** Labels of a container that are its own, not its image's. */
  readonly labels?: (agent: Agent) => OwnLabels
  readonly enforceDiscovered: () => boolean
}

export interface Exhaustion {
  readonly feature: Feature
  /** Durable, bound to the incarnation; the epoch goes on. @throws Problem AE_INVALID, AE_STORE_UNAVAILABLE */
  enrol(agent: Agent, request: EnrolmentRequest): Promise<void>
  validate(request: Pick<EnrolmentRequest, 'profile' | 'budget'>): readonly ProblemField[]
  /** Whether an intervention acts on the agent. */
  enforced(agent: Agent): boolean
  /** Undefined: no such agent. */
  phaseOf(id: AgentId): Phase | undefined
  /** What a record of use is answered with. */
  answer(id: AgentId): { readonly phase: Phase; readonly ratios: Ratios } | undefined
  /** Judges every agent now: call it when the configuration was loaded again. */
  refresh(): void
}

/** The ledger may hear of an agent after we do. */
const LEDGER_RETRY_MS = 1_000
const DAY_MS = 86_400_000

/** Judges the use of every agent against its limits, and asks for what should follow. It stops nothing itself. */
export function createExhaustion(dependencies: ExhaustionDependencies): Exhaustion {
  const { clock, bootId, log, bus, store, agents, usage, control, config, enforceDiscovered } = dependencies
  const repository = createExhaustionRepository(store, clock.now, log)
  const enrolments = createEnrolments({
    repository,
    profiles: () => config().profiles,
    labels: dependencies.labels ?? (() => ({})),
    enforceDiscovered,
  })
  const lives = new Map<Incarnation, Tracked>()
  const tallies = emptyTallies()
  let restored: Awaited<ReturnType<typeof repository.restore>> | undefined
  let running: 'no' | 'yes' | 'stopped' = 'no'
  let fault: string | undefined
  /** What was told before the stored states were read. */
  const early: (() => void)[] = []
  let backstop: Timer | undefined
  let touchedAtMs = Number.NEGATIVE_INFINITY
  let eventCount = 0
  const stopping = new AbortController()

  const crossings = createCrossings<Incarnation>(clock, (incarnation, dueMs) => {
    const tracked = lives.get(incarnation)
    if (tracked === undefined || agents.get(tracked.agent.id)?.incarnation !== incarnation) return
    judgeTracked(tracked, Math.min(dueMs, clock.monotonic()))
    endIfDue(tracked)
  })

  const enforcement = createEnforcement({
    control,
    log,
    config,
    enforced: enrolments.enforced,
    signal: stopping.signal,
    onOutcome(tracked, intervention, byPerson) {
      if (byPerson === 'answered' && tracked.intervention === intervention) {
        tracked.state = answered(tracked.state)
      }
      repository.saveEvent(intervention.event, 'intervention')
      save(tracked)
    },
    onIdle: (tracked) => judgeTracked(tracked, undefined),
  })

  const now = (): Moment => ({ bootId, bootMs: clock.sinceBoot(), wallMs: clock.now() })

  /** Sorts by time of the event, also within a millisecond. */
  function nextId(): string {
    eventCount = (eventCount + 1) % 36 ** 4
    const order = eventCount.toString(36).padStart(4, '0')
    return `${clock.now().toString(36).padStart(9, '0')}${order}${randomBytes(5).toString('hex')}`
  }

  function track(agent: Agent): Tracked {
    let tracked = lives.get(agent.incarnation)
    if (tracked === undefined) {
      const stored = restored?.states.get(agent.incarnation)
      tracked = stored && restored ? restoredTracked(agent, stored, restored.events) : freshTracked(agent)
      lives.set(agent.incarnation, tracked)
    } else if (tracked.agent !== agent) {
      tracked.agent = agent
    }
    return tracked
  }

  const save = (tracked: Tracked): void => repository.saveState(storedOf(tracked))

  /** What the ledger says of this very life. */
  function usageOf({ agent }: Tracked): EpochUsage | undefined {
    const epoch = usage.epoch(agent.id)
    return epoch?.incarnation === agent.incarnation ? epoch : undefined
  }

  function numbersOf(tracked: Tracked): {
    readonly epoch: EpochUsage | undefined
    readonly used: Used | undefined
    readonly limits: Limits
    readonly ratios: Ratios
  } {
    const epoch = usageOf(tracked)
    const section = config()
    const limits = limitsNow(tracked, epoch ?? tracked, section, enrolments)
    if (epoch === undefined) return { epoch, used: undefined, limits, ratios: {} }
    const used = usedOf(epoch, section.tokenTypes)
    return { epoch, used, limits, ratios: ratiosOf(used, limits) }
  }

  function judgeAgent(agent: Agent, dueMs?: number): void {
    judgeTracked(track(agent), dueMs)
  }

  /** @param dueMs when a time was due, on the monotonic clock; undefined: something happened just now. */
  function judgeTracked(tracked: Tracked, dueMs: number | undefined): void {
    const { agent } = tracked
    const section = config()
    if (running !== 'yes' || tracked.reopening) return
    const isOver = agent.endedAtMs !== undefined || tracked.state.phase === 'termination'
    if (!section.enabled || isOver || control.isTerminal(agent.id)) {
      crossings.set(agent.incarnation, undefined)
      return
    }
    const { epoch, used, limits, ratios } = numbersOf(tracked)
    if (epoch === undefined || used === undefined) {
      crossings.set(agent.incarnation, LEDGER_RETRY_MS)
      return
    }
    tracked.epoch = epoch.epoch
    const held = control.holds(agent.id)
    const input = {
      limits,
      ratios,
      held: held.has('budget') || tracked.intervention?.asking === 'deciding',
    }
    const moment = now()
    const [state, verdicts] = judge(tracked.state, input, section, moment)
    tracked.state = state
    for (const verdict of verdicts) {
      follow(tracked, verdict, epoch, used, limits, dueMs ?? clock.monotonic())
    }
    const untilEnd = enrolments.enforced(agent) ? msToTermination(tracked.state, section, moment) : undefined
    const untilCrossing =
      held.size > 0 ? undefined : msToCrossing(used, limits, section.warningThresholdPercent)
    // An end that is overdue is a debt of the backstop.
    crossings.set(agent.incarnation, earliest(untilCrossing, untilEnd === 0 ? undefined : untilEnd))
  }

  function follow(
    tracked: Tracked,
    { kind, from, to, triggeredBy }: Verdict,
    epoch: EpochUsage,
    used: Used,
    limits: Limits,
    crossedAtMs: number,
  ): void {
    const reason = reasonOf(triggeredBy, used, limits)
    const event = eventOf(
      tracked,
      {
        id: nextId(),
        atMs: clock.now(),
        phase: to,
        previousPhase: from,
        triggeredBy,
        actionTaken: kind === 'entered' && to === 'warning' ? 'warned' : 'allowed',
        actor: 'budget',
        reason: kind === 'recovered' ? `clear of the limits again; ${reason}` : reason,
      },
      epoch,
      used,
      limits,
    )
    const isIntervention = kind === 'entered' && to === 'intervention'
    tracked.intervention = isIntervention
      ? { event, asking: 'no', outcome: undefined, asked: undefined }
      : undefined
    if (kind === 'entered') {
      tallies[isIntervention ? 'interventions' : 'warnings'][triggeredBy]++
      log.warn('the budget of an agent is in another phase', { agent: event.agent, phase: to, reason })
    }
    if (isIntervention && config().pauseOnIntervention) enforcement.pause(tracked, crossedAtMs)
    tell(tracked, event, kind === 'recovered' ? undefined : isIntervention ? 'intervention' : 'warning')
  }

  function tell(tracked: Tracked, event: ReturnType<typeof eventOf>, countsAs: CountsAs | undefined): void {
    repository.saveEvent(event, countsAs)
    save(tracked)
    bus.emit('agent.phase_changed', { event })
  }

  function endIfDue(tracked: Tracked): void {
    const { agent, state } = tracked
    if (running !== 'yes' || !config().enabled || agent.endedAtMs !== undefined) return
    if (msToTermination(state, config(), now()) === 0) enforcement.terminate(tracked)
  }

  /** Everything once: what no record and no timer has brought up, and what is still owed. */
  function judgeAll(): void {
    for (const agent of agents.list()) {
      const tracked = track(agent)
      judgeTracked(tracked, undefined)
      if (!config().enabled || agent.endedAtMs !== undefined || control.isTerminal(agent.id)) continue
      if (enforcement.owesPause(tracked)) enforcement.pause(tracked, undefined)
      endIfDue(tracked)
    }
    for (const [incarnation, { agent }] of lives) {
      if (agents.get(agent.id)?.incarnation === incarnation) continue
      lives.delete(incarnation)
      crossings.set(incarnation, undefined)
    }
    if (clock.monotonic() - touchedAtMs >= DAY_MS) touch()
  }

  function touch(): void {
    touchedAtMs = clock.monotonic()
    const live = [...agents.list()].filter(({ endedAtMs }) => endedAtMs === undefined)
    for (const agent of live) save(track(agent))
    enrolments.touch(live).catch((error: unknown) => {
      log.warn('enrolments were not marked as seen', { error: String(error) })
    })
  }

  function arm(): void {
    backstop?.cancel()
    backstop = clock.setTimer(config().checkIntervalMs, () => {
      judgeAll()
      if (running === 'yes') arm()
    })
  }

  /** The life an entry of the journal is about, also when it has just ended. */
  function lifeOf(entry: { readonly agent: AgentId; readonly incarnation: Incarnation | undefined }) {
    const agent = agents.get(entry.agent)
    if (agent !== undefined && (entry.incarnation ?? agent.incarnation) === agent.incarnation) {
      return track(agent)
    }
    return entry.incarnation === undefined ? undefined : lives.get(entry.incarnation)
  }

  const decisions = createDecisions({
    log,
    usage,
    control,
    tallies,
    lifeOf,
    save,
    judge: (tracked) => judgeTracked(tracked, undefined),
    tell(tracked, { previousPhase, triggeredBy, actionTaken, entry, countsAs }) {
      const { epoch, used, limits } = numbersOf(tracked)
      const happening = {
        id: nextId(),
        atMs: clock.now(),
        phase: tracked.state.phase,
        ...{ previousPhase, triggeredBy, actionTaken },
        actionId: entry.id,
        actor: entry.actor,
        reason: entry.reason,
      }
      tell(tracked, eventOf(tracked, happening, epoch, used, limits), countsAs)
    },
  })

  /** Until the stored states are read nothing is judged; what is told meanwhile is heard afterwards. */
  function onceRestored<Event>(handler: (event: Event) => void): (event: Event) => void {
    return (event) => {
      if (running === 'no') early.push(() => handler(event))
      else if (running === 'yes') handler(event)
    }
  }
  bus.on('agent.paused', onceRestored(decisions.paused))
  bus.on('agent.resumed', onceRestored(decisions.resumed))
  bus.on('agent.terminated', onceRestored(decisions.terminated))
  bus.on(
    'agent.started',
    onceRestored(({ agent }) => judgeAgent(agent)),
  )
  bus.on('agent.exited', ({ agent }) => crossings.set(agent.incarnation, undefined))
  usage.onChange((id) => {
    const agent = agents.get(id)
    if (agent !== undefined) judgeAgent(agent)
  })

  function view(agent: Agent): BudgetView {
    const tracked = track(agent)
    const { used, limits, ratios } = numbersOf(tracked)
    const { phase, triggeredBy } = tracked.state
    return { phase, triggeredBy, enforced: enrolments.enforced(agent), limits, used, ratios }
  }

  const census = createCensus({
    agents: agents.list,
    phaseOf: ({ incarnation }) => lives.get(incarnation)?.state.phase,
    control,
  })

  function phaseOf(id: AgentId): Phase | undefined {
    const agent = agents.get(id)
    return agent === undefined ? undefined : track(agent).state.phase
  }

  async function start(): Promise<void> {
    try {
      restored = await repository.restore()
      enrolments.restore(restored.enrolments)
    } catch (error) {
      fault = 'phases and enrolments of earlier runs could not be read'
      log.warn(fault, { error: String(error) })
    }
    running = 'yes'
    // Whoever asked before did not see what was stored.
    lives.clear()
    for (const agent of agents.list()) {
      track(agent)
      if (agent.endedAtMs === undefined && control.holds(agent.id).size > 0) {
        usage.setPaused(agent.id, 'paused')
      }
    }
    for (const hear of early.splice(0)) hear()
    judgeAll()
    arm()
  }

  const feature: Feature = {
    name: 'resourceExhaustion',
    collectors: [
      createExhaustionCollector({
        agents: agents.list,
        view,
        agentsByPhase: () => census().agentsByPhase,
        tallies,
        warningRatio: () => config().warningThresholdPercent,
      }),
    ],
    describe(id) {
      const agent = agents.get(id)
      if (agent === undefined) return undefined
      const { phase, triggeredBy, enforced, limits, ratios } = view(agent)
      return {
        phase,
        ratios,
        thresholds: thresholdsOf(limits),
        ...(triggeredBy === undefined ? {} : { triggeredBy }),
        enforced,
      }
    },
    health: () => ({
      status: fault === undefined ? 'healthy' : 'degraded',
      enabled: config().enabled,
      ...census(),
      ...(fault === undefined ? {} : { fault }),
    }),
    routes: exhaustionRoutes({ repository, census, config }),
    start,
    async stop() {
      running = 'stopped'
      stopping.abort()
      backstop?.cancel()
      crossings.stop()
      await repository.flushed()
    },
  }

  return {
    feature,
    validate: enrolments.validate,
    enforced: enrolments.enforced,
    phaseOf,
    async enrol(agent, request) {
      await enrolments.enrol(agent, request)
      judgeAgent(agent)
    },
    answer(id) {
      const agent = agents.get(id)
      if (agent === undefined) return undefined
      const { phase, ratios } = view(agent)
      return { phase, ratios }
    },
    refresh() {
      if (running !== 'yes') return
      judgeAll()
      arm()
    },
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b
  return b === undefined ? a : Math.min(a, b)
}
