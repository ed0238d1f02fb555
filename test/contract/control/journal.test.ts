import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as passes } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ActionEntry } from '../../../src/control/model.ts'
import type { ControlStore } from '../../../src/control/repository.ts'
import {
  type ControlCopyTables,
  type ControlTables,
  controlCopyMigration,
  controlCopyRetention,
  controlMigration,
  controlRetention,
} from '../../../src/control/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { StoreUnavailable } from '../../../src/platform/store/failure.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import {
  addAgent,
  createTestRoom,
  type FakeHost,
  fakeHost,
  type RoomOptions,
  type TestRoom,
} from '../../support/control-room.ts'
import { temporaryFolder } from '../../support/folder.ts'

type Tables = ControlTables & ControlCopyTables

let folder: ReturnType<typeof temporaryFolder>
let store: Store<Tables>
let host: FakeHost

const open = (): Promise<Store<Tables>> =>
  openStore<Tables>({
    url: 'sqlite',
    dataDir: folder.path,
    daemonId: 'daemon-a',
    clock: systemClock,
    log: silentLog,
    migrations: [controlMigration, controlCopyMigration],
  })

beforeEach(async () => {
  folder = temporaryFolder()
  store = await open()
  host = fakeHost()
  addAgent(host, 'a')
})

afterEach(async () => {
  await store.close()
  folder[Symbol.dispose]()
})

async function start(options: RoomOptions = {}): Promise<TestRoom> {
  const room = createTestRoom(host, { journal: store, dataDir: folder.path, ...options })
  await room.start()
  return room
}

/** The daemon is gone from one moment to the next; the database has what it had. */
async function crash(): Promise<void> {
  await store.close()
  store = await open()
}

/** Whatever was begun has gone as far as it can: several times over, all that waits for the database has had its answer. */
async function quiet(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await store.db.selectFrom('control_actions').select('id').limit(1).execute()
    await passes(4)
  }
}
const spool = (): string => join(folder.path, 'control.spool')

/** The store with writes that fail or hang while `state.down` says so. */
function failing(state: { down: 'no' | 'rejects' | 'hangs' }): ControlStore {
  return {
    db: store.db as unknown as ControlStore['db'],
    daemonId: store.daemonId,
    enqueue: (...asked) => store.enqueue(...(asked as Parameters<typeof store.enqueue>)),
    put(writes) {
      if (state.down === 'rejects') return Promise.reject(new StoreUnavailable('full'))
      if (state.down === 'hangs') return new Promise(() => {})
      return store.put(writes as Parameters<typeof store.put>[0])
    },
  }
}

