import { describe, expect, it } from 'vitest'
import { decodeConfig } from '../../../src/config/decode.ts'
import type { ExhaustionConfig } from '../../../src/exhaustion/limits.ts'
import { createRoom } from './room.ts'

const LIMITS = { thresholds: { maxApiCalls: 10 } }

/** A room with one agent `a` that a person enrolled. */
async function enrolled(over: Partial<ExhaustionConfig> = LIMITS) {
  const room = createRoom(over)
  await room.start()
  const agent = room.appear('a')
  await room.room.enrol(agent, { enforce: true })
  return { ...room, agent }
}

const calls = (apiCalls: number) => ({ apiCalls })

describe('an enforced agent at its limit', () => {
  it('is paused at once, with a reason that names resource, use and limit (A06)', async () => {
    const { ledger, journal, kept, settle, room, failures } = await enrolled()
    ledger.use('a', calls(8))
    ledger.use('a', calls(10))
    expect(journal.requests).toEqual([
      {
        action: 'pause',
        agent: 'a',
        incarnation: 'a-life-1',
        trigger: 'budget',
        episode: '1:api_calls',
        hold: 'budget',
        actor: 'budget',
        reason: 'api_calls: 10 of 10 calls used',
        crossedAtMs: 0,
      },
    ])
    await settle()
    expect(kept()).toEqual(['warning api_calls warned', 'intervention api_calls paused'])
    expect(room.phaseOf('a')).toBe('intervention')
    expect(failures).toEqual([])
  })

  it('keeps a snapshot of use and limits with the event (A05)', async () => {
    const { ledger, events } = await enrolled()
    ledger.use('a', calls(10))
    expect(events[0]).toMatchObject({
      agent: 'a',
      role: 'coder',
      epoch: 1,
      actor: 'budget',
      metrics: { apiCallsCount: 10, filesRead: 0, lastDeliverableAt: null },
      thresholds: { maxApiCalls: 10, maxTokensConsumed: 100_000 },
    })
  })

  it('says what really happened: allowed when pausing is off (D10)', async () => {
    const { ledger, journal, kept, settle } = await enrolled({ ...LIMITS, pauseOnIntervention: false })
    ledger.use('a', calls(10))
    await settle()
    expect(kept()).toEqual(['intervention api_calls allowed'])
    expect(journal.requests).toEqual([])
  })

  it.each([
    ['noop', 'paused'],
    ['partial', 'failed'],
    ['failed', 'failed'],
    ['needs_foreground', 'failed'],
    ['refused', 'refused'],
    ['dry_run', 'dry_run'],
  ] as const)('says what really happened: %s is told as %s (D10)', async (status, told) => {
    const { ledger, journal, kept, settle, disk } = await enrolled()
    journal.state.answer = () => ({ status, detail: 'two processes left' })
    ledger.use('a', calls(10))
    await settle()
    expect(kept()).toEqual([`intervention api_calls ${told}`])
    const [row] = disk.tables.exhaustion_events.values()
    if (told === 'failed') expect(row?.reason).toContain(`${status}: two processes left`)
    expect(row?.action_id).toBe('entry-1')
  })

  it('stays in intervention whatever it delivers while it is held (D9, A13)', async () => {
    const { ledger, clock, room, settle, said } = await enrolled({
      thresholds: { maxTimeWithoutDeliverableMs: 10_000 },
    })
    clock.advance(10_000)
    await settle()
    ledger.deliver('a')
    expect(room.phaseOf('a')).toBe('intervention')
    expect(said()).toHaveLength(2)
  })

  it('is not let off by a deliverable that arrives while the pause is being decided', async () => {
    const { ledger, clock, room, journal, settle } = await enrolled({
      thresholds: { maxTimeWithoutDeliverableMs: 10_000 },
    })
    journal.state.answer = () => ({ status: 'intended' })
    clock.advance(10_000)
    ledger.deliver('a')
    expect(room.phaseOf('a')).toBe('intervention')
    journal.settle('entry-1', { status: 'failed' })
    await settle()
    expect(room.phaseOf('a')).toBe('normal')
  })

  it('is asked for again at every check as long as a pause is owed', async () => {
    const { ledger, clock, journal, kept, settle } = await enrolled()
    journal.state.answer = () => ({ status: 'refused', refusal: 'kill_switch' })
    ledger.use('a', calls(10))
    await settle()
    clock.advance(60_000)
    await settle()
    expect(journal.requests).toHaveLength(2)
    expect(journal.requests[1]).not.toHaveProperty('crossedAtMs')
    journal.state.answer = () => ({ status: 'done' })
    clock.advance(60_000)
    await settle()
    clock.advance(600_000)
    await settle()
    expect(journal.requests).toHaveLength(3)
    expect(kept()).toEqual(['intervention api_calls paused'])
  })
})

