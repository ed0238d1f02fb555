import { setMaxListeners } from 'node:events'
import type { Agent, AgentEvents, AgentId } from '../agents/model.ts'
import type { Control, ControlEvents } from '../control/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Feature } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import type { ProblemField } from '../platform/problem.ts'
import type { Store } from '../platform/store/store.ts'
import type { Usage, UsageEvents } from '../usage/model.ts'
import { createCensus, emptyTallies } from './census.ts'
import { createExhaustionCollector } from './collector.ts'
import { createDecisions } from './decisions.ts'
import { createEnforcement } from './enforcement.ts'
import { createEnrolments, type EnrolmentRequest, type OwnLabels } from './enrolment.ts'
import { answered } from './judge.ts'
import { type ExhaustionConfig, thresholdsOf, triggerName } from './limits.ts'
import type { Enrolment, ExhaustionEvents, Phase } from './model.ts'
import type { Ratios } from './ratios.ts'
import { createExhaustionRepository } from './repository.ts'
import { createRounds } from './rounds.ts'
import { exhaustionRoutes } from './routes.ts'
import type { ExhaustionTables } from './tables.ts'
import { createWatch } from './watch.ts'

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
  /**
   * Starts before anybody looks for agents: a process that gives itself the name of an enrolled agent must find that
   * it is taken.
   */
  readonly beforeAgents: Feature
  /** A name without a process has got one: what was chosen for it goes along. */
  inherit(from: Agent, to: Agent): void
  /** What was chosen for this life of the agent. */
  of(agent: Agent): Enrolment | undefined
  /** Whether an intervention acts on the agent. */
  enforced(agent: Agent): boolean
  /** Undefined: no such agent. */
  phaseOf(id: AgentId): Phase | undefined
  /** What a record of use is answered with. */
  answer(id: AgentId): { readonly phase: Phase; readonly ratios: Ratios } | undefined
  /** Judges every agent now: call it when the configuration was loaded again. */
  refresh(): void
}

/** Judges the use of every agent against its limits, and asks for what should follow. It stops nothing itself. */
export function createExhaustion(dependencies: ExhaustionDependencies): Exhaustion {
  const { clock, bootId, log, bus, store, agents, usage, control, config, enforceDiscovered } = dependencies
  const repository = createExhaustionRepository(store, clock.now, log)
  const enrolments = createEnrolments({
    repository,
    profiles: () => config().profiles,
    roles: () => config().roles,
    labels: dependencies.labels ?? (() => ({})),
    enforceDiscovered,
  })
  const tallies = emptyTallies()
  let running: 'no' | 'yes' | 'stopped' = 'no'
  let fault: string | undefined
  /** What was told before the stored states were read. */
  const early: (() => void)[] = []
  const isRunning = () => running === 'yes'
  const stopping = new AbortController()
  // Every agent at its limit waits for its own pause.
  setMaxListeners(0, stopping.signal)

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
      watch.save(tracked)
    },
    onIdle: (tracked) => watch.judge(tracked),
  })

  const watch = createWatch({
    ...{ clock, bootId, log, bus, agents, usage, control, config, enrolments, repository, tallies },
    isRunning,
    onIntervention(tracked, crossedAtMs) {
      if (config().pauseOnIntervention) enforcement.pause(tracked, crossedAtMs)
    },
    onTime: (tracked) => rounds.endIfDue(tracked),
  })

  const rounds = createRounds({
    ...{ clock, log, agents, control, config, enrolments, enforcement, watch, isRunning },
  })

  const decisions = createDecisions({
    ...{ log, usage, control, tallies },
    lifeOf: watch.lifeOf,
    save: watch.save,
    judge: watch.judge,
    tell: watch.decided,
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
    onceRestored(({ agent }) => watch.judgeId(agent.id)),
  )
  bus.on('agent.exited', ({ agent }) => watch.rest(agent.incarnation))
  usage.onChange(watch.judgeId)

  const census = createCensus({
    agents: agents.list,
    phaseOf: ({ incarnation }) => watch.lives.get(incarnation)?.state.phase,
    control,
  })

  function phaseOf(id: AgentId): Phase | undefined {
    const agent = agents.get(id)
    return agent === undefined ? undefined : watch.track(agent).state.phase
  }

  async function start(): Promise<void> {
    let stored: Awaited<ReturnType<typeof repository.restore>> | undefined
    try {
      stored = await repository.restore()
      enrolments.restore(stored.enrolments)
    } catch (error) {
      fault = 'phases and enrolments of earlier runs could not be read'
      log.warn(fault, { error: String(error) })
    }
    running = 'yes'
    watch.restore(stored)
    for (const agent of agents.list()) {
      const isStopped = [...control.holds(agent.id).values()].some(({ partial }) => partial === undefined)
      if (agent.endedAtMs === undefined && isStopped) usage.setPaused(agent.id, 'paused')
    }
    for (const hear of early.splice(0)) hear()
    rounds.begin()
  }

  const beforeAgents: Feature = {
    name: 'enrolments',
    async start() {
      try {
        enrolments.restore(await repository.enrolments())
      } catch (error) {
        log.warn('enrolments of earlier runs could not be read yet', { error: String(error) })
      }
    },
  }

  const feature: Feature = {
    name: 'resourceExhaustion',
    collectors: [
      createExhaustionCollector({
        agents: agents.list,
        view: watch.view,
        agentsByPhase: () => census().agentsByPhase,
        tallies,
        warningRatio: () => config().warningThresholdPercent,
      }),
    ],
    describe(id) {
      const agent = agents.get(id)
      if (agent === undefined) return undefined
      const { phase, triggeredBy, enforced, limits, ratios } = watch.view(agent)
      return {
        phase,
        ratios,
        thresholds: thresholdsOf(limits),
        ...(triggeredBy === undefined
          ? {}
          : { triggeredBy: triggerName(triggeredBy), resource: triggeredBy }),
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
      rounds.stop()
      watch.stop()
      await repository.flushed()
    },
  }

  return {
    beforeAgents,
    feature,
    inherit(from, to) {
      enrolments.inherit(from, to).catch((error: unknown) => {
        log.warn('an enrolment is in memory only', { agent: to.id, error: String(error) })
      })
    },
    validate: enrolments.validate,
    of: enrolments.of,
    enforced: enrolments.enforced,
    phaseOf,
    async enrol(agent, request) {
      await enrolments.enrol(agent, request)
      watch.judgeId(agent.id)
    },
    answer(id) {
      const agent = agents.get(id)
      if (agent === undefined) return undefined
      const { phase, ratios } = watch.view(agent)
      return { phase, ratios }
    },
    refresh() {
      if (running !== 'yes') return
      // What was only written down under the old configuration may be done under the new one.
      for (const { intervention } of watch.lives.values()) {
        if (intervention?.outcome === 'dry_run') intervention.asked = undefined
      }
      rounds.begin()
    },
  }
}
