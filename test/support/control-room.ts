import { createHistory } from '../../src/agents/history.ts'
import type { Agent, AgentEvents, Incarnation } from '../../src/agents/model.ts'
import { emptyReading } from '../../src/agents/reading.ts'
import type { ControlDependencies, ControlRoom } from '../../src/control/dependencies.ts'
import type { ContainerStanding, ControlConfig } from '../../src/control/guard.ts'
import type { ActionEntry, ActionRequest, ControlEvents } from '../../src/control/model.ts'
import type { ControlStore } from '../../src/control/repository.ts'
import { createControl } from '../../src/control/service.ts'
import type { ControlTables } from '../../src/control/tables.ts'
import { type Bus, createBus } from '../../src/platform/bus.ts'
import { silentLog } from '../../src/platform/log.ts'
import { createNoStore } from '../../src/platform/store/no-store.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { type RecordingRuntime, recordingRuntime } from './recording-runtime.ts'

const BOOT_ID = '11111111-2222-4333-8444-555555555555'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
export type FakeAgent = Mutable<Agent>

/** Agents of a pretended host; they outlive a restart of the room. */
export interface FakeHost {
  readonly agents: Map<string, FakeAgent>
  readonly runtime: RecordingRuntime
  readonly clock: FakeClock
  readonly config: Mutable<ControlConfig>
  readonly enforced: Set<string>
  killSwitch: boolean
  acting: boolean
  container: ContainerStanding | undefined
  /** Agents whose tree is not found although they claim to live. */
  readonly lost: Set<string>
  readonly protectedPids: Set<number>
}

export function fakeHost(config: Partial<ControlConfig> = {}): FakeHost {
  return {
    agents: new Map(),
    runtime: recordingRuntime(),
    clock: fakeClock(),
    config: {
      mode: 'enforce',
      enforceDiscovered: false,
      cooldown: 60_000,
      maxFleetShare: 0.1,
      maxFailures: 3,
      maxAutoResumesPerHour: 2,
      approvalExpiry: 1_800_000,
      grace: 10_000,
      ...config,
    },
    enforced: new Set(),
    killSwitch: false,
    acting: true,
    container: undefined,
    lost: new Set(),
    protectedPids: new Set([900, 901]),
  }
}

let pids = 1_000

/** Starts an enforced agent (`discovered`: one that did not opt in). */
export function addAgent(host: FakeHost, id: string, more: Partial<Agent> = {}): FakeAgent {
  const pid = ++pids
  const agent: FakeAgent = {
    id,
    ordinal: pid,
    runtime: 'process',
    incarnation: `${BOOT_ID}:4026531836:${pid}:${pid * 10}`,
    origin: 'registered',
    info: { name: id, role: undefined, vendor: undefined, workspace: undefined },
    state: 'running',
    startedAtMs: host.clock.now(),
    endedAtMs: undefined,
    lastActivityAtMs: undefined,
    conflict: false,
    uid: 1000,
    reading: emptyReading(),
    history: createHistory(),
    ...more,
  }
  host.agents.set(id, agent)
  if (agent.origin !== 'discovered') host.enforced.add(id)
  return agent
}

export interface TestRoom extends ControlRoom {
  readonly bus: Bus<ControlEvents & AgentEvents>
  readonly host: FakeHost
  readonly events: {
    readonly name: string
    readonly entry: ActionEntry
    readonly released?: readonly string[]
  }[]
  emitStarted(agent: Agent): void
  emitExited(agent: FakeAgent): void
  /** Every agent was measured: a second later, and as the driver has it. */
  sample(): Promise<void>
  /** A request with everything that is not said. */
  ask(more: Partial<ActionRequest> & Pick<ActionRequest, 'action' | 'agent'>): Promise<ActionEntry>
  /** The same, settled. */
  act(more: Partial<ActionRequest> & Pick<ActionRequest, 'action' | 'agent'>): Promise<ActionEntry>
}

let episodes = 0

