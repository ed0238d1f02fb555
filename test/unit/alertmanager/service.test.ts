import { describe, expect, it } from 'vitest'
import { alertHouse, fakeDisk } from './room.ts'
import { CURED, firing, lifeOf, MINUTE, resolved, ruleOf, SECOND, START } from './shapes.ts'

describe('the receiver of alerts', () => {
  it('pauses an agent once, and lets it go on once what we measure agrees', async () => {
    const house = await alertHouse({ rules: [CURED] })
    house.isOver = undefined
    expect(await house.tell(firing())).toEqual({ asked: 1 })
    expect(house.entry()).toMatchObject({ progress: 'done', answer: 'done' })
    await house.wait(2 * MINUTE)
    expect(await house.tell(resolved({ ends: 2 * MINUTE }))).toEqual({ resolved: 1 })
    await house.wait(5 * SECOND)
    expect([house.host.runtime.count('resume'), house.entry().withheld]).toEqual([0, 'not_measured'])
    house.isOver = true
    await house.wait(2 * SECOND)
    expect(house.host.runtime.effects.map(({ verb }) => verb)).toEqual(['pause', 'resume'])
    expect(house.entry()).toMatchObject({ state: 'closed', resume: 'done' })
    expect(house.journal('done').map(({ action, hold, trigger }) => [action, hold, trigger])).toEqual([
      ['pause', 'alert:A#1', 'alert'],
      ['resume', 'alert:A#1', 'alert'],
    ])
  })

  it('has heard nothing of what it could not write down, and says so', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    house.disk.broken = true
    await expect(house.tell(firing())).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE' })
    expect([house.room.receiver.list(), house.told, house.host.runtime.calls]).toEqual([[], [], []])
    expect(house.room.health()).toMatchObject({ status: 'degraded' })
    house.disk.broken = false
    expect(await house.tell(firing())).toEqual({ asked: 1 })
    expect(house.room.health()).toMatchObject({ status: 'healthy', firing: 1 })
    expect(house.host.runtime.count('pause')).toBe(1)
  })

  it('keeps what became of an action when the disk is gone for a while', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    const open = house.host.runtime.block('pause')
    await house.tell(firing())
    house.disk.broken = true
    open()
    await house.wait(3 * SECOND)
    expect(house.entry().progress).toBe('asking')
    house.disk.broken = false
    await house.wait(2 * SECOND)
    expect(house.entry().progress).toBe('done')
    expect([...house.disk.table.entries.values()]).toMatchObject([{ progress: 'done' }])
  })

  it('acknowledges while what follows takes its time', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    house.host.runtime.block('pause')
    expect(await house.tell(firing())).toEqual({ asked: 1 })
    expect(await house.tell(firing())).toEqual({ repeated: 1 })
    expect(house.entry().progress).toBe('asking')
  })

  it('does one thing for ten thousand copies', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    const copies = Array.from({ length: 10_000 }, (_, i) => firing({ fingerprint: `f${i % 2}` }))
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) => house.tell(...copies.slice(i * 100, (i + 1) * 100))),
    )
    expect(outcomes.reduce((sum, one) => sum + (one['asked'] ?? 0), 0)).toBe(1)
    expect([house.host.runtime.count('pause'), house.journal('intended').length]).toEqual([1, 1])
    const names = house.told.map(({ name }) => name)
    expect(names.filter((name) => name === 'alert.deduplicated')).toHaveLength(1)
    expect(names.filter((name) => name === 'alert.received')).toHaveLength(100)
    expect(house.disk.notes).toHaveLength(100)
  })

  it('lets nothing late or in another order wake anybody up', async () => {
    const house = await alertHouse({ rules: [CURED] })
    expect(await house.tell(resolved())).toEqual({ unmatched: 1 })
    expect(await house.tell(firing())).toEqual({ late: 1 })
    expect(await house.tell(firing({ starts: MINUTE }))).toEqual({ asked: 1 })
    await house.wait(2 * MINUTE)
    expect(await house.tell(resolved())).toEqual({ late: 1 })
    await house.wait(MINUTE)
    expect(house.host.runtime.effects.map(({ verb }) => verb)).toEqual(['pause'])
  })

  it('asks for nothing more in an episode in which a person let the agent go on', async () => {
    const house = await alertHouse({ rules: [CURED] })
    await house.tell(firing())
    await house.control.act({ action: 'resume', agent: 'a' })
    await house.wait(MINUTE)
    expect(house.entry()).toMatchObject({ muted: true })
    expect(house.told.filter(({ name }) => name === 'alert.refused')).toEqual([])
    expect(await house.tell(firing())).toEqual({ repeated: 1 })
    expect(house.host.runtime.count('pause')).toBe(1)
  })

  it('follows its rules as they are now, and an open episode stays one', async () => {
    const house = await alertHouse({ rules: [ruleOf({ match: { alertname: 'Other' } })] })
    expect(await house.tell(firing())).toEqual({ no_policy: 1 })
    house.rules = [ruleOf({ dryRun: true })]
    expect(await house.tell(firing())).toEqual({ asked: 1 })
    expect(house.entry()).toMatchObject({ progress: 'over', answer: expect.stringMatching(/^dry_run/) })
    house.rules = [ruleOf()]
    expect(await house.tell(firing())).toEqual({ repeated: 1 })
    expect(house.host.runtime.calls).toEqual([])
  })

  it('tells once why nothing is done', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    for (let i = 0; i < 5; i++)
      await house.tell(firing({ agent: 'nobody' }), firing({ labels: { agent: '' } }))
    const refused = house.told.filter(({ name }) => name === 'alert.refused').map(({ event }) => event)
    expect(refused).toEqual([
      { alertname: 'A', agent: 'nobody', outcome: 'unknown_agent' },
      { alertname: 'A', agent: '', outcome: 'no_agent' },
    ])
  })
})