describe('an agent that nobody enrolled (A18)', () => {
  it('is measured and told, and the journal hears of it once per excursion', async () => {
    const { start, appear, ledger, journal, kept, clock, settle } = createRoom(LIMITS)
    await start()
    appear('a', { origin: 'discovered' })
    journal.state.answer = () => ({ status: 'dry_run' })
    ledger.use('a', calls(10))
    await settle()
    clock.advance(600_000)
    await settle()
    expect(journal.requests).toHaveLength(1)
    expect(kept()).toContain('intervention api_calls dry_run')
  })

  it('only gets warnings from limits that nobody wrote', async () => {
    const { start, appear, ledger, journal, said } = createRoom()
    await start()
    appear('a')
    ledger.use('a', calls(5_000))
    expect(said()).toEqual(['normal>warning api_calls warned'])
    expect(journal.requests).toEqual([])
  })
})

describe('enforcement', () => {
  it('is what a person chose, or the own label of a container, or all discovered', async () => {
    const { start, appear, room, settings } = createRoom()
    await start()
    const found = appear('found', { origin: 'discovered' })
    const named = appear('named', { origin: 'environment' })
    const box = appear('box', { runtime: 'container', origin: 'labelled' })
    const said = () => [found, named, box].map(room.enforced)
    expect(said()).toEqual([false, false, false])
    settings.discovered = true
    // A name in its own environment takes nobody out of it.
    expect(said()).toEqual([true, true, false])
    await room.enrol(found, { enforce: false })
    settings.labels = { enforce: true }
    expect(said()).toEqual([false, true, true])
  })

  it('follows from a budget or a profile when nobody says otherwise, and ends with the incarnation', async () => {
    const { start, appear, room } = createRoom()
    await start()
    const agent = appear('a')
    await room.enrol(agent, { profile: 'tight', budget: { tokens: 5 } })
    expect(room.enforced(agent)).toBe(true)
    expect(room.feature.describe!('a')).toMatchObject({
      thresholds: { maxApiCalls: 10, maxTokensConsumed: 5, maxFilesAccessed: 100 },
      enforced: true,
    })
    expect(room.enforced(appear('a', { incarnation: 'a-life-2' }))).toBe(false)
  })

  it('goes along when a name without a process gets one, and stays with that over a restart', async () => {
    const { start, appear, room, world, disk, settle } = createRoom()
    await start()
    const name = appear('a', { runtime: 'cooperative', incarnation: 'registration:a:1' })
    await room.enrol(name, { budget: { api_calls: 7 } })
    const bound = { ...name, runtime: 'process', incarnation: 'a-life-1' } as const
    room.inherit(name, bound)
    // In force before it is written down: the first record may come at once.
    expect(room.enforced(bound)).toBe(true)
    await settle()
    const after = createRoom({}, world)
    await after.room.beforeAgents.start!()
    expect(after.room.of(bound)).toMatchObject({ enforce: true, budget: { maxApiCalls: 7 } })
    // What somebody chose for the life itself is not replaced.
    await room.enrol(bound, { budget: { api_calls: 9 } })
    room.inherit(name, bound)
    expect(room.of(bound)?.budget).toEqual({ maxApiCalls: 9 })
    expect(disk.tables.enrolments.size).toBe(2)
  })

  it('is known before the phases of earlier runs are, and read with them where it could not be', async () => {
    const { start, appear, room, world, disk } = createRoom()
    await start()
    const agent = appear('a')
    await room.enrol(agent, {})
    await room.enrol(agent, { enforce: true })
    const after = createRoom({}, world)
    const { db } = disk.store
    Object.assign(disk.store, {
      db: {
        selectFrom() {
          throw new Error('away')
        },
      },
    })
    const blind = createRoom({}, world)
    Object.assign(disk.store, { db })
    await blind.room.beforeAgents.start!()
    await after.room.beforeAgents.start!()
    expect([blind, after].map((one) => one.room.enforced(agent))).toEqual([false, true])
  })

  it('refuses an unknown profile and a budget that is none, and then changes nothing (A02, A34)', async () => {
    const { start, appear, room } = createRoom()
    await start()
    const agent = appear('a')
    const wrong = { profile: 'tigth', budget: { tokens: -1 } }
    expect(room.validate(wrong).map(({ path }) => path)).toEqual(['/profile', '/budget/tokens'])
    await expect(room.enrol(agent, wrong)).rejects.toMatchObject({ code: 'AE_INVALID' })
    expect(room.enforced(agent)).toBe(false)
  })

  it('keeps the epoch and the phase when somebody enrols again', async () => {
    const { ledger, room, agent, journal, settle } = await enrolled()
    ledger.use('a', calls(10))
    await settle()
    await room.enrol(agent, { budget: { api_calls: 1_000 } })
    expect(room.phaseOf('a')).toBe('intervention')
    expect(journal.requests).toHaveLength(1)
  })
})

