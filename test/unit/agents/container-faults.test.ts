import { describe, expect, it } from 'vitest'
import { createRoom } from './room.ts'

const label = (id: string) => ({ labels: { 'agent-exporter.agent': id }, pid: 77 })

describe('when the engine and the kernel disagree', () => {
  it('ends an agent whose control group is gone, and does not revive it while the engine is silent', async () => {
    const room = createRoom()
    const info = room.container('a', label('boxed'))
    await room.start()
    expect(room.ids()).toEqual(['boxed'])
    room.engine.status = { state: 'unreachable' }
    room.samples.delete(info.id)
    await room.seconds(5)
    expect(room.ids()).toEqual([])
    expect(room.events.filter(({ name }) => name === 'agent.started')).toHaveLength(1)
    room.container('a', { ...label('boxed'), startedAt: '2026-01-02T00:00:00.000000001Z' })
    await room.seconds(2)
    expect(room.ids()).toEqual(['boxed'])
    await room.stop()
  })

  it('says that containers may be missing while the engine does not answer, and keeps measuring the known ones', async () => {
    const room = createRoom()
    room.container('a', label('boxed'))
    await room.start()
    const container = room.agents.feature.collectors!.find(({ name }) => name === 'container')!
    expect(container.fault!()).toBeUndefined()
    room.engine.status = { state: 'unreachable', detail: 'no answer within 5000 ms' }
    expect(container.fault!()).toContain('no answer within 5000 ms')
    await room.seconds(2)
    expect(room.agents.get('boxed')!.reading.processes).toBeDefined()
    room.engine.status = { state: 'absent' }
    expect(container.fault!()).toBeUndefined()
    await room.stop()
  })
})