describe('after the daemon was killed', () => {
  it('what was acknowledged and not done yet is done, once', async () => {
    const first = await alertHouse({ rules: [ruleOf()] })
    first.host.acting = false
    // The end comes between the acknowledgement and the question to the action plane.
    await first.tell(firing())
    const [entry] = first.disk.table.entries.values()
    first.disk.table = {
      ...first.disk.table,
      entries: new Map([[entry!.key, { ...entry!, progress: 'asking' }]]),
    }
    first.host.acting = true
    const second = await first.again()
    expect(second.host.runtime.count('pause')).toBe(1)
    expect(second.entry()).toMatchObject({ progress: 'done', episode: 'A#1' })
    expect(await second.tell(firing())).toEqual({ repeated: 1 })
    expect(second.host.runtime.count('pause')).toBe(1)
  })

  it('what was done and not written down is found done', async () => {
    const first = await alertHouse({ rules: [CURED] })
    await first.tell(firing())
    const [entry] = first.disk.table.entries.values()
    const before = { ...entry!, progress: 'asking', heldAt: undefined, actedAt: undefined } as const
    first.disk.table = { ...first.disk.table, entries: new Map([[entry!.key, before]]) }
    const second = await first.again()
    expect(second.entry()).toMatchObject({ progress: 'done' })
    await second.wait(2 * MINUTE)
    await second.tell(resolved({ ends: 2 * MINUTE }))
    await second.wait(2 * SECOND)
    expect(second.host.runtime.effects.map(({ verb }) => verb)).toEqual(['pause', 'resume'])
  })

  it('an alert that nobody repeats any more is not followed', async () => {
    const first = await alertHouse({ rules: [ruleOf()] })
    first.host.killSwitch = true
    await first.tell(firing())
    expect(first.entry().progress).toBe('owed')
    await first.room.stop()
    first.host.killSwitch = false
    first.host.clock.advance(11 * MINUTE)
    const second = await first.again()
    expect(second.host.runtime.calls).toEqual([])
  })
})

describe('what is refused', () => {
  it('for now is asked again when the alert is heard again', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    house.host.killSwitch = true
    await house.tell(firing())
    await house.wait(MINUTE)
    expect(house.entry()).toMatchObject({
      progress: 'owed',
      answer: 'kill_switch: the kill switch is engaged',
    })
    house.host.killSwitch = false
    expect(await house.tell(firing())).toEqual({ asked: 1 })
    expect(house.host.runtime.count('pause')).toBe(1)
  })

  it('for ever is not asked again', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    house.host.protectedPids.add(Number(house.agent.incarnation.split(':')[2]))
    await house.tell(firing())
    expect(await house.tell(firing())).toEqual({ repeated: 1 })
    expect(house.entry()).toMatchObject({ progress: 'over' })
  })

  it('of a resume is asked less and less often, and is done when it may be', async () => {
    const house = await alertHouse({ rules: [CURED] })
    await house.tell(firing())
    await house.wait(2 * MINUTE)
    house.host.config.maxAutoResumesPerHour = 0
    await house.tell(resolved({ ends: 2 * MINUTE }))
    await house.wait(10 * MINUTE)
    expect(house.entry()).toMatchObject({
      resume: 'owed',
      answer: expect.stringMatching(/^too_many_resumes/),
    })
    expect(house.entry().resumeTries).toBeLessThan(10)
    house.host.config.maxAutoResumesPerHour = 2
    await house.wait(10 * MINUTE)
    expect(house.entry().resume).toBe('done')
  })
})