describe('a resume', () => {
  it('opens a new epoch, so that the agent is not paused again at once (D6)', async () => {
    const { ledger, person, room, journal, said, clock, settle } = await enrolled()
    ledger.use('a', calls(10))
    await settle()
    person.resume('a')
    expect(ledger.usage.epoch('a')).toMatchObject({ epoch: 2, totals: { apiCalls: 0 } })
    expect(room.answer('a')).toMatchObject({ phase: 'normal', ratios: { api_calls: 0 } })
    clock.advance(60_000)
    await settle()
    expect(journal.requests).toHaveLength(1)
    expect(said()).toEqual(['normal>intervention api_calls allowed', 'intervention>normal manual resumed'])
    ledger.use('a', calls(10))
    expect(journal.requests.at(-1)?.episode).toBe('2:api_calls')
  })

  it('grants an extra budget for that epoch only', async () => {
    const { ledger, person, room, settle } = await enrolled()
    ledger.use('a', calls(10))
    await settle()
    person.resume('a', { extraBudget: { api_calls: 5 } })
    ledger.use('a', calls(10))
    expect(room.feature.describe!('a')).toMatchObject({ phase: 'normal', thresholds: { maxApiCalls: 15 } })
    ledger.use('a', calls(15))
    await settle()
    person.resume('a')
    expect(room.feature.describe!('a')).toMatchObject({ thresholds: { maxApiCalls: 10 } })
  })

  it('is followed once, however often it is told', async () => {
    const { ledger, person, bus, journal, room, settle, events } = await enrolled()
    ledger.use('a', calls(10))
    await settle()
    const entry = person.resume('a')
    ledger.use('a', calls(10))
    await settle()
    const before = events.length
    bus.emit('agent.resumed', { entry, released: ['budget'] })
    expect(room.phaseOf('a')).toBe('intervention')
    expect(journal.holds.get('a')?.has('budget')).toBe(true)
    expect(ledger.isRunning('a')).toBe(true)
    expect(events).toHaveLength(before)
  })

  it('after a mere pause of a person renews nothing', async () => {
    const { ledger, person, said } = await enrolled()
    ledger.use('a', calls(9))
    person.pause('a')
    expect(ledger.isRunning('a')).toBe(false)
    person.resume('a')
    expect(ledger.isRunning('a')).toBe(true)
    expect(ledger.usage.epoch('a')?.epoch).toBe(1)
    expect(said()).toEqual([
      'normal>warning api_calls warned',
      'warning>warning manual paused',
      'warning>warning manual resumed',
    ])
  })
})

