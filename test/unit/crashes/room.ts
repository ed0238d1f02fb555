import { createHistory } from '../../../src/agents/history.ts'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { emptyReading } from '../../../src/agents/reading.ts'
import type { CrashEvents, OwnActionEvidence } from '../../../src/crashes/model.ts'
import { createCrashes } from '../../../src/crashes/service.ts'
import type { CrashesTables } from '../../../src/crashes/tables.ts'
import { createBus } from '../../../src/platform/bus.ts'
import type { ContainerChange, ContainerInfo } from '../../../src/platform/docker/container.ts'
import type { SeenKill } from '../../../src/platform/kernel-log/reader.ts'
import { silentLog } from '../../../src/platform/log.ts'
import type { ProcessKey } from '../../../src/platform/proc/process.ts'
import { createNoStore } from '../../../src/platform/store/no-store.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const BOOT = '11111111-2222-4333-8444-555555555555:4026531836'
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
export type FakeAgent = Mutable<Agent>

/** The room over a pretended host: everything it reads is set by the test. */
export function createRoom() {
  const clock = fakeClock()
  const bus = createBus<AgentEvents & CrashEvents>((error) => {
    throw error
  })
  const agents = new Map<string, FakeAgent>()
  const containers = new Map<string, ContainerInfo>()
  const host = {
    kills: 0,
    groupKills: 0,
    workingSet: undefined as number | undefined,
    covered: (clock.now() - 3_600_000) as number | undefined,
    logged: [] as SeenKill[],
    logCovered: undefined as number | undefined,
    running: new Set<number>(),
    waitStatus: undefined as number | undefined,
    terminates: [] as OwnActionEvidence[] | Error,
    members: new Map<string, number[]>(),
    storeFails: false,
  }
  let listener: (change: ContainerChange) => void = () => {}
  const saved: string[] = []
  const store = {
    ...createNoStore<CrashesTables>(),
    async put(writes: readonly { readonly rows: readonly unknown[] }[]) {
      if (host.storeFails) throw new Error('the disk is full')
      for (const { rows } of writes) saved.push(...rows.map((row) => (row as { id: string }).id))
    },
  }
  const crashes = createCrashes({
    ...{ clock, log: silentLog, bus, store: store as never },
    agents: { get: (id) => agents.get(id), list: () => agents.values() },
    config: () => ({ retain: 100, outputTail: 2_000 }),
    sources: {
      engine: {
        containers: () => containers,
        coveredSince: () => host.covered,
        on(to) {
          listener = to
          return () => {}
        },
      },
      group: () => ({
        ...{ oomKills: host.groupKills, workingSetBytes: host.workingSet, peakBytes: host.workingSet },
        limitBytes: 2 ** 26,
      }),
      hostKills: () => host.kills,
      kernelLog: { drain: () => host.logged.splice(0), coveredSince: () => host.logCovered, close() {} },
      pidsAreOurs: true,
      space: BOOT,
      runs: ({ pid }) => host.running.has(pid),
      members: (agent) => host.members.get(agent.id) ?? [],
      waitStatus: (_: ProcessKey) => host.waitStatus,
      async terminates() {
        if (host.terminates instanceof Error) throw host.terminates
        return host.terminates
      },
    },
  })
  const ended: string[] = []
  const crashed: string[] = []
  bus.on('agent.ended', ({ subject, verdict }) => ended.push(`${subject.agent} ${verdict.reason}`))
  bus.on('agent.crashed', ({ record }) => crashed.push(`${record.agent} ${record.verdict.cause}`))

  /** Timers run, and what they began comes to its end. */
  async function pass(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 100) {
      clock.advance(Math.min(100, ms - gone))
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    }
  }

  function add(id: string, more: Partial<Agent>): FakeAgent {
    const agent: FakeAgent = {
      ...{ id, ordinal: 1, runtime: 'process', incarnation: `${BOOT}:77:770`, origin: 'registered' },
      info: { name: id, role: 'coder', vendor: undefined, workspace: undefined },
      ...{ state: 'running', startedAtMs: clock.now(), endedAtMs: undefined, lastActivityAtMs: undefined },
      ...{ conflict: false, uid: 0, reading: emptyReading(), history: createHistory() },
      ...more,
    } as FakeAgent
    agents.set(id, agent)
    bus.emit('agent.started', { agent, resumed: false })
    return agent
  }

  return {
    ...{ clock, bus, agents, containers, host, crashes, ended, crashed, saved, pass },
    process: (id: string, pid = 77) => add(id, { incarnation: `${BOOT}:${pid}:${pid}0` }),
    container(id: string, more: Partial<ContainerInfo> = {}): { agent: FakeAgent; info: ContainerInfo } {
      const startedAt = new Date(clock.now()).toISOString()
      const info: ContainerInfo = {
        ...{ id: `${id}`.padEnd(64, '0'), name: id, image: 'i', state: 'running', startedAt },
        ...{ finishedAt: undefined, exitCode: undefined, oomKilled: false, restarts: 0, pid: 500 },
        labels: { 'agent-exporter.agent': id },
        ...{ memoryLimitBytes: 2 ** 26, cpuLimitCores: undefined, pidsLimit: undefined },
        ...more,
      }
      containers.set(info.id, info)
      const incarnation = `${info.id}:${startedAt}`
      return { agent: add(id, { runtime: 'container', incarnation }), info }
    },
    /** What the engine tells. */
    event(
      container: ContainerInfo,
      action: 'oom' | 'kill' | 'die',
      more: { exitCode?: number; signal?: string } = {},
    ) {
      const at = clock.now()
      const whole = { exitCode: undefined, signal: undefined, ...more }
      listener({ kind: 'incident', action, container, at, ...whole })
    },
    inspected(container: ContainerInfo, more: Partial<ContainerInfo>) {
      const info = { ...container, ...more }
      containers.set(info.id, info)
      listener({ kind: 'changed', container: info, previous: container })
    },
    sample: () => bus.emit('sample', { atMs: clock.monotonic(), depth: 'core' }),
    exit(agent: FakeAgent) {
      agent.endedAtMs = clock.now()
      bus.emit('agent.exited', { agent })
    },
  }
}
