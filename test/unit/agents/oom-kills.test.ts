import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOomKills } from '../../../src/agents/oom-kills.ts'
import { createRoom } from './room.ts'

/** Kills this far apart are never taken for one. */
const APART_MS = 10_000

/** What may be seen of a kill, and in which order: a sample of the group, the engine's event, both, or neither. */
const seen = fc.record({
  sampled: fc.constantFrom('before the event', 'after the event', 'never'),
  told: fc.boolean(),
})
const life = fc.record({
  children: fc.array(seen, { maxLength: 4 }),
  end: fc.constantFrom('alone', 'killed by somebody', 'for memory'),
  /** Of the kill of the main process. */
  last: seen,
  /** The group is still there when the engine has told. */
  isReadable: fc.boolean(),
  seenMissing: fc.boolean(),
  dieTold: fc.boolean(),
  /** The end is judged when the next life runs already. */
  judgedLate: fc.boolean(),
})

describe('OOM kills of a container', () => {
  it('are counted once each, in whatever order they are seen, over every restart', () => {
    fc.assert(
      fc.property(fc.array(life, { minLength: 1, maxLength: 12 }), (lives) => {
        const kills = createOomKills()
        let now = 0
        let truth = 0
        let highest = 0
        let late = (): void => {}
        const check = () => {
          expect(kills.total ?? 0).toBeGreaterThanOrEqual(highest)
          highest = kills.total ?? 0
          expect(highest).toBeLessThanOrEqual(truth)
        }
        for (const [index, { children, end, last, ...how }] of lives.entries()) {
          const incarnation = `c:${index}`
          let group = 0
          kills.counted(incarnation, 0, now)
          late()
          for (const { sampled, told } of children) {
            now += APART_MS
            group++
            truth++
            if (sampled === 'before the event') kills.counted(incarnation, group, now)
            if (told) kills.told(incarnation, group, now + 20)
            if (sampled === 'after the event') kills.counted(incarnation, group, now + 900)
            check()
          }
          // The last sample of a group that lives shows every child.
          now += 1_000
          kills.counted(incarnation, group, now)
          now += APART_MS
          if (end === 'for memory') {
            group++
            truth++
            if (last.sampled === 'before the event') kills.counted(incarnation, group, now)
            if (last.told) kills.told(incarnation, how.isReadable ? group : undefined, now + 20)
            // A group that ends tells again of the same want.
            if (last.told) kills.told(incarnation, undefined, now + 25)
          }
          if (how.seenMissing) kills.ended(incarnation, 'sample', now + 30)
          if (how.dieTold) kills.ended(incarnation, 'engine', now + 40)
          const judge = () => {
            if (end === 'for memory') kills.judged(incarnation, 'main', now + 340)
          }
          late = how.judgedLate ? judge : () => {}
          if (!how.judgedLate) judge()
          check()
          if (!how.judgedLate) expect(kills.total).toBe(truth)
        }
        late()
        check()
        expect(kills.total).toBe(truth)
      }),
    )
  })

  it('are not known as long as nothing was read or told', () => {
    const kills = createOomKills()
    expect(kills.total).toBeUndefined()
    kills.ended('c:1', 'engine', 0)
    expect(kills.total).toBeUndefined()
    kills.uncounted('c:2')
    expect(kills.total).toBe(0)
  })

  it('are at least one where the engine says no more than OOMKilled', () => {
    const kills = createOomKills()
    kills.judged('c:1', 'some', 0)
    expect(kills.total).toBe(1)
    kills.counted('c:2', 3, 0)
    kills.judged('c:2', 'some', 60_000)
    expect(kills.total).toBe(4)
  })

  it('go on from where an exporter that ran before had come to, and never fall', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), fc.nat(3), fc.nat(3), (before, own, missed, more) => {
        const kills = createOomKills()
        const total = before + own
        kills.resumed('c:2' as never, total)
        expect(kills.total).toBe(total)
        // Those of the time without an exporter are in the counter of the group, and no more is made of them.
        kills.counted('c:2' as never, own + missed, 0)
        const resumed = kills.total ?? 0
        expect(resumed).toBe(Math.max(total, own + missed))
        for (let kill = 1; kill <= more; kill++) {
          kills.counted('c:2' as never, own + missed + kill, kill * APART_MS)
          expect(kills.total).toBe(resumed + kill)
        }
        kills.ended('c:2' as never, 'engine', 100 * APART_MS)
        kills.judged('c:2' as never, 'main', 100 * APART_MS)
        kills.counted('c:3' as never, 0, 101 * APART_MS)
        expect(kills.total).toBe(resumed + more + 1)
      }),
    )
  })

  it.each([
    [
      'the engine',
      (kills: ReturnType<typeof createOomKills>) => kills.told('c:2' as never, undefined, APART_MS),
    ],
    [
      'the judged end',
      (kills: ReturnType<typeof createOomKills>) => kills.judged('c:2' as never, 'main', APART_MS),
    ],
  ])('that only %s tells are added to what was resumed', (_, tell) => {
    const kills = createOomKills()
    kills.resumed('c:2' as never, 3)
    tell(kills)
    expect(kills.total).toBe(4)
  })

  it('of a life that nobody saw are not taken for those of the life before', () => {
    const kills = createOomKills()
    kills.counted('c:1', 0, 0)
    kills.ended('c:1', 'engine', 10)
    // The engine has not told yet that it runs again.
    kills.told('c:1', undefined, 5_000)
    kills.judged('c:died-5000', 'main', 5_300)
    expect(kills.total).toBe(1)
  })
})

