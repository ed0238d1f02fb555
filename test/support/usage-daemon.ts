/**
 * A process with the room of usage behind a real server and a real store, and a registry of its own: agents `a0`, `a1`,
 * … live as long as it does. Speaks with whoever forked it: says its URL, answers `report` with what it used.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Agent, AgentEvents } from '../../src/agents/model.ts'
import { createBus } from '../../src/platform/bus.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { createHttpServer } from '../../src/platform/http/server.ts'
import { silentLog } from '../../src/platform/log.ts'
import { openStore } from '../../src/platform/store/open.ts'
import type { UsageEvents } from '../../src/usage/model.ts'
import { createUsage } from '../../src/usage/service.ts'
import { type UsageTables, usageMigration } from '../../src/usage/tables.ts'
import { fakeAgent } from '../unit/usage/room.ts'

const [dataDir = '', count = '1'] = process.argv.slice(2)

const store = await openStore<UsageTables>({
  url: 'sqlite',
  dataDir,
  daemonId: 'daemon-a',
  clock: systemClock,
  log: silentLog,
  migrations: [usageMigration],
})
const bus = createBus<AgentEvents & UsageEvents>((error) => {
  throw error
})
const agents = new Map<string, Agent>()
const { feature } = createUsage({
  clock: systemClock,
  bootId: 'boot',
  bus,
  log: silentLog,
  store,
  agents: {
    get: (id) => agents.get(id),
    list: () => agents.values(),
    touch: () => {},
    mayTell: async () => true,
  },
  config: () => ({
    tokenTypes: ['input', 'output', 'cache_write'],
    verifyArtifacts: false,
    resetCountersOnDeliverable: false,
  }),
  answer: () => ({ phase: 'normal', ratios: { api_calls: 0.1 } }),
  ownUid: process.getuid?.(),
})
await feature.start?.()
for (let i = 0; i < Number(count); i++) {
  const agent = fakeAgent(`a${i}`)
  agents.set(agent.id, agent)
  bus.emit('agent.started', { agent, resumed: false })
}

const server = await createHttpServer({
  listen: ['127.0.0.1:0'],
  access: {
    tokens: [],
    anonymous: { loopback: ['ingest', 'read'], remote: [] },
    controlToken: 'control-token-of-this-process-0123456789',
    allowedHosts: [],
    allowedOrigins: [],
  },
  version: '0.0.0',
  clock: systemClock,
  log: silentLog,
  onProblem: () => {},
  routes: [feature.routes ?? (async () => {})],
})
const [url] = await server.listen()
process.send?.({ url })

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
let cpu = process.cpuUsage()
process.on('message', () => {
  const { user, system } = process.cpuUsage(cpu)
  process.send?.({
    cpuSeconds: (user + system) / 1e6,
    loopDelayP99Ms: delay.percentile(99) / 1e6,
    loopDelayMaxMs: delay.max / 1e6,
  })
  cpu = process.cpuUsage()
  delay.reset()
})
process.on('disconnect', () => process.exit())
