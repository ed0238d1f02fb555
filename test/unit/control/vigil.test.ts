import { describe, expect, it } from 'vitest'
import { addAgent, createTestRoom, fakeHost } from '../../support/control-room.ts'

async function paused() {
  const host = fakeHost()
  const agent = addAgent(host, 'a')
  const room = createTestRoom(host)
  await room.start()
  const entry = await room.act({ action: 'pause', agent: 'a' })
  expect(entry.status).toBe('done')
  const pauses = () => host.runtime.calls.filter(({ verb }) => verb === 'pause').length
  const seconds = async (count: number) => {
    for (let second = 0; second < count; second++) await room.sample()
  }
  return { host, agent, room, entry, pauses, seconds }
}

describe('an agent that is held', () => {
  it('is looked at three times after its pause, and then left alone', async () => {
    const { pauses, seconds, room } = await paused()
    await seconds(30)
    expect(pauses()).toBe(1 + 3)
    expect(room.events.filter(({ name }) => name === 'agent.paused')).toHaveLength(1)
  })

  it('is stopped again when somebody continued it, on the same line of the journal', async () => {
    const { host, agent, room, entry, seconds } = await paused()
    await seconds(12)
    host.runtime.setState(agent.incarnation, 'running')
    await seconds(6)
    expect(host.runtime.stateOf(agent.incarnation)).toBe('paused')
    const line = await room.desk.find(entry.id)
    expect(line).toMatchObject({ status: 'done', attempt: 2 })
    expect(line?.detail).toContain('ran although it was held')
  })

  it('has everybody who runs in its list before any of them is stopped', async () => {
    const host = fakeHost()
    const agent = addAgent(host, 'a')
    const room = createTestRoom(host)
    await room.start()
    // Whoever is in the tree now was not there when it was paused.
    host.runtime.next('pause', { outcome: 'done', stopped: [], stoppedByOthers: [] })
    await room.act({ action: 'pause', agent: 'a' })
    const free = host.runtime.block('pause')
    for (let second = 0; second < 6; second++) await room.sample()
    const [, , pid, startTime] = agent.incarnation.split(':').map(Number)
    expect(host.runtime.stateOf(agent.incarnation)).toBe('running')
    expect(host.runtime.lastTarget()?.stopped).toEqual([{ pid, startTime }])
    free()
  })

  it('is told and not fought for ever', async () => {
    const { host, agent, seconds } = await paused()
    await seconds(12)
    const effects = () => host.runtime.count('pause', agent.incarnation)
    const before = effects()
    for (let time = 0; time < 6; time++) {
      host.runtime.setState(agent.incarnation, 'running')
      await seconds(6)
    }
    expect(effects() - before).toBe(3)
    expect(host.runtime.stateOf(agent.incarnation)).toBe('running')
  })

  it('is not touched under the kill switch, by a second daemon, or once it was resumed', async () => {
    const { host, agent, room, seconds } = await paused()
    await seconds(12)
    host.runtime.setState(agent.incarnation, 'running')
    host.killSwitch = true
    await seconds(10)
    host.killSwitch = false
    host.acting = false
    await seconds(10)
    expect(host.runtime.stateOf(agent.incarnation)).toBe('running')
    host.acting = true
    await room.act({ action: 'resume', agent: 'a' })
    await seconds(20)
    expect(host.runtime.stateOf(agent.incarnation)).toBe('running')
  })

  it('is told as paused once all of it is stopped, when a part was before', async () => {
    const host = fakeHost()
    const agent = addAgent(host, 'a')
    const room = createTestRoom(host)
    await room.start()
    host.runtime.setState(agent.incarnation, 'partial')
    host.runtime.next('pause', {
      outcome: 'partial',
      stopped: [{ pid: 7, startTime: 7 }],
      stoppedByOthers: [],
    })
    expect((await room.act({ action: 'pause', agent: 'a' })).status).toBe('partial')
    expect(room.events.map(({ name }) => name)).not.toContain('agent.paused')
    for (let second = 0; second < 3; second++) await room.sample()
    expect(host.runtime.stateOf(agent.incarnation)).toBe('paused')
    expect(room.events.filter(({ name }) => name === 'agent.paused')).toHaveLength(1)
  })
})
