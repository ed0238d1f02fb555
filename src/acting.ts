import { join } from 'node:path'
import type { AgentEvents } from './agents/model.ts'
import type { Agents } from './agents/service.ts'
import type { Config } from './config/schema.ts'
import { createKillSwitch } from './control/kill-switch.ts'
import { createActingLock } from './control/lock.ts'
import type { ControlDesk, ControlEvents, KillSwitch } from './control/model.ts'
import { controlRoutes } from './control/routes.ts'
import { createControl } from './control/service.ts'
import type { ControlCopyTables, ControlTables } from './control/tables.ts'
import { createWaiters } from './control/waiters.ts'
import { parseBudget } from './exhaustion/budget.ts'
import { type ExhaustionEvents, RESOURCES, THRESHOLD_KEYS } from './exhaustion/model.ts'
import { createExhaustion, type Exhaustion } from './exhaustion/service.ts'
import type { ExhaustionTables } from './exhaustion/tables.ts'
import type { Bus } from './platform/bus.ts'
import { ownContainerId } from './platform/docker/own-container.ts'
import type { Feature } from './platform/feature.ts'
import type { Store } from './platform/store/store.ts'
import type { Readers } from './readers.ts'
import { createContainerRuntime } from './runtimes/container.ts'
import { createCooperativeRuntime } from './runtimes/cooperative.ts'
import { createProcessRuntime } from './runtimes/process.ts'
import type { Settings } from './settings.ts'
import { maySignalOthers, ownLabels, pastLivesOf, selfAndAncestors, standingOf, targetOf } from './targets.ts'
import type { UsageEvents } from './usage/model.ts'
import type { UsageRoom } from './usage/room.ts'
import { createUsage } from './usage/service.ts'
import type { UsageTables } from './usage/tables.ts'

/** What the judging and acting rooms tell each other. */
export type ActingEvents = AgentEvents & UsageEvents & ExhaustionEvents & ControlEvents

type Lanes = 'db' | 'put' | 'enqueue' | 'daemonId'

/** Where the rooms keep what must survive. */
export interface ActingStores {
  readonly store: Pick<Store<UsageTables & ExhaustionTables>, Lanes>
  /** Always a file of this host. */
  readonly journal: Pick<Store<ControlTables>, Lanes>
  /** A server that many hosts share, when there is one: it gets a copy of the journal. */
  readonly copy: Pick<Store<ControlCopyTables>, 'enqueue' | 'flush'> | undefined
}

/** Budgets, and the one door through which anything is done to an agent. */
export interface Acting {
  readonly usage: UsageRoom
  readonly exhaustion: Exhaustion
  readonly desk: ControlDesk
  readonly killSwitch: KillSwitch
  /** Start before the room of the agents, whose events they need from the first. */
  readonly before: readonly Feature[]
  /** Start after it, when holds are known again. */
  readonly after: readonly Feature[]
  /** What they know of one agent, flat. */
  describe(id: string): Readonly<Record<string, unknown>>
  /** The journal was damaged and put aside. */
  damaged(): void
}

export interface ActingOptions {
  readonly settings: Settings
  readonly stores: ActingStores
  readonly readers: Readers
  readonly bus: Bus<ActingEvents>
  readonly bootId: string
  /** The room of the agents, which is built after these. */
  readonly agents: () => Agents
}

/** What was judged before the journal was lost has been judged again after it. */
const LEAST_DEAF_MS = 600_000

function longestDeafMs({ alertmanager }: Config): number {
  return Math.max(LEAST_DEAF_MS, ...alertmanager.rules.map(({ deafFor }) => deafFor))
}