describe('agent_oom_kills_total', () => {
  const label = { labels: { 'agent-exporter.agent': 'boxed' }, pid: 77 }
  const reading = (room: ReturnType<typeof createRoom>) => room.agents.get('boxed')!.reading

  it('counts the main process whose group went with it, and does not fall when the container is restarted', async () => {
    const room = createRoom()
    const first = room.container('a', label)
    room.samples.get(first.id)!.oomKills = 0
    await room.start()
    await room.seconds(2)
    expect(reading(room).oomKills).toBe(0)
    const sample = room.samples.get(first.id)!
    room.samples.delete(first.id)
    room.incident('oom', first)
    room.incident('die', first)
    expect(reading(room).oomKills).toBe(1)
    room.agents.oomKilled(room.agents.get('boxed')!.incarnation, 'main')
    await room.seconds(1)
    expect(reading(room).oomKills).toBe(1)

    const second = room.container('a', { ...label, startedAt: '2026-01-02T00:00:00.000000001Z' })
    room.samples.set(second.id, sample)
    await room.seconds(2)
    expect(reading(room)).toMatchObject({ oomKills: 1, groupOomKills: 0 })
    // A child, seen by the group's counter alone.
    sample.oomKills = 1
    await room.seconds(2)
    expect(reading(room).oomKills).toBe(2)
    // The main process, read in the group's last moment.
    await room.seconds(5)
    sample.oomKills = 2
    room.incident('oom', second)
    room.samples.delete(second.id)
    await room.seconds(1)
    room.agents.oomKilled(room.agents.get('boxed')!.incarnation, 'main')
    expect(reading(room).oomKills).toBe(3)
    await room.stop()
    room.incident('oom', second)
    expect(reading(room).oomKills).toBe(3)
  })

  it('counts what only the judged end knows', async () => {
    const room = createRoom()
    const info = room.container('a', label)
    room.samples.get(info.id)!.oomKills = 0
    await room.start()
    await room.seconds(1)
    room.samples.delete(info.id)
    await room.seconds(1)
    const { incarnation } = room.agents.get('boxed')!
    room.agents.oomKilled(incarnation, 'main')
    room.agents.oomKilled('another:2026-01-01T00:00:00Z', 'main')
    expect(reading(room).oomKills).toBe(1)
    expect(room.agents.answer(room.agents.get('boxed')!)).not.toHaveProperty(
      'state.lifecycleMetrics.groupOomKills',
    )
    await room.stop()
  })
})
