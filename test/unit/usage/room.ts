import { createHistory } from '../../../src/agents/history.ts'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { emptyReading } from '../../../src/agents/reading.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { createNoStore } from '../../../src/platform/store/no-store.ts'
import type { UsageEvents } from '../../../src/usage/model.ts'
import { createUsage, type UsageDependencies } from '../../../src/usage/service.ts'
import type { UsageTables } from '../../../src/usage/tables.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

export function fakeAgent(id: string, more: Partial<Agent> = {}): Mutable<Agent> {
  return {
    id,
    ordinal: 1,
    runtime: 'process',
    incarnation: `boot:ns:${id}:1`,
    origin: 'registered',
    info: { name: id, role: 'coder', vendor: undefined, workspace: '/srv/x' },
    state: 'running',
    startedAtMs: Date.UTC(2025, 11, 31),
    endedAtMs: undefined,
    lastActivityAtMs: undefined,
    conflict: false,
    uid: 1000,
    reading: emptyReading(),
    history: createHistory(),
    ...more,
  }
}

/** The room between a fake registry and a store that may be told to fail. */
export function createUsageTestRoom(
  options: Partial<UsageDependencies> & { readonly clock?: FakeClock } = {},
) {
  const clock = options.clock ?? fakeClock()
  const bus = createBus<AgentEvents & UsageEvents>((error) => {
    throw error
  })
  const agents = new Map<string, Mutable<Agent>>()
  const events: { readonly name: string; readonly event: unknown }[] = []
  for (const name of ['agent.deliverable_recorded', 'usage.epoch_ended'] as const) {
    bus.on(name, (event) => void events.push({ name, event }))
  }
  const state = {
    failure: undefined as Error | undefined,
    puts: 0,
    answers: 0,
    config: {
      tokenTypes: ['input', 'output', 'cache_write'] as const,
      verifyArtifacts: false,
      resetCountersOnDeliverable: false,
    },
    mayTell: true,
    verified: undefined as boolean | undefined,
    touched: [] as string[],
  }
  const room = createUsage({
    clock,
    bootId: 'boot',
    bus,
    log: silentLog,
    store: {
      ...createNoStore<UsageTables>(),
      put: async () => {
        state.puts++
        if (state.failure !== undefined) throw state.failure
      },
    },
    agents: {
      get: (id) => agents.get(id),
      list: () => agents.values(),
      touch: (id) => void state.touched.push(id),
      mayTell: async () => state.mayTell,
    },
    config: () => state.config,
    answer: () => ({ phase: 'normal', ratios: { n: ++state.answers } }),
    ownUid: 1000,
    verify: async () => state.verified,
    ...options,
  })
  return {
    ...room,
    clock,
    bus,
    state,
    events,
    start(id: string, more: Partial<Agent> = {}) {
      const agent = fakeAgent(id, more)
      agents.set(id, agent)
      bus.emit('agent.started', { agent, resumed: false })
      return agent
    },
    exit(agent: Mutable<Agent>) {
      agent.endedAtMs = clock.now()
      bus.emit('agent.exited', { agent })
    },
    remove(agent: Agent) {
      agents.delete(agent.id)
      bus.emit('agent.removed', { agent })
    },
    forget: (id: string) => void agents.delete(id),
    /** A record that happens now. */
    use: (more: object = { apiCalls: 1 }) => ({ source: 'api', atMs: clock.now(), ...more }),
  }
}
