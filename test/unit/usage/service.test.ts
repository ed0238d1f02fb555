import { describe, expect, it } from 'vitest'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { createPart } from '../../../src/platform/exposition/snapshot.ts'
import { StoreUnavailable } from '../../../src/platform/store/failure.ts'
import { requestKey } from '../../../src/usage/keyring.ts'
import { createUsageTestRoom } from './room.ts'

async function started(options: Parameters<typeof createUsageTestRoom>[0] = {}) {
  const room = createUsageTestRoom(options)
  await room.feature.start?.()
  return room
}

/** What one scrape of the room shows, by name and label text. */
function scrape(room: Awaited<ReturnType<typeof started>>): Record<string, number> {
  const [collector] = room.feature.collectors ?? []
  const part = createPart(createCatalogue(collector!.families))
  for (const _ of collector!.collect(part) ?? []);
  const shown: Record<string, number> = {}
  for (const samples of part.finish().families) {
    for (const [place, { family, labelText }] of samples?.series.entries() ?? []) {
      const histogram = samples?.histograms[place]
      shown[`${family.name}{${labelText}}`] = samples?.values[place] ?? histogram?.count ?? Number.NaN
      if (histogram !== undefined) shown[`${family.name}_sum{${labelText}}`] = histogram.sum
    }
  }
  return shown
}

describe('recording use', () => {
  it('counts in memory at once, tells the judges, and answers when it is durable', async () => {
    const room = await started()
    room.start('a')
    const seen: number[] = []
    room.usage.onChange((agent) => void seen.push(room.usage.epoch(agent)?.totals.apiCalls ?? -1))
    const answer = room.record('a', [room.use(), room.use({ apiCalls: 4 })])
    expect(seen).toEqual([5])
    expect(await answer).toEqual({ phase: 'normal', ratios: { n: 1 } })
    expect(room.state.puts).toBeGreaterThan(0)
    expect(room.state.touched).toEqual(['a'])
  })

  it('refuses an agent that nobody knows', async () => {
    const room = await started()
    await expect(room.record('nobody', [room.use()])).rejects.toMatchObject({ code: 'AE_AGENT_NOT_FOUND' })
    expect(room.usage.epoch('nobody')).toBeUndefined()
  })

  it('refuses a second source of a quantity and counts nothing of that request', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use({ source: 'hook', apiCalls: 1 })])
    const conflict = room.record('a', [
      room.use({ source: 'otlp', subtasks: 3 }),
      room.use({ source: 'otlp', apiCalls: 1 }),
    ])
    await expect(conflict).rejects.toMatchObject({
      code: 'AE_SOURCE_CONFLICT',
      message: expect.stringContaining('hook'),
    })
    expect(room.usage.epoch('a')?.totals).toMatchObject({ apiCalls: 1, subtasks: 0 })
  })

  it('gathers what arrives during a write into the next one', async () => {
    const room = await started()
    room.start('a')
    room.start('b')
    await room.record('a', [room.use()])
    const before = room.state.puts
    await Promise.all(Array.from({ length: 100 }, (_, i) => room.record(i % 2 ? 'a' : 'b', [room.use()])))
    expect(room.state.puts - before).toBeLessThanOrEqual(2)
    expect(room.usage.epoch('a')?.totals.apiCalls).toBe(51)
  })

  it('goes on judging when a judge fails', async () => {
    const room = await started()
    room.start('a')
    room.usage.onChange(() => {
      throw new Error('broken')
    })
    await expect(room.record('a', [room.use()])).resolves.toBeDefined()
  })
})

describe('a store that is away', () => {
  const away = new StoreUnavailable('full')

  it('is told to the caller before anything more is counted', async () => {
    const room = await started()
    room.start('a')
    room.state.failure = away
    await expect(room.record('a', [room.use()])).rejects.toBe(away)
    await expect(room.record('a', [room.use()])).rejects.toBe(away)
    await expect(room.record('a', [room.use()])).rejects.toBe(away)
    expect(room.usage.epoch('a')?.totals.apiCalls).toBe(1)
  })

  it('loses nothing that was counted, and a retry with the same key adds nothing', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use()])
    room.state.failure = away
    const key = (body: object) => requestKey('anonymous:anonymous', 'a', 'k', 'usage', body)
    await expect(room.record('a', [room.use()], key({ apiCalls: 1 }))).rejects.toBe(away)
    room.state.failure = undefined
    const retried = room.record('a', [room.use()], key({ apiCalls: 1 }))
    await expect(room.record('a', [room.use()], key({ apiCalls: 2 }))).rejects.toMatchObject({
      code: 'AE_IDEMPOTENCY_MISMATCH',
    })
    room.clock.advance(1_000)
    expect(await retried).toEqual({ phase: 'normal', ratios: { n: 2 } })
    expect(room.usage.epoch('a')?.totals.apiCalls).toBe(2)
  })

  it('is tried again every second until it works', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use()])
    room.state.failure = away
    await expect(room.record('a', [room.use()])).rejects.toBe(away)
    room.state.failure = undefined
    await expect(room.record('a', [room.use()])).rejects.toBe(away)
    const before = room.state.puts
    room.clock.advance(1_000)
    await room.feature.stop?.()
    expect(room.state.puts).toBe(before + 1)
    await expect(room.record('a', [room.use()])).resolves.toBeDefined()
    expect(room.usage.epoch('a')?.totals.apiCalls).toBe(3)
  })
})

