import { describe, expect, it } from 'vitest'
import type { ActingEvents } from '../../src/acting.ts'
import type { Agent } from '../../src/agents/model.ts'
import type { AlertingEvents } from '../../src/alerting.ts'
import { announceOn } from '../../src/announcements.ts'
import { createEventLog } from '../../src/events/log.ts'
import { createBus } from '../../src/platform/bus.ts'
import type { WatchingEvents } from '../../src/watching.ts'
import { fakeClock } from '../support/fake-clock.ts'

const AGENT = { id: 'coder', incarnation: 'life' } as Agent

function announced() {
  const bus = createBus<ActingEvents & WatchingEvents & AlertingEvents>((error) => {
    throw error
  })
  const log = createEventLog(fakeClock(), (error) => {
    throw error
  })
  announceOn(bus, log)
  const told: unknown[] = []
  log.follow(({ type, agent, summary, detail }) => void told.push({ type, agent, summary, detail }))
  return { bus, told }
}

describe('what the event stream says about memory', () => {
  it('tells a change of the level with what was compared', () => {
    const { bus, told } = announced()
    const thresholds = { warning: 800, critical: 900, oom_imminent: 950 }
    bus.emit('agent.memory_level_changed', {
      ...{ agent: AGENT, from: 'healthy', to: 'oom_imminent', stalledRatio: 0.2 },
      gauge: { basis: 'working_set', bytes: 960, limitBytes: 1_000, thresholds },
    })
    expect(told).toEqual([
      {
        type: 'agent.memory_level_changed',
        agent: 'coder',
        summary: 'Memory of coder went from healthy to oom_imminent.',
        detail: {
          ...{ from: 'healthy', to: 'oom_imminent', basis: 'working_set' },
          ...{ bytes: 960, limitBytes: 1_000, stalledRatio: 0.2 },
        },
      },
    ])
  })

  it('tells where it is going, and how fast', () => {
    const { bus, told } = announced()
    const change = { agent: AGENT, from: 'stable', to: 'growing', growthBytesPerSecond: 12 } as const
    bus.emit('agent.memory_trend_changed', change)
    expect(told).toEqual([
      {
        type: 'agent.memory_trend_changed',
        agent: 'coder',
        summary: 'Memory of coder was stable and is growing.',
        detail: { from: 'stable', to: 'growing', growthBytesPerSecond: 12 },
      },
    ])
  })

  it('tells when the limit will be reached, in minutes and never in none', () => {
    const { bus, told } = announced()
    for (const lowSeconds of [10, 600]) {
      bus.emit('agent.oom_predicted', { agent: AGENT, timeToLimit: { lowSeconds, midSeconds: 700 } })
    }
    expect(told).toMatchObject([
      { summary: 'coder will reach its memory limit in 1 min if it goes on like this.' },
      {
        type: 'agent.oom_predicted',
        summary: 'coder will reach its memory limit in 10 min if it goes on like this.',
        detail: { lowSeconds: 600, midSeconds: 700 },
      },
    ])
  })

  it('tells when a pause for memory has lasted too long, and who ends it', () => {
    const { bus, told } = announced()
    const overdue = { agent: AGENT, level: 'oom_imminent', pausedMs: 600_000 } as const
    bus.emit('agent.memory_pause_overdue', { ...overdue, next: 'person' })
    bus.emit('agent.memory_pause_overdue', { ...overdue, next: 'terminate' })
    expect(told).toMatchObject([
      {
        type: 'agent.memory_pause_overdue',
        summary:
          'coder has been paused for its memory for 10 min, which is no better. Somebody has to make room for it or end it.',
        detail: { level: 'oom_imminent', pausedSeconds: 600, next: 'person' },
      },
      {
        summary: 'coder has been paused for its memory for 10 min, which is no better. It is being ended.',
      },
    ])
  })
})