describe('the journal', () => {
  it('gives actions back newest first, by page and filter, also after it was opened again', async () => {
    addAgent(host, 'b')
    const room = await start()
    const made: ActionEntry[] = []
    for (const agent of ['a', 'b', 'a']) {
      made.unshift(await room.act({ action: 'pause', agent, trigger: 'budget' }))
      host.clock.advance(1_000)
      made.unshift(await room.act({ action: 'resume', agent }))
    }
    host.killSwitch = true
    made.unshift(await room.ask({ action: 'terminate', agent: 'a' }))
    await room.stop()
    await crash()
    const { desk } = await start()
    expect(await desk.list({}, 10)).toEqual(made)
    expect(await desk.list({}, 2, made[2]!.id)).toEqual(made.slice(3, 5))
    expect((await desk.list({ agent: 'b' }, 10)).map(({ id }) => id)).toEqual([made[3]!.id, made[4]!.id])
    expect(await desk.list({ action: 'resume' }, 10)).toHaveLength(3)
    expect(await desk.list({ status: 'refused' }, 10)).toEqual([made[0]])
    expect(await desk.list({ sinceMs: made[1]!.at }, 10)).toHaveLength(2)
    expect(await desk.list({ visible: (agent) => agent === 'b' }, 1)).toEqual([made[3]])
    expect(await desk.find(made[6]!.id)).toEqual(made[6])
    expect(await desk.find('nothing')).toBeUndefined()
  })

  it('shows a refusal at once though nobody waited for it', async () => {
    const { desk, ask } = await start()
    host.killSwitch = true
    const { id } = await ask({ action: 'pause', agent: 'a' })
    expect((await desk.list({}, 10)).map((entry) => entry.id)).toEqual([id])
  })

  it('knows a key after a restart, though nothing in memory does', async () => {
    const same = { action: 'pause', agent: 'a', trigger: 'budget', episode: 'e' } as const
    const first = await (await start()).act(same)
    await crash()
    expect(await (await start()).ask(same)).toMatchObject({ id: first.id, status: 'done' })
    // Two rooms on one file know nothing of each other: the unique index does.
    const [one, other] = [await start(), await start()]
    const entries = await Promise.all([one, other].map((room) => room.ask({ ...same, episode: 'f' })))
    expect(entries[0]!.id).toBe(entries[1]!.id)
    await Promise.all([quiet(), quiet()])
    expect(host.runtime.calls.length).toBeLessThanOrEqual(2)
    expect(host.runtime.count('pause')).toBe(1)
  })

  it('keeps holds, cool-downs, failure stops and attempts over a restart', async () => {
    addAgent(host, 'b')
    const before = await start()
    await before.act({ action: 'pause', agent: 'a', trigger: 'alert' })
    for (let i = 0; i < 3; i++) {
      host.runtime.next('pause', { outcome: 'failed' })
      await before.act({ action: 'pause', agent: 'b', trigger: 'budget', episode: 'e' })
    }
    await crash()
    const room = await start()
    expect([...room.desk.holds('a').keys()]).toEqual(['alert:1'])
    expect(room.desk.state().failureStops).toMatchObject([{ action: 'pause', trigger: 'budget' }])
    expect(await room.ask({ action: 'terminate', agent: 'a', trigger: 'memory' })).toMatchObject({
      refusal: 'cooldown',
    })
    expect(await room.ask({ action: 'pause', agent: 'b', trigger: 'budget', episode: 'e' })).toMatchObject({
      refusal: 'too_many_attempts',
    })
    room.desk.reset('ann')
    await quiet()
    await crash()
    expect((await start()).desk.state().failureStops).toEqual([])
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
  })

  it('closes the holds of processes that a reboot ended, and those of who exits', async () => {
    const old = addAgent(host, 'old', { incarnation: '99999999-2222-4333-8444-555555555555:1:77:770' })
    const before = await start()
    await before.act({ action: 'pause', agent: 'old', trigger: 'budget' })
    await before.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    before.emitExited(host.agents.get('a')!)
    await quiet()
    await crash()
    host.agents.delete(old.id)
    await start()
    const rows = await store.db.selectFrom('control_holds').select(['agent', 'holds', 'until_ms']).execute()
    expect(rows.map(({ holds }) => holds)).toEqual(['[]', '[]'])
  })

  it('tells the last resume of each live agent again after a restart', async () => {
    const before = await start()
    await before.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    const { id } = await before.act({ action: 'resume', agent: 'a' })
    await crash()
    const room = await start()
    expect(room.events).toMatchObject([{ name: 'agent.resumed', entry: { id }, released: ['budget'] }])
    room.emitStarted(host.agents.get('a')!)
    expect(room.events).toHaveLength(1)
  })

  it('forgets what is older than 30 days, but never who is held', async () => {
    const room = await start()
    addAgent(host, 'b')
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    await room.act({ action: 'pause', agent: 'b', trigger: 'budget' })
    await room.act({ action: 'resume', agent: 'b' })
    host.clock.advance(31 * 86_400_000)
    const rules = [...controlRetention, ...controlCopyRetention]
    const retention = createRetention({ store, clock: host.clock, log: silentLog, rules, everyMs: 1 })
    expect(await retention.run()).toBe(4)
    expect(await store.db.selectFrom('control_holds').select('agent').execute()).toEqual([{ agent: 'a' }])
  })
})

