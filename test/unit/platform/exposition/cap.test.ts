import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cap } from '../../../../src/platform/exposition/cap.ts'
import type { Snapshot } from '../../../../src/platform/exposition/snapshot.ts'
import { cpu, duration, info, paused, rss, run, snapshotOf } from '../../../support/sample-families.ts'

// 4 sample lines per agent, 1 of the fleet, 7 of one histogram without agent.
const fleet = (agents: number) =>
  snapshotOf((out) => {
    for (let i = 0; i < agents; i++) {
      const agent = `agent-${i}`
      out.set(info, { agent, name: 'x' }, 1)
      out.set(rss, { agent }, i)
      out.set(cpu, { agent, mode: 'user' }, i)
      out.set(cpu, { agent, mode: 'system' }, i)
    }
    out.set(paused, {}, 0)
    out.histogram(duration, { action: 'pause' }, { counts: [0, 0, 0, 0], sum: 0, count: 0 })
  })

const byNumber = (agent: string) => Number(agent.slice('agent-'.length))
const linesByAgent = ({ families }: Snapshot) => {
  const lines = new Map<string | undefined, number>()
  for (const { series } of families)
    for (const { agent } of series) lines.set(agent, (lines.get(agent) ?? 0) + 1)
  return lines
}

test('below the cap nothing is left out', () => {
  const snapshot = fleet(10)
  expect(snapshot.size).toBe(48)
  expect(run(cap(snapshot, 48, byNumber))).toEqual({ snapshot, dropped: 0 })
})

test('above it whole newest agents are left out, in every family', () => {
  const { snapshot, dropped } = run(cap(fleet(10), 30, byNumber))
  expect([...linesByAgent(snapshot).keys()]).toEqual([
    'agent-0',
    'agent-1',
    'agent-2',
    'agent-3',
    'agent-4',
    undefined,
  ])
  expect(dropped).toBe(20)
  expect(snapshot.size).toBe(28)
})

test('families of the fleet stay even when they alone are too many', () => {
  const { snapshot, dropped } = run(cap(fleet(3), 1, byNumber))
  expect(snapshot.families.map(({ family }) => family)).toEqual([paused, duration])
  expect(dropped).toBe(12)
})

test('an agent that the order does not know is the newest', () => {
  const { snapshot } = run(cap(fleet(3), 16, (agent) => (agent === 'agent-0' ? Number.NaN : byNumber(agent))))
  expect([...linesByAgent(snapshot).keys()]).toEqual(['agent-1', 'agent-2', undefined])
})

test('never half an agent, never more than needed', () => {
  fc.assert(
    fc.property(fc.nat(30), fc.nat(140), (agents, maxSeries) => {
      const { snapshot, dropped } = run(cap(fleet(agents), maxSeries, byNumber))
      const lines = linesByAgent(snapshot)
      const kept = lines.size - 1
      for (const [agent, count] of lines) expect(count).toBe(agent === undefined ? 2 : 4)
      expect(kept).toBe(Math.max(0, Math.min(agents, Math.floor((maxSeries - 8) / 4))))
      expect(dropped).toBe((agents - kept) * 4)
    }),
  )
})