describe('termination', () => {
  it('is terminal and names actor, reason and the real trigger (A10, D5, D20)', async () => {
    const { ledger, person, room, events, journal } = await enrolled()
    ledger.use('a', calls(8))
    person.terminate('a')
    expect(events.at(-1)).toMatchObject({
      ...{ phase: 'termination', previousPhase: 'warning', triggeredBy: 'manual', actionTaken: 'terminated' },
      ...{ actor: 'ann', reason: 'it loops' },
    })
    ledger.use('a', calls(99))
    ledger.deliver('a')
    person.resume('a')
    expect(room.phaseOf('a')).toBe('termination')
    expect(journal.requests).toEqual([])
    person.terminate('a')
    expect(events.filter((e) => e.phase === 'termination')).toHaveLength(1)
  })

  it('comes when nobody answers an intervention in time (A31)', async () => {
    const { ledger, person, clock, journal, settle, events } = await enrolled({
      ...{ ...LIMITS, autoTerminate: true, terminateAfterMs: 90_000 },
    })
    ledger.use('a', calls(10))
    await settle()
    clock.advance(89_990)
    expect(journal.requests).toHaveLength(1)
    clock.advance(20)
    expect(journal.requests.at(-1)).toMatchObject({
      ...{ action: 'terminate', trigger: 'budget', episode: '1:terminate', incarnation: 'a-life-1' },
    })
    person.terminate('a', 'budget')
    expect(events.at(-1)).toMatchObject({ triggeredBy: 'api_calls', phase: 'termination' })
  })

  it('is off by default, and a resume is an answer (A31)', async () => {
    const off = await enrolled()
    off.ledger.use('a', calls(10))
    await off.settle()
    off.clock.advance(3_600_000)
    expect(off.journal.requests).toHaveLength(1)

    const on = await enrolled({ ...LIMITS, autoTerminate: true, terminateAfterMs: 90_000 })
    on.ledger.use('a', calls(10))
    await on.settle()
    on.person.resume('a')
    on.clock.advance(3_600_000)
    expect(on.journal.requests.map(({ action }) => action)).toEqual(['pause'])
  })

  it('never comes for an agent that nobody enrolled', async () => {
    const { start, appear, ledger, journal, clock, settle } = createRoom({ ...LIMITS, autoTerminate: true })
    await start()
    appear('a')
    journal.state.answer = () => ({ status: 'dry_run' })
    ledger.use('a', calls(10))
    await settle()
    clock.advance(7_200_000)
    expect(journal.requests.map(({ action }) => action)).toEqual(['pause'])
  })

  it('is asked for again at the next check when it was refused', async () => {
    const { ledger, clock, journal, settle } = await enrolled({
      ...{ ...LIMITS, autoTerminate: true, terminateAfterMs: 90_000 },
    })
    ledger.use('a', calls(10))
    await settle()
    journal.state.answer = () => ({ status: 'refused', refusal: 'kill_switch' })
    clock.advance(90_010)
    await settle()
    clock.advance(60_000)
    await settle()
    expect(journal.requests.filter(({ action }) => action === 'terminate').length).toBeGreaterThan(1)
  })
})

describe('a pause that needs a person (A32)', () => {
  const ASK = { ...LIMITS, requireConfirmationOnIntervention: true }

  it('waits for the approval, and the event says so until then', async () => {
    const { ledger, journal, kept, settle } = await enrolled(ASK)
    journal.state.answer = () => ({ status: 'pending_approval' })
    ledger.use('a', calls(10))
    await settle()
    expect(journal.requests[0]?.approval).toBe('required')
    expect(kept()).toEqual(['intervention api_calls pending_approval'])
    journal.settle('entry-1', { status: 'done' })
    await settle()
    expect(kept()).toEqual(['intervention api_calls paused'])
  })

  it('is not asked for again when a person rejected it, and that is an answer', async () => {
    const { ledger, journal, kept, clock, settle } = await enrolled({
      ...{ ...ASK, autoTerminate: true, terminateAfterMs: 90_000 },
    })
    journal.state.answer = () => ({ status: 'pending_approval' })
    ledger.use('a', calls(10))
    await settle()
    journal.settle('entry-1', { status: 'refused', refusal: 'rejected' })
    await settle()
    clock.advance(3_600_000)
    await settle()
    expect(kept()).toEqual(['intervention api_calls refused'])
    expect(journal.requests).toHaveLength(1)
  })

  it('goes on waiting after a restart of the daemon', async () => {
    const first = await enrolled(ASK)
    first.journal.state.answer = () => ({ status: 'pending_approval' })
    first.ledger.use('a', calls(10))
    await first.settle()
    await first.stop()
    const second = createRoom(ASK, first.world)
    await second.start()
    await second.settle()
    expect(second.journal.requests).toHaveLength(1)
    second.journal.settle('entry-1', { status: 'done' })
    await second.settle()
    expect(second.kept()).toEqual(['intervention api_calls paused'])
  })
})

