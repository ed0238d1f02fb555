import type { AgentsDependencies, AgentsOptions } from '../../../src/agents/dependencies.ts'
import type { AgentEvents } from '../../../src/agents/model.ts'
import { createAgents } from '../../../src/agents/service.ts'
import type { AgentsTables } from '../../../src/agents/tables.ts'
import { createBus } from '../../../src/platform/bus.ts'
import type { CgroupFinder } from '../../../src/platform/cgroup/reader.ts'
import { type CgroupSample, emptySample } from '../../../src/platform/cgroup/sample.ts'
import type { ContainerChange, ContainerInfo, EngineStatus } from '../../../src/platform/docker/container.ts'
import { silentLog } from '../../../src/platform/log.ts'
import type { ProcessIdentity, SlowLane } from '../../../src/platform/proc/process.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { createProcessWorld, type ProcessWorld, type SimulatedProcess } from './process-world.ts'

export const SPACE = { bootId: 'boot', pidNamespace: '4026531836' }
const COMMANDS = new Set(['claude', 'codex', 'aider'])
/** Enough turns of the event loop for every promise of a sample. */
const TURNS = 40

type Registered = AgentsTables['agents']
type Checkpoint = AgentsTables['agent_incarnations']
type Identities = Map<number, Partial<ProcessIdentity> | 'hung' | 'unreadable'>

/** A store that remembers only checkpoints, and gives back those of an earlier run. */
export function fakeStore(earlier: readonly Checkpoint[] = [], registered: readonly Registered[] = []) {
  const checkpoints: Checkpoint[] = []
  /** Answers any chain of builder calls on a table with the rows of that table. */
  const chain = (rows: readonly unknown[]): unknown =>
    new Proxy({}, { get: (_, key) => (key === 'execute' ? async () => rows : () => chain(rows)) })
  const db = new Proxy(
    {},
    { get: () => (table: string) => chain(table === 'agent_incarnations' ? earlier : registered) },
  )
  const store = {
    db: db as Store<AgentsTables>['db'],
    daemonId: 'daemon',
    enqueue(_table: string, row: unknown) {
      checkpoints.push(row as Checkpoint)
      return 'queued' as const
    },
  }
  return { store: store as Pick<Store<AgentsTables>, 'db' | 'enqueue' | 'daemonId'>, checkpoints }
}

export interface FakeContainer {
  info: ContainerInfo
  sample: CgroupSample
}