/** Builds what judges and acts. Nothing is opened or started yet. */
export function createActing({ settings, stores, readers, bus, bootId, agents }: ActingOptions): Acting {
  const { clock, log, config, procRoot, cgroupRoot, dataDir } = settings
  const control = () => config.current.control
  const fleet = {
    get: (id: string) => agents().get(id),
    list: () => agents().list(),
    touch: (id: string) => agents().touch(id),
    mayTell: ((caller, agent) => agents().mayTell(caller, agent)) satisfies Agents['mayTell'],
    snapshot: ((agent, thoroughness) => agents().snapshot(agent, thoroughness)) satisfies Agents['snapshot'],
    container: ((agent) => agents().container(agent)) satisfies Agents['container'],
  }
  const ownContainer = ownContainerId(procRoot)
  const ownUid = process.geteuid?.()
  const signalsAll = maySignalOthers(procRoot)

  const killSwitch = createKillSwitch({
    path: control().killSwitchFile ?? join(dataDir, 'STOP'),
    clock,
    log,
  })
  const { lock: name } = control()
  const lock = createActingLock({ ...(name === undefined ? {} : { name }), uid: ownUid, clock, log })

  const usage = createUsage({
    clock,
    bootId,
    bus,
    log,
    store: stores.store,
    agents: fleet,
    config: () => config.current.resourceExhaustion,
    answer: (id) => exhaustion.answer(id) ?? { phase: 'normal', ratios: {} },
    ownUid,
  })

  const processes = createProcessRuntime({ clock, procRoot, cgroupRoot })
  const room = createControl({
    clock,
    bootId,
    log,
    bus,
    journal: stores.journal,
    ...(stores.copy === undefined ? {} : { copy: stores.copy }),
    dataDir,
    agents: fleet,
    target: (agent, stopped, byOthers) => targetOf(fleet, agent, stopped, byOthers),
    runtimes: {
      process: processes,
      container: createContainerRuntime({
        clock,
        engine: readers.docker,
        cgroups: readers.cgroups,
        ownContainer,
      }),
      cooperative: createCooperativeRuntime({
        clock,
        gate: (id) => (room.desk.isTerminal(id) ? 'ended' : room.desk.isHeld(id) ? 'closed' : 'open'),
        incarnation(id) {
          const agent = fleet.get(id)
          return agent?.endedAtMs === undefined ? agent?.incarnation : undefined
        },
      }),
    },
    stoppedNow: processes.stoppedNow,
    pastLives: pastLivesOf(procRoot, bootId, readers.docker.containers),
    enforced: (agent) => exhaustion.enforced(agent),
    container: (agent) =>
      standingOf(agent, {
        container: fleet.container,
        ownId: ownContainer,
        cgroups: readers.cgroups,
        labelled: readers.docker.containers,
      }),
    protectedPids: () => selfAndAncestors(readers.table),
    mayActOnUid: (uid) => signalsAll || uid === ownUid,
    config: control,
    hostAvailableBytes: readers.available.read,
    deafForMs: () => longestDeafMs(config.current),
    onTrusted: () => exhaustion.refresh(),
    killSwitch,
    lock,
  })
  const { desk } = room

  const exhaustion = createExhaustion({
    clock,
    bootId,
    log,
    bus,
    store: stores.store,
    agents: fleet,
    usage: usage.usage,
    control: desk,
    config: () => config.current.resourceExhaustion,
    labels: (agent) => ownLabels(fleet, agent),
    enforceDiscovered: () => control().enforceDiscovered,
  })

  const waiters = createWaiters({
    bus,
    isHeld: desk.isHeld,
    isTerminal: desk.isTerminal,
    isLive(id) {
      const agent = fleet.get(id)
      return agent !== undefined && agent.endedAtMs === undefined
    },
  })

  // What only ever told about itself has nothing else that could end.
  bus.on('agent.terminated', ({ entry }) => {
    const agent = fleet.get(entry.agent)
    if (agent?.runtime === 'cooperative' && agent.incarnation === entry.incarnation) agents().retire(agent)
  })
  config.onChange(() => exhaustion.refresh())

  const controlFeature: Feature = {
    name: 'control',
    collectors: room.collectors,
    describe: room.describe,
    health: room.health,
    routes: controlRoutes({
      clock,
      desk,
      waiters,
      killSwitch,
      agent: fleet.get,
      mayTell: fleet.mayTell,
      phase: (id) => exhaustion.phaseOf(id) ?? 'normal',
      isEnforced(id) {
        const agent = fleet.get(id)
        return agent !== undefined && exhaustion.enforced(agent)
      },
      readExtraBudget: (extra) => parseBudget(extra, '/extraBudget'),
      budgetKeys: [...Object.values(THRESHOLD_KEYS), ...RESOURCES],
    }),
    async start() {
      killSwitch.start()
      await lock.start()
      await room.start()
    },
    async stop() {
      waiters.stop()
      await room.stop()
      await lock.stop()
      killSwitch.stop()
    },
  }

  const before = [usage.feature, exhaustion.beforeAgents, controlFeature]
  const after = [exhaustion.feature]
  return {
    usage,
    exhaustion,
    desk,
    killSwitch,
    before,
    after,
    describe: (id) => Object.assign({}, ...[...before, ...after].map(({ describe }) => describe?.(id))),
    damaged: room.damaged,
  }
}