describe('time', () => {
  const TIMES = { thresholds: { maxTimeWithoutDeliverableMs: 300_000, maxWallClockMs: 600_000 } }

  it('is judged when a threshold is reached, not at the next check (A14)', async () => {
    const { clock, said, journal } = await enrolled({ ...TIMES, checkIntervalMs: 3_600_000 })
    clock.advance(240_000)
    expect(said()).toEqual(['normal>warning time_without_deliverable warned'])
    clock.advance(59_900)
    expect(journal.requests).toEqual([])
    clock.advance(200)
    expect(journal.requests).toHaveLength(1)
    expect(journal.requests[0]?.crossedAtMs).toBeCloseTo(300_000, 0)
  })

  it('begins anew with a deliverable, which ends a warning for time (A13)', async () => {
    const { clock, ledger, said } = await enrolled(TIMES)
    clock.advance(250_000)
    ledger.deliver('a')
    clock.advance(200_000)
    expect(said()).toEqual([
      'normal>warning time_without_deliverable warned',
      'warning>normal time_without_deliverable allowed',
    ])
  })

  it('stands still while a person holds the agent', async () => {
    const { clock, person, journal } = await enrolled(TIMES)
    clock.advance(200_000)
    person.pause('a')
    clock.advance(3_600_000)
    person.resume('a')
    clock.advance(30_000)
    expect(journal.requests).toEqual([])
    clock.advance(70_050)
    expect(journal.requests).toHaveLength(1)
  })

  it('is judged by the check too, for what no record and no timer brings up (A14)', async () => {
    const { ledger, clock, said, settings } = await enrolled()
    ledger.use('a', calls(7))
    settings.config = { ...settings.config, thresholds: { maxApiCalls: 8 } }
    expect(said()).toEqual([])
    clock.advance(60_000)
    expect(said()).toEqual(['normal>warning api_calls warned'])
  })
})

describe('missing data', () => {
  it('is no judgement', async () => {
    const { ledger, clock, said, room } = await enrolled()
    ledger.lose('a')
    clock.advance(3_600_000)
    expect(said()).toEqual([])
    expect(room.answer('a')).toEqual({ phase: 'normal', ratios: {} })
    expect(room.answer('nobody')).toBeUndefined()
    expect(room.phaseOf('nobody')).toBeUndefined()
  })

  it('of another incarnation is no judgement', async () => {
    const { appear, ledger, said, agent } = await enrolled()
    appear('a', { incarnation: 'a-life-2' })
    ledger.birth('a', agent.incarnation)
    ledger.use('a', calls(50))
    expect(said()).toEqual([])
  })
})

describe('a switched-off service', () => {
  it('measures and judges nothing (A15)', async () => {
    const { ledger, said, room, clock } = await enrolled({ ...LIMITS, enabled: false })
    ledger.use('a', calls(50))
    clock.advance(600_000)
    expect(said()).toEqual([])
    expect(room.answer('a')).toMatchObject({ phase: 'normal', ratios: { api_calls: 5 } })
    expect(room.feature.health!()).toMatchObject({ enabled: false, agentsTracked: 1 })
  })
})

