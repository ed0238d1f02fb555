import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ActionEntry } from '../../../src/control/model.ts'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { createScraper, scrapeFamilies } from '../../../src/platform/exposition/scrape.ts'
import { renderText } from '../../../src/platform/exposition/writer.ts'
import {
  addAgent,
  createTestRoom,
  type FakeHost,
  fakeHost,
  type TestRoom,
} from '../../support/control-room.ts'

let host: FakeHost
let room: TestRoom

beforeEach(async () => {
  host = fakeHost()
  addAgent(host, 'a')
  room = createTestRoom(host)
  await room.start()
})

const names = (): string[] => room.events.map(({ name }) => name)
/** Everything that needs no timer has happened. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('an action', () => {
  it('is decided, done, verified and told', async () => {
    const asked = await room.ask({ action: 'pause', agent: 'a', trigger: 'budget' })
    expect(asked).toMatchObject({ status: 'intended', durable: true, attempt: 1 })
    expect(room.desk.isHeld('a')).toBe(true)
    const entry = await room.desk.settled(asked.id)
    expect(entry).toMatchObject({ status: 'done', rung: 'sigstop', verifiedAt: host.clock.now() })
    expect([...room.desk.holds('a').keys()]).toEqual(['budget'])
    expect(names()).toEqual(['action.intended', 'agent.paused', 'action.done'])
    expect(await room.desk.find(asked.id)).toEqual(entry)
  })

  it('is the entry that is there when the same is asked again, at any later time', async () => {
    const same = { action: 'pause', agent: 'a', trigger: 'budget', episode: 'e' } as const
    const first = await room.ask(same)
    const [second, third] = await Promise.all([room.ask(same), room.ask(same)])
    expect([second.id, third.id]).toEqual([first.id, first.id])
    await room.desk.settled(first.id)
    await room.act({ action: 'resume', agent: 'a' })
    host.clock.advance(86_400_000)
    expect(await room.ask(same)).toMatchObject({ id: first.id, status: 'done' })
    expect(host.runtime.count('pause')).toBe(1)
  })

  it('may be tried again after a failure, three times in all', async () => {
    const same = { action: 'pause', agent: 'a', trigger: 'budget', episode: 'e' } as const
    for (let attempt = 1; attempt <= 3; attempt++) {
      host.runtime.next('pause', { outcome: 'failed', detail: 'no such signal' })
      expect(await room.act(same)).toMatchObject({ status: 'failed', attempt })
      room.desk.reset('test')
    }
    expect(await room.ask(same)).toMatchObject({ status: 'refused', refusal: 'too_many_attempts' })
    expect(host.runtime.calls.length).toBe(3)
  })

  it('of another agent is not held up by one that hangs, and its own agent is free again after the deadline', async () => {
    addAgent(host, 'b')
    host.runtime.next('pause', 'hang')
    const hanging = await room.ask({ action: 'pause', agent: 'a' })
    expect(await room.act({ action: 'pause', agent: 'b' })).toMatchObject({ status: 'done' })
    const resume = await room.ask({ action: 'resume', agent: 'a' })
    await quiet()
    host.clock.advance(7_000)
    expect(await room.desk.settled(hanging.id)).toMatchObject({ status: 'failed' })
    expect(await room.desk.settled(resume.id)).toMatchObject({ status: 'noop' })
  })

  it('is failed, not lost, when the driver breaks', async () => {
    host.runtime.next('terminate', 'throw')
    expect(await room.act({ action: 'terminate', agent: 'a' })).toMatchObject({
      status: 'failed',
      detail: 'Error: the driver broke',
    })
    expect(room.desk.isTerminal('a')).toBe(false)
  })

  it('looks at the kill switch and the incarnation once more immediately before the effect', async () => {
    const open = host.runtime.block('pause')
    const blocked = await room.ask({ action: 'pause', agent: 'a' })
    const second = await room.ask({ action: 'terminate', agent: 'a' })
    const third = await room.ask({ action: 'resize', agent: 'a', size: { cpus: 1 } })
    await quiet()
    host.killSwitch = true
    open()
    expect(await room.desk.settled(blocked.id)).toMatchObject({ status: 'refused', refusal: 'kill_switch' })
    expect(await room.desk.settled(second.id)).toMatchObject({ status: 'refused', refusal: 'kill_switch' })
    expect(await room.desk.settled(third.id)).toMatchObject({ status: 'refused' })
    expect(host.runtime.effects).toEqual([])
    host.killSwitch = false
    host.runtime.identifyAs('somebody else')
    expect(await room.act({ action: 'pause', agent: 'a' })).toMatchObject({ refusal: 'other_incarnation' })
    expect(host.runtime.effects).toEqual([])
  })

  it('never has two effects for one key, however duplicates, failures and resumes interleave', async () => {
    const step = fc.constantFrom('ask', 'ask', 'fail', 'resume', 'quiet', 'tick')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = fakeHost({ maxFailures: 100 })
        const { incarnation } = addAgent(world, 'a')
        const one = createTestRoom(world)
        await one.start()
        const asked: Promise<unknown>[] = []
        for (const each of steps) {
          if (each === 'ask') {
            asked.push(one.ask({ action: 'pause', agent: 'a', trigger: 'budget', episode: 'e' }))
          } else if (each === 'fail') world.runtime.next('pause', { outcome: 'failed', touched: false })
          else if (each === 'resume') asked.push(one.ask({ action: 'resume', agent: 'a' }))
          else if (each === 'tick') world.clock.advance(50)
          else await quiet()
        }
        await Promise.all(asked)
        await quiet()
        expect(world.runtime.count('pause', incarnation)).toBeLessThanOrEqual(1)
        const held = one.desk.holds('a').size > 0
        expect(held).toBe(world.runtime.stateOf(incarnation) === 'paused')
      }),
      { numRuns: 100 },
    )
  })
})

describe('holds', () => {
  it('keep an agent paused until the last of them is released', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    expect(await room.act({ action: 'pause', agent: 'a', trigger: 'alert' })).toMatchObject({
      status: 'noop',
    })
    expect([...room.desk.holds('a').keys()]).toEqual(['budget', 'alert:1'])
    expect(await room.act({ action: 'resume', agent: 'a', trigger: 'alert' })).toMatchObject({
      status: 'noop',
      refusal: 'held',
      detail: 'held by budget',
    })
    expect(host.runtime.count('resume')).toBe(0)
    expect(await room.act({ action: 'resume', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'done',
    })
    expect(room.desk.isHeld('a')).toBe(false)
    expect(room.events.filter(({ name }) => name === 'agent.resumed')).toMatchObject([
      { released: ['budget'] },
    ])
  })

  it('are all cleared by a person', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    await room.act({ action: 'pause', agent: 'a', trigger: 'alert' })
    host.killSwitch = true
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
    expect(room.events.filter(({ name }) => name === 'agent.resumed')).toMatchObject([
      { released: ['budget', 'alert:1'] },
    ])
  })

  it('of a person outlast a budget that lets go', async () => {
    await room.act({ action: 'pause', agent: 'a' })
    await room.act({ action: 'resume', agent: 'a', trigger: 'budget' })
    expect([...room.desk.holds('a').keys()]).toEqual(['human'])
    expect(host.runtime.stateOf(host.agents.get('a')!.incarnation)).toBe('paused')
  })

  it('stay with a pause that is only partly verified', async () => {
    host.runtime.next('pause', { outcome: 'partial', touched: true, detail: '1 of 3 runs' })
    expect(await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'partial',
    })
    expect(room.desk.isHeld('a')).toBe(true)
    expect(names()).not.toContain('agent.paused')
  })

  it('remain when the resume failed', async () => {
    await room.act({ action: 'pause', agent: 'a' })
    host.runtime.next('resume', { outcome: 'failed' })
    await room.act({ action: 'resume', agent: 'a' })
    expect(room.desk.isHeld('a')).toBe(true)
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
  })

  it('are gone when only the terminal keeps the agent stopped', async () => {
    await room.act({ action: 'pause', agent: 'a' })
    host.runtime.next('resume', { outcome: 'needs_foreground', rung: 'sigcont' })
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({
      status: 'needs_foreground',
      detail: expect.stringContaining('fg'),
    })
    expect(room.desk.isHeld('a')).toBe(false)
  })

  it('end with the life they were put on', async () => {
    await room.act({ action: 'pause', agent: 'a' })
    room.emitExited(host.agents.get('a')!)
    await quiet()
    addAgent(host, 'a')
    expect(room.desk.holds('a').size).toBe(0)
    expect(room.desk.state().holds).toEqual([])
  })

  it('are told when a person resumes an agent that nobody holds', async () => {
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'noop' })
    expect(room.events).toContainEqual(expect.objectContaining({ name: 'agent.resumed', released: [] }))
    expect(host.runtime.calls).toEqual([])
  })

  it('are let go before the agent is taken out of the registry', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    // Passed on as a function, as the registry gets it.
    const { letGo } = room.desk
    await letGo('a', 'ann')
    expect(room.desk.isHeld('a')).toBe(false)
    expect(host.runtime.stateOf(host.agents.get('a')!.incarnation)).toBe('running')
  })

  it('keep the agent in the registry when it cannot be let go', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    host.runtime.next('resume', { outcome: 'failed', detail: 'not permitted' })
    await expect(room.desk.letGo('a', 'ann')).rejects.toMatchObject({ code: 'AE_NOT_RELEASED' })
    expect(room.desk.isHeld('a')).toBe(true)
  })

  it('pause again what somebody continued behind our back', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    host.runtime.setState(host.agents.get('a')!.incarnation, 'running')
    expect(await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'done',
    })
  })
})

describe('a refusal', () => {
  it.each<[string, () => void, Partial<Parameters<TestRoom['ask']>[0]>]>([
    ['control_off', () => (host.config.mode = 'off'), {}],
    ['second_daemon', () => (host.acting = false), {}],
    ['kill_switch', () => (host.killSwitch = true), {}],
    ['unknown_agent', () => {}, { agent: 'nobody' }],
    ['other_incarnation', () => {}, { incarnation: 'older' }],
    ['ended', () => (host.agents.get('a')!.endedAtMs = 1), {}],
    ['conflict', () => (host.agents.get('a')!.conflict = true), {}],
    ['missing_data', () => host.lost.add('a'), {}],
    ['protected_process', () => host.protectedPids.add(pidOf('a')), {}],
    ['other_user', () => (host.agents.get('a')!.uid = 0), {}],
    ['unsupported', () => (host.agents.get('a')!.runtime = 'cooperative'), {}],
    ['unsupported', () => {}, { action: 'resize' }],
    [
      'unlabelled_container',
      () => {
        host.agents.get('a')!.runtime = 'container'
        host.container = 'unlabelled'
      },
      {},
    ],
    [
      'own_container',
      () => {
        host.agents.get('a')!.runtime = 'container'
        host.container = 'own'
      },
      {},
    ],
  ])('says why: %s', async (refusal, arrange, more) => {
    arrange()
    const entry = await room.ask({ action: 'pause', agent: 'a', trigger: 'alert', ...more })
    expect(entry).toMatchObject({ status: 'refused', refusal })
    expect(host.runtime.effects).toEqual([])
    expect(names()).toEqual(['action.refused'])
  })

  it('says why when it is the runtime that objects: below_usage', async () => {
    host.runtime.next('resize', { outcome: 'failed', touched: false, detail: 'below_usage: it uses 2 GiB' })
    expect(await room.act({ action: 'resize', agent: 'a', size: { memoryBytes: 1 } })).toMatchObject({
      status: 'refused',
      refusal: 'below_usage',
    })
  })

  it('holds while a terminate is under way and after it: terminal', async () => {
    const open = host.runtime.block('terminate')
    const terminate = await room.ask({ action: 'terminate', agent: 'a' })
    expect(room.desk.isTerminal('a')).toBe(true)
    expect(await room.ask({ action: 'pause', agent: 'a' })).toMatchObject({ refusal: 'terminal' })
    open()
    expect(await room.desk.settled(terminate.id)).toMatchObject({ status: 'done' })
    expect(await room.ask({ action: 'pause', agent: 'a' })).toMatchObject({ refusal: 'terminal' })
    expect(names()).toContain('agent.terminated')
  })

  it('counts the same within an hour as one row and takes no key', async () => {
    host.killSwitch = true
    const same = { action: 'pause', agent: 'a', trigger: 'budget', episode: 'e' } as const
    const first = await room.ask(same)
    host.clock.advance(1_000)
    const second = await room.ask({ ...same, episode: 'f' })
    expect(second).toMatchObject({ id: first.id, count: 2, lastAt: first.at + 1_000 })
    host.clock.advance(3_600_000)
    expect((await room.ask(same)).id).not.toBe(first.id)
    host.killSwitch = false
    expect(await room.act(same)).toMatchObject({ status: 'done' })
  })

  it('of the 11th of 100 agents: fleet_share, also when all ask at once', async () => {
    for (let i = 1; i < 100; i++) addAgent(host, `agent-${i}`)
    const entries = await Promise.all(
      [...host.agents.keys()]
        .slice(0, 20)
        .map((agent) => room.ask({ action: 'pause', agent, trigger: 'alert' })),
    )
    expect(entries.filter(({ status }) => status === 'intended').length).toBe(10)
    expect(entries.filter(({ refusal }) => refusal === 'fleet_share').length).toBe(10)
    await Promise.all(entries.map(({ id }) => room.desk.settled(id)))
    expect(host.runtime.count('pause')).toBe(10)
  })

  it('of the 4th after three failures in a row, until a person resets: failure_stop', async () => {
    for (let i = 0; i < 3; i++) {
      host.runtime.next('pause', { outcome: 'failed' })
      await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    }
    const refused = await room.ask({ action: 'pause', agent: 'a', trigger: 'budget' })
    expect(refused).toMatchObject({ refusal: 'failure_stop' })
    expect(room.desk.state().failureStops).toMatchObject([
      { action: 'pause', trigger: 'budget', failures: 3 },
    ])
    room.desk.reset('ann')
    expect(room.desk.state().failureStops).toEqual([])
    expect(await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'done',
    })
  })

  it('of the third automatic resume in an hour: too_many_resumes', async () => {
    for (let i = 0; i < 2; i++) {
      await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
      expect(await room.act({ action: 'resume', agent: 'a', trigger: 'budget' })).toMatchObject({
        status: 'done',
      })
    }
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })
    expect(await room.ask({ action: 'resume', agent: 'a', trigger: 'budget' })).toMatchObject({
      refusal: 'too_many_resumes',
    })
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
  })

  it('of an automatic action soon after the last: cooldown; a budget pauses again after a resume', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'alert' })
    await room.act({ action: 'resume', agent: 'a' })
    expect(await room.ask({ action: 'pause', agent: 'a', trigger: 'memory' })).toMatchObject({
      refusal: 'cooldown',
    })
    expect(await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'done',
    })
  })

  it('is a dry run for an agent that was only discovered: not_enforced', async () => {
    addAgent(host, 'found', { origin: 'discovered' })
    expect(await room.ask({ action: 'terminate', agent: 'found', trigger: 'budget' })).toMatchObject({
      status: 'dry_run',
      refusal: 'not_enforced',
    })
    expect(host.runtime.calls).toEqual([])
    expect(await room.act({ action: 'pause', agent: 'found', optIn: true })).toMatchObject({ status: 'done' })
  })
})

describe('a question what would come of it', () => {
  const asked = {
    action: 'terminate',
    agent: 'a',
    trigger: 'human',
    hold: 'human',
    actor: 'ann',
    episode: 'question',
    reason: 'what if',
  } as const

  it('is answered as the action would be, and leaves no line and no event', async () => {
    expect(await room.desk.judge(asked)).toEqual({ verdict: 'allow' })
    host.killSwitch = true
    expect(await room.desk.judge(asked)).toMatchObject({ verdict: 'refused', reason: 'kill_switch' })
    host.killSwitch = false
    expect(await room.desk.list({}, 10)).toEqual([])
    expect(names()).toEqual([])
    // It took no key either: the same in earnest is done.
    expect(await room.act(asked)).toMatchObject({ status: 'done' })
    expect(host.runtime.count('terminate')).toBe(1)
  })
})

describe('an approval', () => {
  const asked = { action: 'pause', agent: 'a', trigger: 'budget', approval: 'required' } as const

  it('is waited for, then the guard is asked again', async () => {
    const entry = await room.ask(asked)
    expect(entry.status).toBe('pending_approval')
    expect(room.desk.isHeld('a')).toBe(false)
    await room.desk.approve(entry.id, 'ann')
    expect(await room.desk.settled(entry.id)).toMatchObject({ status: 'done', detail: 'approved by ann' })
    await expect(room.desk.approve(entry.id, 'bob')).rejects.toMatchObject({
      code: 'AE_NOT_PENDING',
      message: expect.stringMatching(/it is (intended|done): approved by ann/),
    })
    await expect(room.desk.approve('nothing', 'bob')).rejects.toMatchObject({ code: 'AE_ACTION_NOT_FOUND' })
  })

  it('does not overrule the kill switch', async () => {
    const entry = await room.ask(asked)
    host.killSwitch = true
    expect(await room.desk.approve(entry.id, 'ann')).toMatchObject({
      status: 'refused',
      refusal: 'kill_switch',
    })
    expect(host.runtime.calls).toEqual([])
  })

  it('that two people give at once has one effect', async () => {
    const entry = await room.ask(asked)
    const answers = await Promise.allSettled([
      room.desk.approve(entry.id, 'ann'),
      room.desk.approve(entry.id, 'bob'),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await room.desk.settled(entry.id)
    expect(host.runtime.count('pause')).toBe(1)
  })

  it('may be rejected: rejected', async () => {
    const entry = await room.ask(asked)
    const waiting = room.desk.settled(entry.id)
    await room.desk.reject(entry.id, 'ann', 'not now')
    expect(await waiting).toMatchObject({ refusal: 'rejected', detail: 'rejected by ann: not now' })
  })

  it('that nobody gives in time is refused: expired', async () => {
    const entry = await room.ask(asked)
    host.clock.advance(1_800_000)
    await quiet()
    expect(await room.desk.find(entry.id)).toMatchObject({ status: 'refused', refusal: 'expired' })
  })

  it('does not outlive a resume by a person: superseded', async () => {
    const [entry, other] = [await room.ask(asked), await room.ask(asked)]
    addAgent(host, 'b')
    const elsewhere = await room.ask({ ...asked, agent: 'b' })
    const { id } = await room.act({ action: 'resume', agent: 'a' })
    for (const one of [entry, other]) {
      expect(await room.desk.find(one.id)).toMatchObject({
        status: 'refused',
        refusal: 'superseded',
        detail: `a person resumed the agent (${id})`,
      })
      await expect(room.desk.approve(one.id, 'ann')).rejects.toMatchObject({ code: 'AE_NOT_PENDING' })
    }
    // Before anybody hears of the resume: nothing new may be mistaken for the old.
    const names = room.events.map(({ name, entry }) => `${name} ${entry.id}`)
    expect(names.indexOf(`action.refused ${other.id}`)).toBeLessThan(names.indexOf(`agent.resumed ${id}`))
    expect(await room.desk.find(elsewhere.id)).toMatchObject({ status: 'pending_approval' })
    expect((await room.ask({ ...asked, episode: other.episode })).status).toBe('pending_approval')
  })

  it('outlives the resume of an alert, and of a person that failed', async () => {
    await room.act({ action: 'pause', agent: 'a', trigger: 'alert' })
    const entry = await room.ask(asked)
    host.runtime.next('resume', { outcome: 'failed' })
    await room.act({ action: 'resume', agent: 'a' })
    await room.act({ action: 'resume', agent: 'a', trigger: 'alert' })
    expect(room.desk.isHeld('a')).toBe(false)
    expect(await room.desk.find(entry.id)).toMatchObject({ status: 'pending_approval' })
  })

  it('ends with its agent', async () => {
    const entry = await room.ask(asked)
    room.emitExited(host.agents.get('a')!)
    await quiet()
    expect(await room.desk.find(entry.id)).toMatchObject({ status: 'refused', refusal: 'ended' })
  })
})

describe('a resume whose driver does not answer', () => {
  const GIVEN_UP_MS = 7_000

  async function giveUp(): Promise<ActionEntry> {
    const { id } = await room.ask({ action: 'resume', agent: 'a' })
    await quiet()
    host.clock.advance(GIVEN_UP_MS)
    await quiet()
    return room.desk.settled(id)
  }

  beforeEach(() => room.act({ action: 'pause', agent: 'a', trigger: 'budget' }))

  it('is done when the agent runs: nobody runs who is held', async () => {
    host.runtime.next('resume', 'hang')
    host.runtime.setState(host.agents.get('a')!.incarnation, 'running')
    expect(await giveUp()).toMatchObject({ status: 'done', detail: 'the driver did not answer in time' })
    expect(room.desk.isHeld('a')).toBe(false)
  })

  it('has failed when the agent is stopped: it stays held and may be resumed again', async () => {
    host.runtime.next('resume', 'hang')
    expect(await giveUp()).toMatchObject({ status: 'failed' })
    expect([...room.desk.holds('a').keys()]).toEqual(['budget'])
    expect(await room.act({ action: 'resume', agent: 'a' })).toMatchObject({ status: 'done' })
  })

  it('is completed when the driver continues the agent after all', async () => {
    const open = host.runtime.block('resume')
    expect(await giveUp()).toMatchObject({ status: 'failed' })
    open()
    await quiet()
    expect(host.runtime.stateOf(host.agents.get('a')!.incarnation)).toBe('running')
    expect(room.desk.isHeld('a')).toBe(false)
    const [last] = room.events.filter(({ name }) => name === 'agent.resumed')
    expect(last).toMatchObject({ entry: { actor: 'journal' }, released: ['budget'] })
  })

  it('is undone when somebody wanted the agent held since', async () => {
    const open = host.runtime.block('resume')
    await giveUp()
    expect(await room.act({ action: 'pause', agent: 'a' })).toMatchObject({ status: 'noop' })
    open()
    await quiet()
    await quiet()
    expect(host.runtime.stateOf(host.agents.get('a')!.incarnation)).toBe('paused')
    expect([...room.desk.holds('a').keys()]).toEqual(['budget', 'human'])
  })
})

describe('waiting for an end', () => {
  it('gives the entry as it is when the caller leaves', async () => {
    host.runtime.next('pause', 'hang')
    const { id } = await room.ask({ action: 'pause', agent: 'a' })
    const caller = new AbortController()
    const waiting = room.desk.settled(id, caller.signal)
    await quiet()
    caller.abort()
    expect(await waiting).toMatchObject({ status: 'intended' })
    await expect(room.desk.settled('nothing')).rejects.toMatchObject({ code: 'AE_ACTION_NOT_FOUND' })
  })
})

describe('after a damaged journal', () => {
  it('everything automatic is a dry run until a person resets, and who is found stopped is held', async () => {
    const { incarnation } = addAgent(host, 'b')
    host.runtime.setState(incarnation, 'paused')
    room.damaged()
    await quiet()
    expect([...room.desk.holds('b').keys()]).toEqual(['unknown'])
    expect(await room.ask({ action: 'pause', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'dry_run',
    })
    expect(room.health()).toMatchObject({ status: 'degraded' })
    expect(await room.act({ action: 'resume', agent: 'b' })).toMatchObject({ status: 'done' })
    room.desk.reset('ann')
    expect(await room.act({ action: 'pause', agent: 'a', trigger: 'budget' })).toMatchObject({
      status: 'done',
    })
  })

  it('acts again when no rule looks back to before the loss any more', async () => {
    room.damaged()
    const pause = { action: 'pause', agent: 'a', trigger: 'budget' } as const
    host.clock.advance(599_000)
    expect(await room.ask(pause)).toMatchObject({ status: 'dry_run' })
    // A second loss: everything begins anew.
    room.damaged()
    host.clock.advance(599_000)
    expect(await room.ask(pause)).toMatchObject({ status: 'dry_run' })
    expect(room.health()).toMatchObject({ journal: 'damaged' })
    host.clock.advance(1_000)
    expect(room.health()).toMatchObject({ journal: 'ok' })
    expect(await room.act(pause)).toMatchObject({ status: 'done' })
  })
})

function pidOf(id: string): number {
  return Number(host.agents.get(id)!.incarnation.split(':')[2])
}

describe('what Prometheus sees', () => {
  async function scrape(): Promise<string[]> {
    const catalogue = createCatalogue([
      ...room.collectors.flatMap(({ families }) => families),
      ...scrapeFamilies,
    ])
    const failures: unknown[] = []
    const scraper = createScraper({
      catalogue,
      collectors: room.collectors,
      clock: host.clock,
      newestFirst: () => 0,
      onError: (_name, error) => void failures.push(error),
    })
    host.clock.advance(1_100)
    const snapshot = await scraper.scrape()
    expect(failures).toEqual([])
    return renderText(snapshot, 'text').split('\n')
  }

  it('has every combination of action, trigger and outcome at 0 from the start', async () => {
    const lines = (await scrape()).filter((line) => line.startsWith('agent_actions_total{'))
    expect(lines).toHaveLength(4 * 6 * 5)
    expect(lines.every((line) => line.endsWith(' 0'))).toBe(true)
  })

  it('has every way to act at 0 from the start, so that a rate sees the first one', async () => {
    const counts = (lines: string[]) =>
      lines.filter((line) => line.startsWith('agent_action_duration_seconds_count{'))
    const before = counts(await scrape())
    expect(before).toHaveLength(14)
    expect(before.every((line) => line.endsWith(' 0'))).toBe(true)
    await room.act({ action: 'pause', agent: 'a' })
    await room.act({ action: 'terminate', agent: 'a' })
    const names = (lines: string[]) => lines.map((line) => line.slice(0, line.indexOf('}')))
    expect(names(counts(await scrape()))).toEqual(names(before))
  })

  it('counts outcomes and reasons, and says who is paused since when', async () => {
    const since = host.clock.now() / 1_000
    await room.act({
      action: 'pause',
      agent: 'a',
      trigger: 'budget',
      crossedAtMs: host.clock.monotonic() - 200,
    })
    host.killSwitch = true
    await room.ask({ action: 'terminate', agent: 'a', trigger: 'alert' })
    const lines = await scrape()
    expect(lines).toEqual(
      expect.arrayContaining([
        'agent_actions_total{action="pause",trigger="budget",outcome="done"} 1',
        'agent_actions_total{action="terminate",trigger="alert",outcome="refused"} 1',
        'agent_action_refusals_total{action="terminate",reason="kill_switch"} 1',
        'agent_actions_pending{action="pause"} 0',
        'agent_control_kill_switch 1',
        'agents_paused_current 1',
        `agent_paused_since_timestamp_seconds{agent="a"} ${since}`,
        'agent_action_duration_seconds_bucket{action="pause",rung="sigstop",le="0.25"} 1',
        'agent_reaction_duration_seconds_bucket{trigger="budget",le="0.15"} 0',
        'agent_reaction_duration_seconds_bucket{trigger="budget",le="0.25"} 1',
      ]),
    )
    host.killSwitch = false
    await room.act({ action: 'resume', agent: 'a' })
    const after = await scrape()
    expect(after).toContain('agents_paused_current 0')
    expect(after.filter((line) => line.startsWith('agent_paused_since_timestamp_seconds{'))).toEqual([])
  })

  it('counts nothing when somebody only asks what would come of it', async () => {
    const before = await scrape()
    host.killSwitch = true
    const asked = { action: 'pause', agent: 'a', trigger: 'human', hold: 'human' } as const
    await room.desk.judge({ ...asked, actor: 'ann', episode: 'question', reason: 'what if' })
    host.killSwitch = false
    const counted = (lines: string[]) => lines.filter((line) => /^agent_action.*_total\{/.test(line))
    expect(counted(await scrape())).toEqual(counted(before))
  })

  it('counts what waits for approval as pending', async () => {
    await room.ask({ action: 'terminate', agent: 'a', approval: 'required' })
    expect(await scrape()).toContain('agent_actions_pending{action="terminate"} 1')
  })
})

describe('the block of an agent', () => {
  it('says whether it is enforced, and since when and why it is paused', async () => {
    expect(room.describe('a')).toMatchObject({ enforced: true, pausedAt: null, pauseReason: null, holds: [] })
    await room.act({ action: 'pause', agent: 'a', trigger: 'budget', reason: 'too many\u001b tokens' })
    const since = new Date(host.clock.now()).toISOString()
    expect(room.describe('a')).toMatchObject({
      pausedAt: since,
      pauseReason: 'too many\ufffd tokens',
      holds: [{ cause: 'budget', since }],
    })
    expect(room.describe('nobody')).toBeUndefined()
  })
})
