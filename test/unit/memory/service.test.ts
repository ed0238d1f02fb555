import { describe, expect, it } from 'vitest'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { emptyReading, type MemoryReading } from '../../../src/agents/reading.ts'
import type { MemoryEvents, StoredAlert } from '../../../src/memory/record.ts'
import { createMemory, type Heap, sampleOf } from '../../../src/memory/service.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { CONFIG, GB, MB } from './shapes.ts'

function createRoom() {
  const clock = fakeClock()
  const bus = createBus<AgentEvents & MemoryEvents>((error) => {
    throw error
  })
  const fleet = new Map<string, Agent>()
  const heaps = new Map<string, Heap>()
  const saved: StoredAlert[] = []
  const crossings: string[] = []
  const looks = new Map<string, () => MemoryReading | undefined>()
  const looked: string[] = []
  const events: string[] = []
  const host = { availableBytes: (64 * GB) as number | undefined }
  const memory = createMemory({
    clock,
    bus,
    agents: { get: (id) => fleet.get(id), list: () => fleet.values() },
    config: () => CONFIG,
    hostAvailableBytes: () => host.availableBytes,
    heap: ({ id }) => heaps.get(id),
    look({ id, endedAtMs }) {
      looked.push(id)
      return endedAtMs === undefined ? looks.get(id)?.() : undefined
    },
    save: (alert) => void saved.push(alert),
    crossed: (agent, level) => void crossings.push(`${agent.id} ${level}`),
  })
  bus.on(
    'agent.memory_level_changed',
    ({ agent, from, to }) => void events.push(`${agent.id} ${from} > ${to}`),
  )
  bus.on('agent.memory_trend_changed', ({ agent, to }) => void events.push(`${agent.id} ${to}`))
  bus.on('agent.oom_predicted', ({ agent }) => void events.push(`${agent.id} oom predicted`))

  function appear(id: string, life = 1, more: Partial<Agent> = {}): Agent {
    const agent = {
      ...{ id, incarnation: `${id}:${life}`, runtime: 'container', conflict: false, endedAtMs: undefined },
      ...{ reading: emptyReading(), ...more },
    } as Agent
    fleet.set(id, agent)
    return agent
  }

  function run(
    seconds: number,
    agent: Agent,
    mbAt: (second: number) => number | undefined,
    everyMs = 1_000,
  ): void {
    for (let s = 0; s < seconds; s++) {
      clock.advance(everyMs)
      const mb = mbAt(s)
      agent.reading.rssBytes = mb === undefined ? undefined : mb * MB
      agent.reading.workingSetBytes = agent.reading.rssBytes
      agent.reading.memoryLimitBytes = mb === undefined ? undefined : GB
      bus.emit('sample', { atMs: clock.monotonic(), depth: 'fast' as never })
    }
  }

  return { clock, bus, fleet, heaps, saved, crossings, looks, looked, events, host, memory, appear, run }
}

