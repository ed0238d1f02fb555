import { describe, expect, it } from 'vitest'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { emptyReading } from '../../../src/agents/reading.ts'
import type { ActionEntry, ActionRequest, RefusalReason } from '../../../src/control/model.ts'
import { createMemoryActions } from '../../../src/memory/actions.ts'
import type { Excursion } from '../../../src/memory/excursions.ts'
import type { MemoryEvents, StoredAlert } from '../../../src/memory/record.ts'
import { createMemory } from '../../../src/memory/service.ts'
import type { MemoryActionsConfig } from '../../../src/memory/wanted.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { CONFIG, GB, MB, MINUTE } from './shapes.ts'

type Answer = ActionEntry['status'] | RefusalReason
const STATUSES = new Set(['done', 'noop', 'dry_run', 'failed', 'partial', 'needs_foreground'])

/** What outlives the daemon: the journal with its holds, what is on disk, the clock and the agents. */
function createMachine() {
  const clock = fakeClock()
  const disk = new Map<string, Excursion>()
  const journal = new Map<string, ActionEntry>()
  const holds = new Set<string>()
  const requests: ActionRequest[] = []
  const answers: Answer[] = []
  return { clock, disk, journal, holds, requests, answers, storeFails: false }
}
type Machine = ReturnType<typeof createMachine>

function createControl({ journal, holds, requests, answers, clock }: Machine) {
  return {
    async request(request: ActionRequest): Promise<ActionEntry> {
      const key = [request.agent, request.incarnation, request.action, request.episode].join('|')
      const before = journal.get(key)
      if (before !== undefined) return before
      requests.push(request)
      const answer = answers.shift() ?? 'done'
      const isStatus = STATUSES.has(answer)
      const status = (isStatus ? answer : 'refused') as ActionEntry['status']
      const refusal = isStatus ? undefined : (answer as RefusalReason)
      const entry = { ...request, id: key, at: clock.now(), status, refusal } as unknown as ActionEntry
      if (status === 'done') {
        journal.set(key, entry)
        if (request.action === 'pause') holds.add(request.agent)
        if (request.action === 'resume') holds.delete(request.agent)
      }
      return entry
    },
    settled: async () => {
      throw new Error('everything is settled at once')
    },
    holds: (id: string) =>
      new Map(holds.has(id) ? [['memory', { sinceMs: 0, reason: 'r' }] as const] : []) as never,
  }
}

const NONE: MemoryActionsConfig = {
  ...{ critical: 'none', oomImminent: 'none', pauseDeadlineMs: 10 * MINUTE, afterPause: 'none' },
  ...{ resizeFactor: 1.5, maxMemoryBytes: undefined },
}