describe('lives of agents', () => {
  it('begin an epoch, end it once, and let late records reach the counters', async () => {
    const room = await started()
    const agent = room.start('a')
    await room.record('a', [room.use({ apiCalls: 7, files: [{ op: 'read', count: 3 }] })])
    room.clock.advance(5_000)
    room.exit(agent)
    room.exit(agent)
    expect(room.events).toEqual([
      {
        name: 'usage.epoch_ended',
        event: { role: 'coder', usage: expect.objectContaining({ epoch: 1, wallClockMs: 5_000 }) },
      },
    ])
    await room.record('a', [room.use({ apiCalls: 1 })])
    expect(room.usage.epoch('a')).toMatchObject({ wallClockMs: 5_000, totals: { apiCalls: 7 } })
    expect(scrape(room)).toMatchObject({
      'agent_llm_requests_total{agent="a",provider="unknown",model="unknown"}': 8,
      'agent_api_calls{role="coder"}': 1,
      'agent_api_calls_sum{role="coder"}': 7,
      'agent_files_accessed_sum{role="coder"}': 3,
    })
    room.forget('a')
    room.clock.advance(60_000)
    expect(room.usage.epoch('a')).toBeUndefined()
  })

  it('are apart: another incarnation begins at nothing', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use()])
    room.start('a', { incarnation: 'boot:ns:9:9' })
    expect(room.usage.epoch('a')).toMatchObject({
      incarnation: 'boot:ns:9:9',
      epoch: 1,
      totals: { apiCalls: 0 },
    })
    expect(room.events).toHaveLength(1)
  })

  it('go on when what only registered itself gets a process', async () => {
    const room = await started()
    room.start('a', { runtime: 'cooperative', incarnation: 'registration:a:1' })
    await room.record('a', [room.use({ apiCalls: 49 })])
    room.start('a', { incarnation: 'boot:ns:9:9' })
    expect(room.usage.epoch('a')).toMatchObject({
      incarnation: 'boot:ns:9:9',
      epoch: 1,
      totals: { apiCalls: 49 },
    })
    expect(room.events).toEqual([])
  })

  it('go on when the same life gets another id', async () => {
    const room = await started()
    const agent = room.start('claude-1')
    await room.record('claude-1', [room.use({ apiCalls: 49 })])
    room.remove(agent)
    room.start('mine', { incarnation: agent.incarnation })
    await Promise.resolve()
    expect(room.usage.epoch('mine')?.totals.apiCalls).toBe(49)
    expect(room.usage.epoch('claude-1')).toBeUndefined()
    expect(room.events).toEqual([])
  })

  it('end when a person deletes the agent', async () => {
    const room = await started()
    const agent = room.start('a')
    await room.record('a', [room.use()])
    room.remove(agent)
    expect(room.usage.epoch('a')).toBeUndefined()
    await Promise.resolve()
    expect(room.events).toHaveLength(1)
  })

  it('go on in another epoch when an agent turns out to live', async () => {
    const room = await started()
    const agent = room.start('a')
    await room.record('a', [room.use()])
    room.exit(agent)
    room.start('a')
    await room.record('a', [room.use()])
    expect(room.usage.epoch('a')).toMatchObject({ epoch: 2, totals: { apiCalls: 1 } })
    expect(scrape(room)['agent_llm_requests_total{agent="a",provider="unknown",model="unknown"}']).toBe(2)
  })
})

describe('epochs', () => {
  it('open once for each cause, and tell the judges', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use({ tokens: { input: 10, cache_read: 500 } })])
    let told = 0
    room.usage.onChange(() => void told++)
    expect([room.usage.openEpoch('a', 'r1'), room.usage.openEpoch('a', 'r1')]).toEqual(['opened', 'known'])
    expect(room.usage.openEpoch('nobody', 'r1')).toBe('known')
    expect(told).toBe(1)
    expect(room.usage.epoch('a')).toMatchObject({
      epoch: 2,
      openedBy: 'r1',
      totals: { tokens: { input: 0 } },
    })
    expect(scrape(room)).toMatchObject({
      'agent_tokens_consumed_sum{role="coder"}': 10,
      'agent_llm_tokens_total{agent="a",provider="unknown",model="unknown",token_type="cache_read"}': 500,
    })
  })

  it('stand still while paused', async () => {
    const room = await started()
    room.start('a')
    room.clock.advance(1_000)
    room.usage.setPaused('a', 'paused')
    room.clock.advance(100_000)
    expect(room.usage.epoch('a')?.wallClockMs).toBe(1_000)
    room.usage.setPaused('a', 'running')
    room.clock.advance(1_000)
    expect(room.usage.epoch('a')?.wallClockMs).toBe(2_000)
  })

  it('are in the histograms under at most fifty roles and other', async () => {
    const room = await started()
    for (let i = 0; i < 60; i++) {
      const info = {
        name: 'x',
        role: i === 0 ? undefined : `role-${i}`,
        vendor: undefined,
        workspace: undefined,
      }
      const agent = room.start(`a${i}`, { info })
      await room.record(agent.id, [room.use()])
      room.exit(agent)
    }
    const counts = Object.entries(scrape(room)).filter(([name]) => name.startsWith('agent_api_calls{'))
    expect(counts).toHaveLength(51)
    expect(Object.fromEntries(counts)).toMatchObject({
      'agent_api_calls{role="none"}': 1,
      'agent_api_calls{role="other"}': 10,
    })
  })

  it('of an agent nobody tells about are in no histogram, and its counters are absent', async () => {
    const room = await started()
    room.exit(room.start('a'))
    expect(scrape(room)).toEqual({})
  })

  it('begin with 0 before the first has ended, so that it is an increase', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use()])
    expect(scrape(room)).toMatchObject({
      'agent_tokens_consumed{role="coder"}': 0,
      'agent_api_calls{role="coder"}': 0,
      'agent_files_accessed{role="coder"}': 0,
    })
  })
})

