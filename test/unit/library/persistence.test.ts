import { describe, expect, it } from 'vitest'
import { ResourceExhaustionService, type StoredRecord } from '../../../src/index.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** A disk: what is written is text, and another service can read it. */
function disk() {
  const rows = new Map<string, string>()
  const clock = fakeClock()
  const faults: string[] = []
  const state = { broken: false, writes: 0 }
  const persistence = {
    load: () => [...rows.values()].map((text) => JSON.parse(text) as StoredRecord),
    save(record: StoredRecord) {
      if (state.broken) throw new Error('disk full')
      state.writes++
      rows.set(record.key, JSON.stringify(record))
    },
  }
  const open = () =>
    new ResourceExhaustionService({
      clock,
      persistence,
      config: { thresholds: { maxApiCalls: 10, maxTimeWithoutDeliverableMs: '10m' } },
      onFault: (error, source) => faults.push(`${source}: ${String(error)}`),
    })
  return { clock, open, state, faults, rows }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('a restart', () => {
  it('A16 keeps counters, phase, pause, limits, events and deliverables', async () => {
    const { open, clock } = disk()
    const first = open()
    first.initializeAgent('a', 'coder', { budget: { maxFilesAccessed: 3 } })
    first.initializeAgent('b', 'reviewer')
    for (let i = 0; i < 10; i++) first.recordApiCall('a', 5)
    first.recordDeliverable('b', 'other', 'kept', ['x'])
    first.terminateAgent('b', 'enough')
    await turn()
    const before = first.getAgentMetrics('a')
    clock.advance(60_000)

    const second = open()
    expect(second.getAgentMetrics('a')).toMatchObject({
      ...before,
      ratios: { api_calls: 1, time_without_deliverable: 0 },
    })
    expect(second.isAgentPaused('a')).toBe(true)
    expect(second.getRecentEvents()).toEqual(first.getRecentEvents())
    expect(second.getDeliverables('b')).toEqual(first.getDeliverables('b'))
    expect(second.getResourceMetrics()).toMatchObject({
      totalWarnings: 1,
      totalTerminations: 1,
      pausedAgents: 1,
    })
    expect(second.evaluateAgent('b')).toBe('termination')
    expect(second.resumeAgent('a')).toBe(true)
    expect(second.getAgentMetrics('a')).toMatchObject({ agentType: 'coder', epoch: 2, phase: 'normal' })
  })

  it('does not bring removed agents back, but what they delivered', async () => {
    const { open } = disk()
    const first = open()
    first.initializeAgent('a', 'coder')
    first.recordDeliverable('a', 'other')
    first.cleanupAgent('a')
    await turn()
    const second = open()
    expect(second.getAgentMetrics('a')).toBeNull()
    expect(second.getDeliverables('a')).toHaveLength(1)
  })
})

describe('saving', () => {
  it('takes one row for all that happens to an agent in one turn (D17)', async () => {
    const { open, state } = disk()
    const service = open()
    service.initializeAgent('a', 'coder')
    for (let i = 0; i < 7; i++) service.recordApiCall('a')
    await turn()
    expect(state.writes).toBe(1)
  })

  it('happens at once when the service stops', () => {
    const { open, rows } = disk()
    const service = open()
    service.initializeAgent('a', 'coder')
    service.stop()
    expect([...rows.keys()]).toEqual(['agent:a'])
  })

  it('may fail: the agent goes on and somebody is told', async () => {
    const { open, state, faults } = disk()
    const service = open()
    state.broken = true
    service.initializeAgent('a', 'coder')
    await turn()
    expect(service.getAgentMetrics('a')).not.toBeNull()
    expect(faults).toEqual(['persistence: Error: disk full'])
  })
})