describe('a rule that needs a person', () => {
  it('waits for the approval and acts then', async () => {
    const house = await alertHouse({ rules: [ruleOf({ approval: 'required' })] })
    await house.tell(firing())
    const [line] = house.journal('intended')
    expect([await house.tell(firing()), house.entry().progress]).toEqual([{ repeated: 1 }, 'asking'])
    await house.control.desk.approve(line!.id, 'me')
    await house.wait(SECOND)
    expect([house.entry().progress, house.host.runtime.count('pause')]).toEqual(['done', 1])
  })
})

describe('a rule that lets agents go on', () => {
  it('ends what alerts began and nothing else', async () => {
    const house = await alertHouse({
      rules: [ruleOf(), ruleOf({ match: { alertname: 'AllClear' }, action: 'resume' })],
    })
    await house.tell(firing())
    await house.control.act({ action: 'pause', agent: 'a' })
    await house.tell(firing({ alertname: 'AllClear' }))
    expect([...house.control.desk.holds('a').keys()]).toEqual(['human'])
    expect(house.host.runtime.count('resume')).toBe(0)
  })

  it('says that no alert holds it', async () => {
    const house = await alertHouse({
      rules: [ruleOf({ match: { alertname: 'AllClear' }, action: 'resume' })],
    })
    await house.control.act({ action: 'pause', agent: 'a' })
    await house.tell(firing({ alertname: 'AllClear' }))
    expect(house.entry()).toMatchObject({ progress: 'over', answer: 'no alert holds it' })
    expect(house.host.runtime.count('resume')).toBe(0)
  })
})

describe('Alertmanager, when it can be asked', () => {
  const active = (alert = firing()) => ({
    active: async () => [{ labels: alert.labels, fingerprint: 'f', startsAtMs: START }],
  })
  const KILL = ruleOf({ action: 'terminate' })

  it('must say that it fires before anything is ended', async () => {
    const house = await alertHouse({ rules: [KILL] })
    house.api = { active: async () => [] }
    await house.tell(firing())
    expect([house.entry().progress, house.host.runtime.calls]).toEqual(['owed', []])
    house.api = {
      active: async () => {
        throw new Error('refused')
      },
    }
    await house.tell(firing())
    expect(house.entry()).toMatchObject({
      progress: 'owed',
      answer: 'Alertmanager could not be asked whether it still fires',
    })
    house.api = active(firing({ agent: 'b' }))
    await house.tell(firing())
    expect(house.host.runtime.calls).toEqual([])
    house.api = active()
    await house.tell(firing())
    expect(house.host.runtime.count('terminate')).toBe(1)
  })

  it('keeps alive what it lists, opens nothing, and makes unknown what two lists do not have', async () => {
    const house = await alertHouse({ rules: [ruleOf()] })
    house.host.agents.set('b', { ...house.agent, ...lifeOf('b') })
    house.api = active()
    await house.tell(firing())
    await house.wait(30 * MINUTE)
    expect(house.entry().state).toBe('firing')
    house.api = active(firing({ agent: 'b' }))
    await house.wait(4 * MINUTE)
    expect(house.entry().state).toBe('firing')
    await house.wait(8 * MINUTE)
    expect(house.entry().state).toBe('unknown')
    expect(house.room.receiver.list()).toHaveLength(1)
    house.api = active()
    await house.wait(5 * MINUTE)
    expect([house.entry().state, house.host.runtime.count('pause')]).toEqual(['firing', 1])
  })
})

describe('the clock of the alert', () => {
  it('starts the reaction time when the alert began', async () => {
    const house = await alertHouse({ rules: [ruleOf()], disk: fakeDisk() })
    await house.wait(30 * SECOND)
    const asked: (number | undefined)[] = []
    const { desk } = house.control
    const request = desk.request.bind(desk)
    Object.assign(desk, {
      request: (one: Parameters<typeof request>[0]) => {
        asked.push(one.crossedAtMs)
        return request(one)
      },
    })
    await house.tell(firing())
    expect(asked).toEqual([house.host.clock.monotonic() - 30 * SECOND])
  })
})
