import { createHash } from 'node:crypto'
import { createHistory } from '../../../src/agents/history.ts'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { emptyReading, type Reading } from '../../../src/agents/reading.ts'
import { createCompat } from '../../../src/compat/feature.ts'
import type { KeptSample } from '../../../src/compat/model.ts'
import type { MetricsRepository } from '../../../src/compat/repository.ts'
import type { CrashEvents } from '../../../src/crashes/model.ts'
import type { MemoryState } from '../../../src/memory/judge.ts'
import { FRESH_LEVEL } from '../../../src/memory/level.ts'
import type { Level } from '../../../src/memory/model.ts'
import type { AlertFilter, AlertRepository, KeptAlert } from '../../../src/memory/repository.ts'
import { FRESH_TREND } from '../../../src/memory/trend.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ACCESS, bearer, type TestServer, testServer } from '../platform/http/support.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type FakeAgent = Mutable<Agent>

/** Tokens of two daemons, of a person who sees team a, and of one who sees all of it. */
export const TOKENS = {
  'host-1': bearer('token-of-host-1-in-this-test'),
  'host-2': bearer('token-of-host-2-in-this-test'),
  'team-a': bearer('token-of-team-a-in-this-test'),
}
const entry = (name: keyof typeof TOKENS, scopes: ('ingest' | 'read' | 'control')[], agents?: string[]) => ({
  ...{ name, scopes, hashSha256: sha256(TOKENS[name].authorization.slice('Bearer '.length)) },
  ...(agents === undefined ? {} : { agents }),
})
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export type Room = Awaited<ReturnType<typeof createRoom>>

/** The room over a pretended host and store, behind the real gate of HTTP. */
export async function createRoom() {
  const clock = fakeClock()
  const bus = createBus<AgentEvents & CrashEvents>((error) => {
    throw error
  })
  const agents = new Map<string, FakeAgent>()
  const memory = new Map<string, Pick<MemoryState, 'level' | 'trend'>>()
  const state = { samples: [] as KeptSample[], alerts: [] as KeptAlert[], trusted: true, writes: 0 }
  const metrics: MetricsRepository = {
    async save(origin, samples) {
      state.writes++
      for (const sample of samples) {
        const isKnown = state.samples.some(
          (one) => one.origin === origin && one.agent === sample.agent && one.toldAtMs === sample.toldAtMs,
        )
        if (!isKnown) state.samples.push({ ...sample, origin })
      }
    },
    newest: async () => state.samples,
    history: async (origin, agent, sinceMs, limit) =>
      state.samples
        .filter((one) => one.origin === origin && one.agent === agent && one.atMs >= sinceMs)
        .toReversed()
        .slice(0, limit),
    async stats(origin, agent, sinceMs) {
      const rss = (await this.history(origin, agent, sinceMs, 1e9)).flatMap(({ rssBytes }) => rssBytes ?? [])
      const avgRss = rss.reduce((sum, one) => sum + one, 0) / rss.length
      return { count: rss.length, avgRss, maxRss: Math.max(...rss), minRss: Math.min(...rss) }
    },
  }
  const matching = ({ agent, origin, but, acknowledged, sinceMs }: AlertFilter) =>
    state.alerts
      .filter((one) => agent === undefined || one.agent === agent)
      .filter((one) => origin === undefined || one.origin === origin)
      .filter((one) => one.type !== but)
      .filter((one) => sinceMs === undefined || one.atMs >= sinceMs)
      .filter(
        ({ acknowledgedAtMs }) =>
          acknowledged === undefined || (acknowledged === 'open') === (acknowledgedAtMs === undefined),
      )
      .toReversed()
  const alerts: AlertRepository = {
    save: (alert) => void state.alerts.push({ origin: 'me', ...alert }),
    async keep(alert) {
      if (!state.alerts.some(({ id }) => id === alert.id)) this.save(alert)
    },
    list: async (filter, limit, after) =>
      matching(filter)
        .filter(
          ({ atMs, id }) => after === undefined || atMs < after[0] || (atMs === after[0] && id < after[1]),
        )
        .slice(0, limit),
    async counts(filter) {
      const counts = new Map<string, number>()
      for (const { agent } of matching(filter)) counts.set(agent, (counts.get(agent) ?? 0) + 1)
      return counts
    },
    find: async (id) => state.alerts.find((one) => one.id === id),
    async acknowledge(alert, atMs) {
      const acknowledged = { ...alert, acknowledgedAtMs: alert.acknowledgedAtMs ?? atMs }
      state.alerts = state.alerts.map((one) => (one.id === alert.id ? acknowledged : one))
      return acknowledged
    },
  }
  const compat = createCompat({
    ...{ clock, bus, metrics, alerts, log: silentLog, daemonId: 'me' },
    agents: {
      get: (id) => agents.get(id),
      list: () => agents.values(),
      mayTell: async (caller, { id }) =>
        caller.mayTouch(id) && (state.trusted || caller.kind !== 'anonymous'),
    },
    memory: (agent) => memory.get(agent.id),
    pidOf: () => 77,
    host: () => ({ totalBytes: 64e9, freeBytes: 8e9, availableBytes: 16e9 }),
    crashes24h: () => 3,
  })
  await compat.feature.start?.()
  const server: TestServer = await testServer(compat.feature.routes, {
    clock,
    access: {
      ...ACCESS,
      tokens: [
        entry('host-1', ['ingest'], ['a-*']),
        entry('host-2', ['ingest']),
        entry('team-a', ['read', 'control'], ['a-*']),
      ],
    },
  })
  return {
    ...{ clock, bus, agents, state, compat, server },
    /** A live agent of this host; what is given is read of it at every sample. */
    add(id: string, reading: Partial<Reading> = {}, level?: Level): FakeAgent {
      const agent = {
        ...{ id, ordinal: 1, runtime: 'process', incarnation: id, origin: 'registered', state: 'running' },
        info: { name: id, role: undefined, vendor: undefined, workspace: undefined },
        ...{ startedAtMs: clock.now(), endedAtMs: undefined, lastActivityAtMs: undefined, conflict: false },
        ...{ uid: 0, reading: { ...emptyReading(), ...reading }, history: createHistory() },
      } as FakeAgent
      agents.set(id, agent)
      if (level !== undefined) {
        const judged = { basis: 'rss', bytes: 1, limitBytes: 2e9, thresholds: {} } as never
        const time = { lowSeconds: 600.4, midSeconds: 900 }
        memory.set(id, {
          level: { ...FRESH_LEVEL, level, judged },
          trend: { ...FRESH_TREND, trend: 'growing', growthBytesPerSecond: 100, timeToLimit: time },
        })
      }
      return agent
    },
    /** One second goes by and everybody is sampled. */
    sample(seconds = 1) {
      for (let i = 0; i < seconds; i++) {
        clock.advance(1_000)
        for (const { history, reading } of agents.values()) history.add(clock.monotonic(), reading)
        bus.emit('sample', { atMs: clock.monotonic(), depth: 'core' })
      }
    },
    get: (url: string, headers = {}) => server.app.inject({ url, headers }),
    post: (url: string, payload: object, headers = {}) =>
      server.app.inject({ method: 'POST', url, payload, headers }),
    close: () => server.close(),
  }
}