/** The whole room on a simulated kernel and engine, one second at a time. */
export function createRoom(
  overrides: Partial<AgentsOptions> = {},
  /** The room of an earlier run of the daemon on the same kernel. */
  before?: {
    readonly world: ProcessWorld
    readonly identities: Identities
    readonly checkpoints: readonly Checkpoint[]
    readonly registered?: readonly Registered[]
  },
  /** What the other rooms pass in. */
  others: Partial<Pick<AgentsDependencies, 'describe' | 'enrolment' | 'beforeRemove'>> = {},
) {
  const clock = fakeClock()
  const world = before?.world ?? createProcessWorld()
  world.table.reset()
  const identities: Identities = before?.identities ?? new Map()
  const containers = new Map<string, ContainerInfo>()
  const samples = new Map<string, CgroupSample>()
  const pidContainer = new Map<number, string>()
  const events: { readonly name: string; readonly id: string }[] = []
  const failures: unknown[] = []
  const bus = createBus<AgentEvents>((error) => void failures.push(error))
  for (const name of [
    'agent.discovered',
    'agent.registered',
    'agent.started',
    'agent.exited',
    'agent.removed',
  ] as const) {
    bus.on(name, ({ agent }) => void events.push({ name, id: agent.id }))
  }
  let identified = 0

  const slow: SlowLane = {
    async identify(key) {
      identified++
      const p = world.processes.get(key.pid)
      if (p?.startTime !== key.startTime) return 'gone'
      const known = identities.get(key.pid) ?? {}
      if (known === 'hung' || known === 'unreadable') return known
      return { argv: [p.comm], environment: {}, cwd: '/home/me/work', ...known }
    },
    pss: async () => 700,
    forget() {},
    stuck: () => 0,
    close: async () => {},
  }

  const path = (id: string) => `/docker/${id}`
  const cgroups: CgroupFinder = {
    version: 2,
    locate(pid) {
      const id = pidContainer.get(pid)
      return id === undefined ? { version: 2, path: '/user.slice' } : { version: 2, path: path(id) }
    },
    find: () => undefined,
    read(ref, into) {
      const sample = [...samples].find(([id]) => path(id) === ref.path)?.[1]
      if (sample === undefined) return 'gone'
      Object.assign(into, sample)
      return 'ok'
    },
    processes: () => [1, 2, 3],
    forget() {},
    close() {},
  }

  const engine: { status: EngineStatus } = { status: { state: 'connected' } }
  const listeners = new Set<(change: ContainerChange) => void>()
  const { store, checkpoints } = fakeStore(before?.checkpoints, before?.registered)
  const agents = createAgents({
    ...others,
    clock,
    bus,
    log: silentLog,
    table: world.table,
    reader: world.reader,
    slow,
    space: SPACE,
    startedAtMs: (startTime) => startTime * 10,
    containers: {
      engine: {
        containers: () => containers,
        status: () => engine.status,
        on(listener) {
          listeners.add(listener)
          return () => void listeners.delete(listener)
        },
      },
      cgroups,
      network: { read: () => ({ receiveBytes: 11, transmitBytes: 22 }) },
      stats: { read: async () => ({ outcome: 'unreadable', network: undefined }) },
    },
    store,
    options: {
      intervalMs: 1_000,
      retentionMs: () => 300_000,
      commands: () => COMMANDS,
      discoverProcesses: () => true,
      discoverContainers: () => true,
      perAgentMetrics: () => 'full',
      exposePaths: () => false,
      ownUid: 999,
      ...overrides,
    },
  })

  async function settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  return {
    agents,
    clock,
    world,
    bus,
    events,
    failures,
    identities,
    containers,
    engine,
    samples,
    checkpoints,
    get identified() {
      return identified
    },
    /** The engine tells of one of its containers. */
    incident(action: 'oom' | 'die', container: ContainerInfo): void {
      const change = { kind: 'incident', action, container, at: clock.now() } as const
      for (const listener of listeners) listener({ ...change, exitCode: undefined, signal: undefined })
    },
    start: () => agents.feature.start!(),
    stop: () => agents.feature.stop!(),
    /** Lets this many seconds pass, with everything that happens in them. */
    async seconds(count: number): Promise<void> {
      for (let second = 0; second < count; second++) {
        clock.advance(1_000)
        await settle()
      }
    },
    freshen: () => agents.freshen(new AbortController().signal),
    ids: () => [...agents.list()].filter((agent) => agent.endedAtMs === undefined).map((agent) => agent.id),
    /** A shell of a user, which never is an agent. */
    shell: () => world.spawn({ comm: 'bash' }),
    run(parent: SimulatedProcess, comm: string, identity: Partial<ProcessIdentity> = {}): SimulatedProcess {
      const child = world.fork(parent)
      world.exec(child, comm)
      identities.set(child.pid, identity)
      return child
    },
    container(id: string, options: Partial<ContainerInfo> = {}): ContainerInfo {
      const full = id.padEnd(64, '0')
      const info: ContainerInfo = {
        id: full,
        name: id,
        image: 'busybox',
        state: 'running',
        startedAt: '2026-01-01T00:00:00.000000001Z',
        finishedAt: undefined,
        exitCode: undefined,
        oomKilled: false,
        restarts: 0,
        pid: undefined,
        labels: {},
        memoryLimitBytes: undefined,
        cpuLimitCores: undefined,
        pidsLimit: undefined,
        ...options,
      }
      containers.set(full, info)
      if (info.pid !== undefined) pidContainer.set(info.pid, full)
      samples.set(full, {
        ...emptySample(),
        memoryAnonBytes: 5_000,
        pids: 4,
        cpuUserSeconds: 1,
        cpuSystemSeconds: 0,
      })
      return info
    },
    into: (pid: number, container: ContainerInfo) => void pidContainer.set(pid, container.id),
  }
}