describe('the room of the memory', () => {
  it('tells levels, saves their alerts and asks once per crossing', () => {
    const { appear, run, events, saved, crossings } = createRoom()
    run(60, appear('a'), (s) => (s < 30 ? 300 : 1_000))
    expect(events).toEqual(['a healthy > oom_imminent'])
    expect(crossings).toEqual(['a oom_imminent'])
    expect(saved.map(({ agent, incarnation, type, level }) => [agent, incarnation, type, level])).toEqual([
      ['a', 'a:1', 'oom_imminent', 'oom_imminent'],
    ])
    expect(saved[0]?.acknowledgedAtMs).toBeUndefined()
  })

  it('asks nothing about an agent whose id two lives claim', () => {
    const { appear, run, events, crossings } = createRoom()
    run(10, appear('a', 1, { conflict: true }), () => 1_000)
    expect([events, crossings]).toEqual([['a healthy > oom_imminent'], []])
  })

  it('predicts the end of a leak', () => {
    const { appear, run, events, saved } = createRoom()
    run(1_380, appear('a'), (s) => 200 + (s * 25) / 60)
    expect(events).toEqual(['a growing', 'a oom predicted'])
    expect(saved.map(({ type }) => type)).toEqual(['trend_warning'])
  })

  it('R10 R11 answers level, trend, watermarks and average for an agent, and nothing for a stranger', () => {
    const { appear, run, memory } = createRoom()
    run(600, appear('a'), (s) => 300 + (s % 30))
    expect(memory.describe('a')).toMatchObject({
      ...{ level: 'healthy', basis: 'working_set', limitBytes: GB, trendBasis: 'anon', trend: 'unknown' },
      ...{ highWatermarkBytes: 329 * MB, lowWatermarkBytes: 300 * MB },
    })
    const { averageBytes } = memory.describe('a') as { averageBytes: number }
    expect(averageBytes / MB).toBeGreaterThan(310)
    expect(averageBytes / MB).toBeLessThan(320)
    expect(memory.describe('b')).toBeUndefined()
  })

  it('begins anew with another life', () => {
    const { appear, run, memory, events } = createRoom()
    run(900, appear('a'), (s) => 200 + s / 3)
    expect(memory.describe('a')).toMatchObject({ trend: 'growing' })
    const again = appear('a', 2)
    expect(memory.describe('a')).toBeUndefined()
    run(10, again, () => 150)
    expect(memory.describe('a')).toMatchObject({ trend: 'unknown', highWatermarkBytes: 150 * MB })
    expect(events.filter((event) => event.includes('>'))).toEqual([])
  })

  it('says nothing of who has ended, nor of a level before anything was read', () => {
    const { appear, run, memory } = createRoom()
    const agent = appear('a')
    run(10, agent, () => 850)
    Object.assign(agent, { endedAtMs: 10_000 })
    expect(memory.describe('a')).toBeUndefined()
    const other = appear('b')
    run(10, other, () => undefined)
    expect(memory.describe('b')).not.toHaveProperty('level', 'healthy')
  })

  it('keeps what it knows while nothing is read', () => {
    const { appear, run, memory, events } = createRoom()
    const agent = appear('a')
    run(10, agent, () => 850)
    const before = memory.describe('a')
    run(300, agent, () => undefined)
    expect(memory.describe('a')).toEqual(before)
    expect(events).toEqual(['a healthy > warning'])
  })

  it('follows what the agent says of its heap', () => {
    const { appear, run, heaps, memory } = createRoom()
    heaps.set('a', { heapUsedBytes: 1.97 * GB, heapLimitBytes: 2 * GB })
    run(3, appear('a'), () => 300)
    expect(memory.describe('a')).toMatchObject({ level: 'oom_imminent', basis: 'heap', trendBasis: 'heap' })
  })

  describe('between the samples', () => {
    const full = (mb: number) =>
      ({ ...emptyReading(), rssBytes: mb * MB, workingSetBytes: mb * MB, memoryLimitBytes: GB }) as const

    it('sees a leak of 95 MB/s coming before the kernel does, whenever it begins', () => {
      for (let beginsMs = 0; beginsMs < 1_000; beginsMs += 50) {
        const { appear, run, clock, events, crossings, looks } = createRoom()
        const agent = appear('a')
        const mbAt = (ms: number) => 300 + (95 * Math.max(0, ms - beginsMs)) / 1_000
        looks.set('a', () => full(mbAt(clock.monotonic())))
        let seenMs: number | undefined
        while (seenMs === undefined && mbAt(clock.monotonic()) < 1_024) {
          const from = clock.monotonic()
          while (clock.monotonic() < from + 995) {
            clock.advance(5)
            if (crossings.length > 0) seenMs ??= clock.monotonic()
          }
          run(1, agent, () => mbAt(clock.monotonic()), 5)
        }
        expect(events).toContain('a healthy > oom_imminent')
        const left = 1_024 - mbAt(seenMs ?? Infinity)
        // At 95 MB/s another 300 ms.
        expect(left, `begun after ${beginsMs} ms`).toBeGreaterThan(28)
      }
    })

    it('looks at nobody who has room, stands still or has ended', () => {
      const { appear, run, clock, looks, looked } = createRoom()
      for (const id of ['roomy', 'paused', 'gone']) looks.set(id, () => full(1_000))
      const paused = appear('paused', 1, { state: 'paused' })
      const gone = appear('gone')
      run(1, appear('roomy'), () => 300)
      run(1, paused, () => 1_000)
      run(1, gone, () => 1_000)
      Object.assign(gone, { endedAtMs: clock.now() })
      looked.length = 0
      clock.advance(900)
      // One whose end is found out by the look itself may be asked once.
      expect(looked.filter((id) => id !== 'gone')).toEqual([])
      expect(looked.length).toBeLessThanOrEqual(1)
    })

    it('changes nothing when a look finds nothing, and stops with the room', () => {
      const { appear, run, clock, looks, looked, events, memory } = createRoom()
      const agent = appear('a')
      looks.set('a', () => undefined)
      run(2, agent, () => 900)
      const before = memory.of(agent)
      clock.advance(900)
      expect([memory.of(agent), events]).toEqual([before, []])
      expect(looked.length).toBeGreaterThan(0)
      looks.set('a', () => full(1_000))
      run(1, agent, () => 900)
      memory.stop()
      clock.advance(900)
      expect(events).toEqual([])
    })
  })

  it('does not look at the trends of all agents in the same second', () => {
    const { appear, run, clock, bus, fleet, memory } = createRoom()
    for (let i = 0; i < 120; i++) appear(`agent-${i}`)
    const before = new Map<string, number | undefined>()
    let most = 0
    run(1, fleet.get('agent-0')!, () => 300)
    for (let s = 0; s < 300; s++) {
      for (const agent of fleet.values()) {
        agent.reading.rssBytes = (300 + (s % 40)) * MB
        agent.reading.workingSetBytes = agent.reading.rssBytes
      }
      clock.advance(1_000)
      bus.emit('sample', { atMs: clock.monotonic(), depth: 'core' })
      let looks = 0
      for (const agent of fleet.values()) {
        const at = memory.of(agent)?.trend.lookedAtMs
        if (s > 0 && at !== before.get(agent.id)) looks++
        before.set(agent.id, at)
      }
      most = Math.max(most, looks)
    }
    expect(most).toBeLessThanOrEqual(4)
    expect(most).toBeGreaterThan(0)
  })

  it('knows that the resident memory of a container is its anonymous memory already', () => {
    const reading = { ...emptyReading(), rssBytes: 9, rssAnonBytes: 5, memoryLimitBytes: 12 }
    expect(sampleOf({ runtime: 'process', reading })).toMatchObject({ anonBytes: 5, rssBytes: 9 })
    const group = { ...reading, rssAnonBytes: undefined, workingSetBytes: 10, pressureStalledSeconds: 3 }
    expect(sampleOf({ runtime: 'container', reading: group })).toMatchObject({
      ...{ anonBytes: 9, workingSetBytes: 10, limitBytes: 12, stalledSeconds: 3 },
    })
  })

  it('shows nothing of an agent that has ended', () => {
    const { appear, run, memory } = createRoom()
    const agent = appear('a')
    run(5, agent, () => 300)
    const collect = () => {
      const names = new Set<string>()
      const out = {
        set() {},
        put: (series: { family: { name: string } }) => void names.add(series.family.name),
      }
      for (const _ of memory.collector.collect(out as never) ?? []);
      return names
    }
    expect(collect()).toContain('agent_memory_level')
    Object.assign(agent, { endedAtMs: 1 })
    expect(collect().size).toBe(0)
  })
})