describe('deliverables (A11)', () => {
  const input = { type: 'code_commit', description: 'done', artifacts: ['commit:abcdef0'] } as const

  it('are kept, counted and reset the clock', async () => {
    const room = await started()
    room.start('a')
    room.clock.advance(9_000)
    const { deliverable, countedForClock } = await room.deliver('a', input)
    expect(deliverable).toMatchObject({ agent: 'a', epoch: 1, ...input, verified: undefined })
    expect(countedForClock).toBe(true)
    expect(room.usage.epoch('a')).toMatchObject({ sinceDeliverableMs: 0, wallClockMs: 9_000, epoch: 1 })
    expect(room.events).toEqual([{ name: 'agent.deliverable_recorded', event: { deliverable } }])
    expect(scrape(room)).toMatchObject({
      'agent_deliverables_total{agent="a",kind="code_commit"}': 1,
      'agent_last_deliverable_timestamp_seconds{agent="a"}': room.clock.now() / 1_000,
    })
  })

  it('begin with 0 of every kind, when the agent tells of itself', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [room.use()])
    await room.deliver('a', input)
    const counts = Object.entries(scrape(room)).filter(([name]) =>
      name.startsWith('agent_deliverables_total'),
    )
    expect(counts).toHaveLength(10)
    expect(counts.filter(([, count]) => count > 0)).toEqual([
      ['agent_deliverables_total{agent="a",kind="code_commit"}', 1],
    ])
  })

  it('reset the clock only when they were found, if that is asked for (D8)', async () => {
    const room = await started()
    room.start('a')
    room.state.config = { ...room.state.config, verifyArtifacts: true }
    room.clock.advance(9_000)
    for (const verified of [undefined, false]) {
      room.state.verified = verified
      expect(await room.deliver('a', input)).toMatchObject({
        countedForClock: false,
        deliverable: { verified },
      })
      expect(room.usage.epoch('a')?.sinceDeliverableMs).toBe(9_000)
    }
    room.state.verified = true
    expect((await room.deliver('a', input)).countedForClock).toBe(true)
    expect(room.usage.epoch('a')?.sinceDeliverableMs).toBe(0)
  })

  it('begin a new epoch where the configuration says so', async () => {
    const room = await started()
    room.start('a')
    room.state.config = { ...room.state.config, resetCountersOnDeliverable: true }
    await room.record('a', [room.use()])
    const { deliverable } = await room.deliver('a', input)
    expect(deliverable.epoch).toBe(1)
    expect(room.usage.epoch('a')).toMatchObject({
      epoch: 2,
      openedBy: deliverable.id,
      totals: { apiCalls: 0 },
    })
  })

  it('are taken at most 60 times a minute', async () => {
    const room = await started()
    room.start('a')
    room.start('b')
    for (let i = 0; i < 60; i++) await room.deliver('a', input)
    await expect(room.deliver('a', input)).rejects.toMatchObject({ code: 'AE_TOO_MANY_REQUESTS' })
    await expect(room.deliver('b', input)).resolves.toBeDefined()
    room.clock.advance(60_000)
    await expect(room.deliver('a', input)).resolves.toBeDefined()
  })
})

describe('the metrics record', () => {
  it('says what the present epoch used', async () => {
    const room = await started()
    room.start('a')
    await room.record('a', [
      room.use({
        files: [{ op: 'read', count: 2 }],
        tokens: { output: 5, cache_read: 100, unspecified: 1 },
        costUsd: 0.5,
      }),
    ])
    expect(room.describe('a')).toEqual({
      agentId: 'a',
      incarnation: 'boot:ns:a:1',
      epoch: 1,
      filesRead: 2,
      filesWritten: 0,
      filesModified: 0,
      filesAccessed: 2,
      apiCallsCount: 0,
      subtasksSpawned: 0,
      tokensConsumed: 6,
      costUsd: 0.5,
      startedAt: '2025-12-31T00:00:00.000Z',
      lastDeliverableAt: null,
      lastActivityAt: '2026-01-01T00:00:00.000Z',
    })
  })
})