describe('after a crash', () => {
  async function interrupt(action: 'pause' | 'resume' | 'terminate' | 'resize'): Promise<string> {
    const before = await start()
    if (action === 'resume') await before.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    host.runtime.next(action, 'hang')
    const { id } = await before.ask({ action, agent: 'a', trigger: 'human', size: { cpus: 1 } })
    await quiet()
    await crash()
    return id
  }

  it.each(['pause', 'resume', 'terminate'] as const)(
    'a %s is driven to completion in its row',
    async (action) => {
      const id = await interrupt(action)
      const room = await start()
      expect(await room.desk.settled(id)).toMatchObject({ id, status: 'done', attempt: 2 })
      expect(host.runtime.count(action)).toBe(1)
      expect(room.desk.isHeld('a')).toBe(action === 'pause')
      expect(room.desk.isTerminal('a')).toBe(action === 'terminate')
    },
  )

  it('between effect and outcome nothing is done twice, and the agent is held', async () => {
    const id = await interrupt('pause')
    host.runtime.setState(host.agents.get('a')!.incarnation, 'paused')
    const room = await start()
    expect(await room.desk.settled(id)).toMatchObject({ status: 'noop', attempt: 2 })
    expect(host.runtime.effects).toEqual([])
    expect([...room.desk.holds('a').keys()]).toEqual(['human'])
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
    expect(host.runtime.count('resume')).toBe(1)
  })

  it('continues everything but who was stopped before the intent', async () => {
    const { incarnation } = host.agents.get('a')!
    const [, , pid, startTime] = incarnation.split(':').map(Number)
    const root = { pid: pid!, startTime: startTime! }
    const before = await start({ stoppedNow: async () => [{ pid: 5, startTime: 50 }] })
    host.runtime.next('pause', 'hang')
    const { id } = await before.ask({ action: 'pause', agent: 'a' })
    await quiet()
    await crash()
    host.runtime.setState(incarnation, 'paused')
    const room = await start()
    await room.desk.settled(id)
    expect(host.runtime.lastTarget()).toMatchObject({
      stopped: [root],
      stoppedByOthers: [{ pid: 5, startTime: 50 }],
    })
    await room.act({ action: 'resume', agent: 'a' })
    expect(host.runtime.lastTarget()).toMatchObject({ stopped: [root] })
  })

  it('takes what an action of ours was just stopping for ours, not for stopped by others', async () => {
    const { incarnation } = host.agents.get('a')!
    const [, , pid, startTime] = incarnation.split(':').map(Number)
    const root = { pid: pid!, startTime: startTime! }
    const stopped: { pid: number; startTime: number }[] = []
    const before = await start({ stoppedNow: async () => [...stopped] })
    const free = host.runtime.block('pause')
    await before.ask({ action: 'pause', agent: 'a', trigger: 'budget' })
    await quiet()
    // The first pause has stopped it and is not settled, when the next is asked for.
    stopped.push(root)
    await before.ask({ action: 'resume', agent: 'a' })
    const { id } = await before.ask({ action: 'pause', agent: 'a' })
    await crash()
    free()
    host.runtime.setState(incarnation, 'running')
    const room = await start()
    await room.desk.settled(id)
    expect(host.runtime.stateOf(incarnation)).toBe('paused')
    expect(host.runtime.lastTarget()?.stoppedByOthers).toEqual([])
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
  })

  it('under a kill switch a half-stopped agent stays held, an untouched one is let be', async () => {
    const id = await interrupt('pause')
    host.killSwitch = true
    host.runtime.setState(host.agents.get('a')!.incarnation, 'partial')
    const room = await start()
    expect(await room.desk.settled(id)).toMatchObject({ status: 'partial', refusal: 'kill_switch' })
    expect(room.desk.isHeld('a')).toBe(true)
    expect(host.runtime.effects).toEqual([])
  })

  it('a resize is not repeated', async () => {
    const id = await interrupt('resize')
    const room = await start()
    expect(await room.desk.settled(id)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('not known'),
    })
    expect(host.runtime.calls).toHaveLength(1)
  })

  it('agents found later are waited for, those that never come are given up', async () => {
    addAgent(host, 'b')
    const id = await interrupt('pause')
    const agent = host.agents.get('a')!
    host.agents.delete('a')
    const room = await start()
    host.clock.advance(5_000)
    expect(await room.desk.find(id)).toMatchObject({ status: 'intended' })
    host.agents.set('a', agent)
    room.emitStarted(agent)
    expect(await room.desk.settled(id)).toMatchObject({ status: 'done', attempt: 2 })
  })

  it.each([
    ['terminate', 'done'],
    ['pause', 'failed'],
  ] as const)('a %s of who has ended is %s', async (action, status) => {
    const id = await interrupt(action)
    host.agents.delete('a')
    const room = await start()
    for (let second = 0; second <= 61; second++) host.clock.advance(1_000)
    await quiet()
    expect(await room.desk.find(id)).toMatchObject({ status })
    expect(host.runtime.effects).toEqual([])
  })

  it('nothing is driven while another daemon acts', async () => {
    const id = await interrupt('pause')
    host.acting = false
    const room = await start()
    host.clock.advance(120_000)
    expect(await room.desk.find(id)).toMatchObject({ status: 'intended' })
    host.acting = true
    host.clock.advance(1_000)
    expect(await room.desk.settled(id)).toMatchObject({ status: 'done' })
  })

  it('an approval still waits, and expires counted from when it was asked for', async () => {
    const before = await start()
    const ask = { action: 'pause', agent: 'a', trigger: 'budget', approval: 'required' } as const
    const [first, second] = [await before.ask(ask), await before.ask(ask)]
    host.clock.advance(1_000_000)
    await crash()
    const room = await start()
    await room.desk.approve(first.id, 'ann')
    expect(await room.desk.settled(first.id)).toMatchObject({ status: 'done' })
    host.clock.advance(800_000)
    await quiet()
    expect(await room.desk.find(second.id)).toMatchObject({ status: 'refused', refusal: 'expired' })
  })
})