async function startRoom(machine: Machine, wanted: Partial<MemoryActionsConfig>) {
  const { clock, disk } = machine
  const bus = createBus<AgentEvents & MemoryEvents>((error) => {
    throw error
  })
  const fleet = new Map<string, Agent>()
  const saved: StoredAlert[] = []
  const overdue: string[] = []
  let config: MemoryActionsConfig = { ...NONE, ...wanted }
  bus.on('agent.memory_pause_overdue', ({ agent, next }) => void overdue.push(`${agent.id} ${next}`))
  const memory = createMemory({
    clock,
    bus,
    agents: { get: (id) => fleet.get(id), list: () => fleet.values() },
    config: () => CONFIG,
    hostAvailableBytes: () => 64 * GB,
    save: (alert) => void saved.push(alert),
    crossed: (agent, level, atMs) => actions.crossed(agent, level, atMs),
  })
  const actions = createMemoryActions({
    clock,
    moment: () => ({ bootId: 'boot', bootMs: clock.sinceBoot(), wallMs: clock.now() }),
    log: silentLog,
    bus,
    agents: { list: () => fleet.values() },
    control: createControl(machine),
    excursions: {
      async load() {
        if (machine.storeFails) throw new Error('no store')
        return [...disk.values()]
      },
      async save(excursion) {
        disk.set(excursion.agent, excursion)
      },
    },
    config: () => config,
    state: memory.of,
    ownLimitBytes: (agent) => agent.reading.memoryLimitBytes,
    raise: memory.raise,
  })
  await actions.start()

  function appear(id: string, more: Partial<Agent> = {}): Agent {
    const agent = {
      ...{ id, incarnation: `${id}:1`, runtime: 'container', conflict: false, endedAtMs: undefined },
      ...{ reading: { ...emptyReading(), memoryLimitBytes: GB }, ...more },
    } as Agent
    fleet.set(id, agent)
    return agent
  }

  /** Lets seconds pass in which it uses so much. */
  async function seconds(count: number, agent: Agent, mb: number | undefined): Promise<void> {
    for (let s = 0; s < count; s++) {
      clock.advance(1_000)
      agent.reading.rssBytes = mb === undefined ? undefined : mb * MB
      agent.reading.workingSetBytes = agent.reading.rssBytes
      bus.emit('sample', { atMs: clock.monotonic(), depth: 'core' })
      for (let turn = 0; turn < 8; turn++) await Promise.resolve()
    }
  }
  const reload = (next: Partial<MemoryActionsConfig>) => {
    config = { ...config, ...next }
  }
  return { memory, actions, bus, fleet, saved, overdue, appear, seconds, reload }
}

const said = ({ requests }: Machine) =>
  requests.map(({ agent, action, episode }) => `${agent} ${action} ${episode}`)