export interface RoomOptions {
  readonly journal?: ControlStore
  readonly dataDir?: string
  readonly copy?: NonNullable<ControlDependencies['copy']>
  readonly stoppedNow?: NonNullable<ControlDependencies['stoppedNow']>
}

/** The room with a pretended host under it. The journal keeps nothing unless one is given. */
export function createTestRoom(host: FakeHost, options: RoomOptions = {}): TestRoom {
  const bus = createBus<ControlEvents & AgentEvents>((error, name) => {
    throw new Error(`handler of ${name} failed: ${error}`)
  })
  const events: TestRoom['events'] = []
  for (const name of [
    'agent.paused',
    'agent.resumed',
    'agent.terminated',
    'action.intended',
    'action.refused',
    'action.done',
    'action.failed',
  ] as const) {
    bus.on(name, (event) => events.push({ name, ...event }))
  }
  const room = createControl({
    clock: host.clock,
    bootId: BOOT_ID,
    log: silentLog,
    bus,
    journal: options.journal ?? createNoStore<ControlTables>(),
    ...(options.copy === undefined ? {} : { copy: options.copy }),
    ...(options.stoppedNow === undefined ? {} : { stoppedNow: options.stoppedNow }),
    dataDir: options.dataDir ?? '/nonexistent',
    agents: { get: (id) => host.agents.get(id), list: () => host.agents.values() },
    target: (agent, stopped, stoppedByOthers) => ({
      agent: agent.id,
      incarnation: agent.incarnation,
      runtime: agent.runtime,
      stopped,
      stoppedByOthers,
      snapshot: async () => (host.lost.has(agent.id) ? undefined : treeOf(agent.incarnation)),
    }),
    runtimes: { process: host.runtime, container: host.runtime },
    enforced: ({ id }) => host.enforced.has(id),
    container: () => host.container,
    protectedPids: () => host.protectedPids,
    mayActOnUid: (uid) => uid === 1000,
    config: () => host.config,
    killSwitch: {
      isEngaged: () => host.killSwitch,
      engage() {
        host.killSwitch = true
      },
      release() {
        host.killSwitch = false
      },
      describe: () => ({ engaged: host.killSwitch }),
      onChange() {},
      start() {},
      stop() {},
    },
    lock: { isHeld: () => host.acting, async start() {}, async stop() {} },
  })

  async function ask(more: Partial<ActionRequest> & Pick<ActionRequest, 'action' | 'agent'>) {
    return room.desk.request({
      trigger: 'human',
      episode: `episode-${++episodes}`,
      actor: 'test',
      reason: 'because',
      hold: more.trigger === undefined || more.trigger === 'human' ? 'human' : holdOf(more.trigger),
      ...more,
    })
  }

  return {
    ...room,
    bus,
    host,
    events,
    emitStarted: (agent) => bus.emit('agent.started', { agent, resumed: true }),
    emitExited(agent) {
      agent.endedAtMs = host.clock.now()
      agent.state = 'exited'
      bus.emit('agent.exited', { agent })
    },
    async sample() {
      host.clock.advance(1_000)
      for (const agent of host.agents.values()) {
        if (agent.endedAtMs !== undefined) continue
        agent.state = host.runtime.stateOf(agent.incarnation) === 'paused' ? 'paused' : 'running'
      }
      bus.emit('sample', { atMs: host.clock.monotonic(), depth: 'core' })
      await new Promise((resolve) => setImmediate(resolve))
    },
    ask,
    async act(more) {
      const { id } = await ask(more)
      return room.desk.settled(id)
    },
  }
}

function holdOf(trigger: string) {
  if (trigger === 'alert') return 'alert:1' as const
  return trigger === 'memory' ? 'memory' : 'budget'
}

function treeOf(incarnation: Incarnation) {
  const [, , pid, startTime] = incarnation.split(':').map(Number)
  return {
    processes: [{ pid: pid!, startTime: startTime!, ppid: 1, pgrp: pid!, session: pid! }],
    groups: [pid!],
  }
}