describe('after a damaged journal', () => {
  const pause = { action: 'pause', agent: 'a', trigger: 'budget' } as const

  it('counts the time over restarts, whatever the wall clock says', async () => {
    const before = await start()
    before.damaged()
    await quiet()
    host.clock.advance(400_000)
    host.clock.jumpWall(-86_400_000)
    await before.stop()
    await crash()
    const between = await start()
    expect(between.health()).toMatchObject({ journal: 'damaged' })
    host.clock.advance(199_000)
    expect(await between.ask(pause)).toMatchObject({ status: 'dry_run' })
    await between.stop()
    host.clock.advance(1_000)
    await crash()
    const room = await start()
    expect(room.health()).toMatchObject({ journal: 'ok' })
    expect(await room.act(pause)).toMatchObject({ status: 'done' })
  })

  it('stays trusted after a person confirmed', async () => {
    const before = await start()
    before.damaged()
    before.desk.reset('ann')
    await quiet()
    await before.stop()
    await crash()
    expect(await (await start()).act(pause)).toMatchObject({ status: 'done' })
  })
})

describe('while the database does not take it', () => {
  it.each(['rejects', 'hangs'] as const)(
    '(%s) a pause and a resume go on, the rest is refused',
    async (down) => {
      addAgent(host, 'b')
      const state: Parameters<typeof failing>[0] = { down: 'no' }
      const room = await start({ journal: failing(state) })
      state.down = down
      const later = async (asked: Promise<ActionEntry>): Promise<ActionEntry> => {
        for (let i = 0; i < 8; i++) {
          await quiet()
          host.clock.advance(100)
        }
        return room.desk.settled((await asked).id)
      }
      expect(await later(room.ask({ action: 'terminate', agent: 'b' }))).toMatchObject({
        status: 'refused',
        refusal: 'not_durable',
      })
      expect(await later(room.ask({ action: 'resize', agent: 'b', size: { cpus: 1 } }))).toMatchObject({
        refusal: 'not_durable',
      })
      const paused = await later(room.ask({ action: 'pause', agent: 'a', trigger: 'budget' }))
      expect(paused).toMatchObject({ status: 'done', durable: false })
      expect(host.runtime.effects.map(({ verb }) => verb)).toEqual(['pause'])
      expect(readFileSync(spool(), 'utf8')).toContain(paused.id)
      expect(room.health()).toMatchObject({ status: 'degraded' })
      await crash()

      const after = await start()
      expect(existsSync(spool())).toBe(false)
      expect(await after.desk.find(paused.id)).toEqual(paused)
      expect([...after.desk.holds('a').keys()]).toEqual(['budget'])
      expect((await after.desk.list({ status: 'refused' }, 10)).map(({ refusal }) => refusal)).toEqual([
        'not_durable',
        'not_durable',
      ])
      expect(await after.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
    },
  )

  it('at the start, everything automatic is a dry run until the journal can be read', async () => {
    const state: Parameters<typeof failing>[0] = { down: 'rejects' }
    const before = await start({ journal: failing(state) })
    const paused = await before.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    await crash()
    addAgent(host, 'b')
    const room = await start({ journal: failing(state) })
    expect(room.health()).toMatchObject({ status: 'degraded', journal: 'unread' })
    expect(await room.ask({ action: 'pause', agent: 'b', trigger: 'budget' })).toMatchObject({
      status: 'dry_run',
    })
    state.down = 'no'
    host.clock.advance(1_000)
    await quiet()
    await quiet()
    expect([...room.desk.holds('a').keys()]).toEqual(['budget'])
    expect(await room.desk.find(paused.id)).toEqual(paused)
    expect(await room.act({ action: 'pause', agent: 'b', trigger: 'budget' })).toMatchObject({
      status: 'done',
    })
  })

  it('what was kept aside is written as soon as it is back', async () => {
    const state: Parameters<typeof failing>[0] = { down: 'rejects' }
    const room = await start({ journal: failing(state) })
    const { id } = await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    state.down = 'no'
    host.clock.advance(1_000)
    await quiet()
    expect(room.health()).toMatchObject({ status: 'healthy', unsaved: 0 })
    expect(existsSync(spool())).toBe(false)
    const row = await store.db.selectFrom('control_actions').select(['id', 'status']).executeTakeFirst()
    expect(row).toEqual({ id, status: 'done' })
  })
})

describe('the copy', () => {
  it('gets settled actions, and after a restart what it missed', async () => {
    const room = await start({ copy: store })
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    await store.flush()
    const ids = async (): Promise<string[]> => {
      const rows = await store.db.selectFrom('control_actions_copy').select('id').orderBy('id').execute()
      return rows.map(({ id }) => id)
    }
    expect(await ids()).toHaveLength(1)
    host.clock.advance(30_000)
    await quiet()
    await crash()
    const between = await start()
    await between.act({ action: 'resume', agent: 'a' })
    expect(await ids()).toHaveLength(1)
    await crash()
    await start({ copy: store })
    await store.flush()
    expect(await ids()).toHaveLength(2)
  })
})