describe('what is done about memory', () => {
  it('is nothing unless somebody wrote so', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, {})
    await room.seconds(120, room.appear('a'), 1_000)
    expect(machine.requests).toEqual([])
    expect(machine.disk.size).toBe(0)
  })

  it('is asked for once per excursion, with all that the journal needs', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, { oomImminent: 'pause' })
    const agent = room.appear('a')
    await room.seconds(5, agent, 300)
    await room.seconds(60, agent, 1_000)
    expect(machine.requests).toEqual([
      {
        ...{ action: 'pause', agent: 'a', incarnation: 'a:1', trigger: 'memory', hold: 'memory' },
        ...{ actor: 'memory', episode: '1', crossedAtMs: 6_000 },
        reason:
          'Memory is about to be killed for memory: working set 1000 MiB of 1.0 GiB (98 %), threshold 973 MiB.',
      },
    ])
  })

  it('goes on when it is healthy again, and the next time is another excursion', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, { oomImminent: 'pause' })
    const agent = room.appear('a')
    await room.seconds(10, agent, 1_000)
    expect(machine.holds).toEqual(new Set(['a']))
    await room.seconds(70, agent, 300)
    expect(said(machine)).toEqual(['a pause 1', 'a resume 1'])
    expect(machine.disk.get('a')).toMatchObject({ ordinal: 1, state: 'closed' })
    await room.seconds(10, agent, 1_000)
    expect(said(machine).at(-1)).toBe('a pause 2')
  })

  it('leaves it to a person who resumed it what becomes of it', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, { oomImminent: 'pause' })
    const agent = room.appear('a')
    await room.seconds(10, agent, 1_000)
    machine.holds.clear()
    await room.seconds(1_000, agent, 1_000)
    expect(said(machine)).toEqual(['a pause 1'])
    expect(room.overdue).toEqual([])
  })

  it('does what is meant for critical at once when an agent jumps over it', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, { critical: 'terminate' })
    await room.seconds(3, room.appear('a'), 1_010)
    expect(said(machine)).toEqual(['a terminate 1'])
  })

  it('never touches an agent whose id two lives claim, or one that was not read', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, { oomImminent: 'pause' })
    await room.seconds(10, room.appear('a', { conflict: true }), 1_000)
    const silent = room.appear('b')
    await room.seconds(10, silent, undefined)
    expect(machine.requests).toEqual([])
  })

  describe('when it is refused', () => {
    it('stays owed while it is that bad, less and less often', async () => {
      const machine = createMachine()
      machine.answers.push(...Array.from({ length: 6 }, () => 'cooldown' as const))
      const room = await startRoom(machine, { oomImminent: 'pause' })
      const agent = room.appear('a')
      await room.seconds(61, agent, 1_000)
      expect(machine.requests).toHaveLength(6)
      await room.seconds(60, agent, 1_000)
      expect(machine.requests).toHaveLength(7)
      expect(new Set(said(machine))).toEqual(new Set(['a pause 1']))
      expect(machine.holds.size).toBe(1)
    })

    it('is not asked again on a number of a minute ago', async () => {
      const machine = createMachine()
      machine.answers.push('cooldown', 'cooldown')
      const room = await startRoom(machine, { oomImminent: 'pause' })
      const agent = room.appear('a')
      await room.seconds(1, agent, 1_000)
      // The level lasts for a minute after it was left.
      await room.seconds(30, agent, 800)
      await room.seconds(30, agent, undefined)
      expect(machine.requests).toHaveLength(1)
      expect(room.memory.of(agent)?.level.level).toBe('oom_imminent')
    })

    it.each(['unsupported', 'unlabelled_container', 'too_many_attempts'] as const)(
      'is given up for good: %s',
      async (refusal) => {
        const machine = createMachine()
        machine.answers.push(refusal)
        const room = await startRoom(machine, { oomImminent: 'pause' })
        await room.seconds(300, room.appear('a'), 1_000)
        expect(machine.requests).toHaveLength(1)
      },
    )

    it('is rehearsed again only after minutes', async () => {
      const machine = createMachine()
      machine.answers.push('dry_run', 'dry_run')
      const room = await startRoom(machine, { oomImminent: 'pause' })
      await room.seconds(660, room.appear('a'), 1_000)
      expect(machine.requests).toHaveLength(2)
    })
  })

  describe('a pause', () => {
    const paused = async (wanted: Partial<MemoryActionsConfig>, forSeconds = 599) => {
      const machine = createMachine()
      const room = await startRoom(machine, { oomImminent: 'pause', ...wanted })
      const agent = room.appear('a')
      await room.seconds(forSeconds, agent, 1_000)
      expect([room.overdue, said(machine)]).toEqual([[], ['a pause 1']])
      return { machine, room, agent }
    }

    it('that has lasted to its deadline is told to people, once', async () => {
      const { machine, room, agent } = await paused({})
      room.saved.length = 0
      await room.seconds(60, agent, 1_000)
      expect(room.overdue).toEqual(['a person'])
      expect(room.saved.filter(({ message }) => message.includes('has been paused'))).toMatchObject([
        { type: 'oom_imminent', level: 'oom_imminent', bytes: 1_000 * MB },
      ])
      expect(said(machine)).toEqual(['a pause 1'])
      expect(machine.holds.size).toBe(1)
    })

    it('ends in an end where somebody wrote so', async () => {
      const { machine, room, agent } = await paused({ afterPause: 'terminate' })
      await room.seconds(10, agent, 1_000)
      expect(room.overdue).toEqual(['a terminate'])
      expect(said(machine)).toEqual(['a pause 1', 'a terminate 1'])
    })

    it('ends at its deadline when the memory is better by then', async () => {
      const { machine, room, agent } = await paused({}, 520)
      await room.seconds(90, agent, 850)
      expect(said(machine)).toEqual(['a pause 1', 'a resume 1'])
      expect(room.overdue).toEqual([])
      await room.seconds(10, agent, 1_000)
      expect(said(machine).at(-1)).toBe('a pause 2')
    })
  })

  describe('a resize', () => {
    const resize = { oomImminent: 'resize', maxMemoryBytes: 2 * GB } as const

    it('gives a container half as much again, up to the cap', async () => {
      const machine = createMachine()
      const room = await startRoom(machine, resize)
      await room.seconds(3, room.appear('a'), 1_000)
      expect(machine.requests).toMatchObject([{ action: 'resize', size: { memoryBytes: 1.5 * GB } }])
      const large = room.appear('b')
      large.reading.memoryLimitBytes = 1.9 * GB
      await room.seconds(3, large, 1_930)
      expect(machine.requests.at(-1)).toMatchObject({ agent: 'b', size: { memoryBytes: 2 * GB } })
      const full = room.appear('c')
      full.reading.memoryLimitBytes = 2 * GB
      await room.seconds(30, full, 2_040)
      expect(machine.requests).toHaveLength(2)
    })

    it('is refused for a process by the guard, once', async () => {
      const machine = createMachine()
      machine.answers.push('unsupported')
      const room = await startRoom(machine, resize)
      const agent = room.appear('a', { runtime: 'process' })
      agent.reading.memoryLimitBytes = undefined
      await room.seconds(30, agent, 1_700)
      expect(said(machine)).toEqual(['a resize 1'])
    })
  })

  describe('after a restart of the daemon', () => {
    async function restarted(machine: Machine, wanted: Partial<MemoryActionsConfig> = {}) {
      const room = await startRoom(machine, { oomImminent: 'pause', ...wanted })
      return { room, agent: room.appear('a') }
    }

    it('the same excursion is not acted on twice, and its pause has the same deadline', async () => {
      const machine = createMachine()
      const before = await restarted(machine)
      await before.room.seconds(300, before.agent, 1_000)
      before.room.actions.stop()
      const { room, agent } = await restarted(machine)
      await room.seconds(290, agent, 1_000)
      expect(room.overdue).toEqual([])
      await room.seconds(20, agent, 1_000)
      expect(said(machine)).toEqual(['a pause 1'])
      expect(room.overdue).toEqual(['a person'])
    })

    it('a new excursion is acted on, also when the old one ended unseen', async () => {
      const machine = createMachine()
      const before = await restarted(machine)
      await before.room.seconds(10, before.agent, 1_000)
      before.room.actions.stop()
      machine.holds.clear()
      const { room, agent } = await restarted(machine)
      await room.seconds(59, agent, 300)
      expect(machine.disk.get('a')?.state).toBe('open')
      await room.seconds(5, agent, 300)
      expect(machine.disk.get('a')?.state).toBe('closed')
      await room.seconds(5, agent, 1_000)
      expect(said(machine)).toEqual(['a pause 1', 'a pause 2'])
    })

    it('nothing is done until it is known what was done before', async () => {
      const machine = createMachine()
      machine.storeFails = true
      const { room, agent } = await restarted(machine)
      await room.seconds(30, agent, 1_000)
      expect(machine.requests).toEqual([])
      machine.storeFails = false
      await room.seconds(12, agent, 1_000)
      expect(said(machine)).toEqual(['a pause 1'])
    })

    it('a lost line about an open excursion does not let it be acted on twice', async () => {
      const machine = createMachine()
      const before = await restarted(machine)
      await before.room.seconds(10, before.agent, 1_000)
      machine.disk.clear()
      const { room, agent } = await restarted(machine)
      await room.seconds(10, agent, 1_000)
      expect(said(machine)).toEqual(['a pause 1'])
    })
  })

  it('begins when the configuration is loaded again, and ends with the room', async () => {
    const machine = createMachine()
    const room = await startRoom(machine, {})
    const agent = room.appear('a')
    await room.seconds(10, agent, 1_000)
    room.reload({ oomImminent: 'pause' })
    await room.seconds(2, agent, 1_000)
    expect(said(machine)).toEqual(['a pause 1'])
    room.actions.stop()
    await room.seconds(5, room.appear('b'), 1_000)
    expect(said(machine)).toEqual(['a pause 1'])
  })
})
