import { afterEach, describe, expect, it } from 'vitest'
import { createHistory } from '../../../src/agents/history.ts'
import type { Agent } from '../../../src/agents/model.ts'
import { emptyReading } from '../../../src/agents/reading.ts'
import { createAgentsRepository } from '../../../src/agents/repository.ts'
import {
  type AgentsTables,
  agentsMigration,
  agentsRetention,
  agentUidMigration,
} from '../../../src/agents/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import { temporaryFolder } from '../../support/folder.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const DAY_MS = 86_400_000

async function setUp() {
  const folder = temporaryFolder()
  cleanUps.push(() => folder[Symbol.dispose]())
  const open = () =>
    openStore<AgentsTables>({
      url: 'sqlite',
      dataDir: folder.path,
      daemonId: 'daemon-a',
      clock: systemClock,
      log: silentLog,
      migrations: [agentsMigration, agentUidMigration],
    })
  const store = await open()
  cleanUps.push(() => store.close())
  let now = 1_000
  const repository = createAgentsRepository(store, () => now)
  return {
    store,
    repository,
    at: (ms: number) => {
      now = ms
    },
  }
}

function agent(id: string, more: Partial<Agent> = {}): Agent {
  return {
    id,
    ordinal: 1,
    runtime: 'process',
    incarnation: `boot:ns:${id}:1`,
    origin: 'registered',
    info: { name: id, role: 'coder', vendor: undefined, workspace: '/srv/x' },
    state: 'running',
    startedAtMs: 500,
    endedAtMs: undefined,
    lastActivityAtMs: undefined,
    conflict: false,
    uid: 1000,
    reading: { ...emptyReading(), cpuUserSeconds: 4.5, rssBytes: 9 },
    history: createHistory(),
    ...more,
  }
}

describe('agents in the store', () => {
  it('gives registrations back, the last one of an id, until they are deleted', async () => {
    const { repository } = await setUp()
    await repository.saveRegistration(agent('a'))
    await repository.saveRegistration(agent('b'))
    await repository.saveRegistration(agent('a', { incarnation: 'later' }))
    await repository.deleteRegistration('b')
    expect(await repository.registrations()).toEqual([
      {
        id: 'a',
        incarnation: 'later',
        runtime: 'process',
        role: 'coder',
        vendor: undefined,
        workspace: '/srv/x',
        startedAtMs: 500,
        uid: undefined,
      },
    ])
  })

  it('keeps the user of an agent without a runtime', async () => {
    const { repository } = await setUp()
    await repository.saveRegistration(agent('a', { runtime: 'cooperative' }))
    expect(await repository.registrations()).toMatchObject([{ id: 'a', uid: 1000 }])
  })

  it('deletes the registration of one life and leaves that of a later one', async () => {
    const { repository } = await setUp()
    await repository.saveRegistration(agent('a', { incarnation: 'later' }))
    await repository.deleteRegistration('a', 'earlier')
    expect(await repository.registrations()).toHaveLength(1)
    await repository.deleteRegistration('a', 'later')
    expect(await repository.registrations()).toEqual([])
  })

  it('gives the totals of live incarnations back and not those of ended ones', async () => {
    const { store, repository } = await setUp()
    repository.checkpoint(agent('a'))
    repository.checkpoint(agent('b', { endedAtMs: 900 }))
    await store.flush()
    expect([...(await repository.checkpoints())]).toEqual([['boot:ns:a:1', { cpuUserSeconds: 4.5 }]])
  })

  it('closes what ended while nobody looked', async () => {
    const { store, repository, at } = await setUp()
    repository.checkpoint(agent('a'))
    at(5_000)
    repository.checkpoint(agent('b'))
    await store.flush()
    await repository.closeUnseen(2_000)
    expect([...(await repository.checkpoints()).keys()]).toEqual(['boot:ns:b:1'])
  })

  it('forgets ended incarnations after 30 days', async () => {
    const { store, repository, at } = await setUp()
    at(Date.now() - 31 * DAY_MS)
    repository.checkpoint(agent('a'))
    at(Date.now())
    repository.checkpoint(agent('b'))
    await store.flush()
    const retention = createRetention({
      store,
      clock: systemClock,
      log: silentLog,
      rules: [agentsRetention],
      everyMs: DAY_MS,
    })
    expect(await retention.run()).toBe(1)
    expect([...(await repository.checkpoints()).keys()]).toEqual(['boot:ns:b:1'])
  })
})