describe('a restart of the daemon (A16)', () => {
  it('tells an excursion that was open not again, and goes on counting its time', async () => {
    const over = { ...LIMITS, autoTerminate: true, terminateAfterMs: 90_000 }
    const first = await enrolled(over)
    first.ledger.use('a', calls(10))
    await first.settle()
    first.clock.advance(50_000)
    await first.stop()
    const second = createRoom(over, first.world)
    await second.start()
    await second.settle()
    expect(second.events).toEqual([])
    expect(second.room.phaseOf('a')).toBe('intervention')
    expect(second.journal.requests).toHaveLength(1)
    second.clock.advance(40_020)
    expect(second.journal.requests.at(-1)?.action).toBe('terminate')
  })

  it('learns what came of a pause whose outcome it did not see', async () => {
    const first = await enrolled()
    first.journal.state.answer = () => ({ status: 'intended' })
    first.ledger.use('a', calls(10))
    await first.settle()
    await first.stop()
    first.journal.settle('entry-1', { status: 'done' })
    const second = createRoom(LIMITS, first.world)
    await second.start()
    await second.settle()
    expect(second.kept()).toEqual(['intervention api_calls paused'])
    expect(second.journal.entries.size).toBe(1)
  })

  it('keeps enrolments, extra budgets and the end of an agent', async () => {
    const first = await enrolled()
    first.ledger.use('a', calls(10))
    await first.settle()
    first.person.resume('a', { extraBudget: { maxApiCalls: 7 } })
    const b = first.appear('b')
    first.person.terminate(b.id)
    await first.stop()
    const second = createRoom(LIMITS, first.world)
    await second.start()
    expect(second.room.enforced(first.agent)).toBe(true)
    expect(second.room.feature.describe!('a')).toMatchObject({ thresholds: { maxApiCalls: 17 } })
    expect(second.room.phaseOf('b')).toBe('termination')
  })

  it('follows a resume whose epoch was opened and whose news was lost', async () => {
    const first = await enrolled()
    first.ledger.use('a', calls(10))
    await first.settle()
    await first.stop()
    const { journal, ledger } = first
    const entry = journal.entryOf({
      ...{ action: 'resume', agent: 'a', trigger: 'human', episode: 'x', actor: 'ann', reason: 'go on' },
      ...{ hold: 'human', incarnation: first.agent.incarnation },
    })
    journal.holds.delete('a')
    ledger.usage.openEpoch('a', entry.id)
    const second = createRoom(LIMITS, first.world)
    // The journal tells it again, before this room has read what it stored.
    second.bus.emit('agent.resumed', { entry, released: ['budget'] })
    await second.start()
    expect(second.room.phaseOf('a')).toBe('normal')
    expect(second.said()).toEqual(['intervention>normal manual resumed'])
    expect(second.journal.requests).toHaveLength(1)
  })
})

describe('a new configuration (A21)', () => {
  it('asks again for what was only written down under the old one', async () => {
    const { ledger, journal, room, clock, settle, kept } = await enrolled()
    journal.state.answer = () => ({ status: 'dry_run' })
    ledger.use('a', calls(10))
    await settle()
    clock.advance(600_000)
    await settle()
    expect(journal.requests).toHaveLength(1)
    journal.state.answer = () => ({ status: 'done' })
    room.refresh()
    await settle()
    expect(kept()).toEqual(['intervention api_calls paused'])
  })

  it('is the decoded section of the configuration file', async () => {
    const written = { resourceExhaustion: { thresholds: { maxWallClockMs: '5m' } } }
    const section: ExhaustionConfig = decodeConfig('config.yaml', written).resourceExhaustion
    const { start, appear, room } = createRoom(section)
    await start()
    appear('a')
    expect(room.feature.describe!('a')).toMatchObject({ thresholds: { maxWallClockMs: 300_000 } })
  })
})

describe('what is counted and said in /health (D16, A33)', () => {
  it('comes from the state: terminated and ended agents are not paused', async () => {
    const { ledger, appear, room, person, settle, world } = await enrolled()
    const b = appear('b')
    await room.enrol(b, { enforce: true })
    ledger.use('a', calls(10))
    ledger.use('b', calls(10))
    appear('c')
    await settle()
    expect(room.feature.health!()).toMatchObject({
      ...{ enabled: true, agentsTracked: 3, pausedAgents: 2 },
      agentsByPhase: { normal: 1, warning: 0, intervention: 2, termination: 0 },
    })
    person.terminate('a')
    world.agents.set('b', { ...b, endedAtMs: 5 })
    expect(room.feature.health!()).toMatchObject({
      ...{ agentsTracked: 2, pausedAgents: 0 },
      agentsByPhase: { normal: 1, warning: 0, intervention: 0, termination: 1 },
    })
  })
})

describe('many agents', () => {
  it('cost one write and one timer for a thousand at their limit', async () => {
    const { start, appear, ledger, disk, settle, kept } = createRoom(LIMITS)
    await start()
    for (let i = 0; i < 1_000; i++) appear(`a${i}`)
    await settle()
    disk.state.puts = 0
    for (let i = 0; i < 1_000; i++) ledger.use(`a${i}`, calls(8))
    await settle()
    expect(kept()).toHaveLength(1_000)
    expect(disk.state.puts).toBeLessThan(10)
  })
})
