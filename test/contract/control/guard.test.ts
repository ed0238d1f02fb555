import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Action, ActionEntry } from '../../../src/control/model.ts'
import { type ControlTables, controlMigration } from '../../../src/control/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { createScraper, scrapeFamilies } from '../../../src/platform/exposition/scrape.ts'
import { renderText } from '../../../src/platform/exposition/writer.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { eventually } from '../../support/child.ts'
import {
  addAgent,
  createTestRoom,
  type FakeHost,
  fakeHost,
  type TestRoom,
} from '../../support/control-room.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { samplesOf } from '../../support/samples.ts'

/** What no real host can be brought to on purpose: a pretended one, with a real journal. */
describe('the guard with a real journal', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let store: Store<ControlTables>
  let host: FakeHost
  let room: TestRoom

  beforeEach(async () => {
    folder = temporaryFolder()
    store = await openStore<ControlTables>({
      url: 'sqlite',
      dataDir: folder.path,
      daemonId: 'daemon-a',
      clock: systemClock,
      log: silentLog,
      migrations: [controlMigration],
    })
    host = fakeHost()
    room = createTestRoom(host, { journal: store, dataDir: folder.path })
    await room.start()
  })
  afterEach(async () => {
    await room.stop()
    await store.close()
    folder[Symbol.dispose]()
  })

  const alert = { action: 'pause', trigger: 'alert', actor: 'alertmanager' } as const

  /** Counted refusals by the labels of the sample. */
  async function counts(): Promise<ReadonlyMap<string, number>> {
    const { collectors } = room
    const catalogue = createCatalogue([...collectors.flatMap(({ families }) => families), ...scrapeFamilies])
    const onError = (_: string, error: unknown) => {
      throw error
    }
    const scraper = createScraper({ catalogue, collectors, clock: host.clock, newestFirst: () => 0, onError })
    return samplesOf(renderText(await scraper.scrape(), 'text'))
  }

  /** The refusal as the file has it, and as it is counted. */
  async function refusedFor(agent: string, action: Action = 'pause') {
    const rows = await eventually('it is written', async () => {
      host.clock.advance(1_100)
      const found = await store.db
        .selectFrom('control_actions')
        .select(['status', 'entry'])
        .where('agent', '=', agent)
        .where('action', '=', action)
        .where('status', '=', 'refused')
        .execute()
      return found.length > 0 ? found : undefined
    })
    const reasons = rows.map(({ entry }) => (JSON.parse(entry) as ActionEntry).refusal)
    const page = await counts()
    const key = `agent_action_refusals_total{action="${action}",reason="${reasons[0]}"}`
    return { reasons, counted: page.get(key) }
  }

  it('lets ten of a hundred agents be acted on for alerts in ten minutes, and refuses the eleventh', async () => {
    for (let n = 1; n <= 100; n++) addAgent(host, `agent-${n}`)
    for (let n = 1; n <= 10; n++) {
      expect((await room.act({ ...alert, agent: `agent-${n}` })).status).toBe('done')
    }
    expect(await room.act({ ...alert, agent: 'agent-11' })).toMatchObject({
      status: 'refused',
      refusal: 'fleet_share',
    })
    expect(await refusedFor('agent-11')).toEqual({ reasons: ['fleet_share'], counted: 1 })
    expect(host.runtime.count('pause')).toBe(10)
    // What a limit or a person asks for is not held back by what alerts did.
    expect((await room.act({ action: 'pause', trigger: 'budget', agent: 'agent-12' })).status).toBe('done')
    host.clock.advance(600_001)
    expect((await room.act({ ...alert, agent: 'agent-11' })).status).toBe('done')
  })

  it('refuses the fourth after three failures in a row, of every agent, until a person resets', async () => {
    for (const id of ['a', 'b', 'c', 'd']) addAgent(host, id)
    for (const agent of ['a', 'b', 'c']) {
      host.runtime.next('pause', { outcome: 'failed' })
      const entry = await room.act({ action: 'pause', trigger: 'budget', agent })
      expect(entry.status).toBe('failed')
    }
    expect(await room.act({ action: 'pause', trigger: 'budget', agent: 'd' })).toMatchObject({
      status: 'refused',
      refusal: 'failure_stop',
    })
    expect(await refusedFor('d')).toEqual({ reasons: ['failure_stop'], counted: 1 })
    expect(host.runtime.calls).toHaveLength(3)
    room.desk.reset('control')
    expect((await room.act({ action: 'pause', trigger: 'budget', agent: 'd' })).status).toBe('done')
  })

  const CASES: readonly (readonly [reason: string, happens: () => unknown])[] = [
    ['missing_data', () => host.lost.add('a')],
    ['unlabelled_container', () => (host.container = 'unlabelled')],
    ['own_container', () => (host.container = 'own')],
    ['conflict', () => (host.agents.get('a')!.conflict = true)],
    ['other_user', () => (host.agents.get('a')!.uid = 2_000)],
    ['kill_switch', () => (host.killSwitch = true)],
    ['second_daemon', () => (host.acting = false)],
  ]
  it.each(CASES)(
    'refuses with %s, in the journal and in the metric, and does nothing',
    async (reason, happens) => {
      addAgent(host, 'a', reason.endsWith('container') ? { runtime: 'container' } : {})
      happens()
      for (const action of ['pause', 'terminate'] as const) {
        expect(await room.act({ action, agent: 'a', optIn: true })).toMatchObject({
          status: 'refused',
          refusal: reason,
        })
        expect(await refusedFor('a', action)).toEqual({ reasons: [reason], counted: 1 })
      }
      expect(host.runtime.calls).toEqual([])
    },
  )

  it.each(['', '*', 'a*', 'a,b', ' '])('finds nobody under %j', async (agent) => {
    addAgent(host, 'a')
    addAgent(host, 'b')
    expect(await room.act({ action: 'terminate', agent })).toMatchObject({
      status: 'refused',
      refusal: 'unknown_agent',
    })
    expect(host.runtime.calls).toEqual([])
  })
})
