import { describe, expect, it } from 'vitest'
import { createRoom } from './room.ts'

const reading = (room: ReturnType<typeof createRoom>, id: string) => ({
  ...room.agents.get(id)!.reading,
  kept: JSON.stringify(room.agents.history(id)),
})

describe('a look at the memory of one agent between two samples', () => {
  it('reads a container anew and leaves its reading alone', async () => {
    const room = createRoom()
    const labels = { 'agent-exporter.agent': 'boxed' }
    const info = room.container('a', { labels, pid: 77, memoryLimitBytes: 9_000 })
    await room.start()
    const before = reading(room, 'boxed')
    Object.assign(room.samples.get(info.id)!, {
      ...{ memoryAnonBytes: 6_000, memoryWorkingSetBytes: 7_000, memorySwapBytes: 0, cpuUserSeconds: 50 },
    })
    expect(room.agents.look(room.agents.get('boxed')!)).toEqual({
      ...{ rssBytes: 6_000, rssAnonBytes: 6_000, workingSetBytes: 7_000, swapBytes: 0 },
      ...{ memoryLimitBytes: 9_000, pressureStalledSeconds: undefined },
    })
    expect(reading(room, 'boxed')).toEqual(before)
    room.samples.delete(info.id)
    expect(room.agents.look(room.agents.get('boxed')!)).toBeUndefined()
    // Who has ended is found out by the next sample, not by a look.
    expect(room.ids()).toEqual(['boxed'])
    await room.stop()
  })

  it('adds up the tree and leaves its counters alone', async () => {
    const room = createRoom()
    const agent = room.run(room.shell(), 'claude')
    const child = room.world.fork(agent)
    await room.start()
    const [id] = room.ids()
    const before = reading(room, id!)
    room.world.burn(agent, 5)
    expect(room.agents.look(room.agents.get(id!)!)).toMatchObject({
      ...{ rssBytes: 2_000, rssAnonBytes: 1_000, swapBytes: 0 },
      ...{ workingSetBytes: undefined, memoryLimitBytes: undefined },
    })
    expect(reading(room, id!)).toEqual(before)
    room.world.exit(child)
    expect(room.agents.look(room.agents.get(id!)!)?.rssBytes).toBe(1_000)
    await room.seconds(1)
    expect(room.agents.get(id!)!.reading).toMatchObject({ processes: 1, cpuUserSeconds: 5 })
    await room.stop()
  })

  it('says nothing when a part of the tree could not be read, or the agent has ended', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude')
    const child = room.world.fork(root)
    await room.start()
    const agent = room.agents.get(room.ids()[0]!)!
    child.readable = false
    expect(room.agents.look(agent)).toBeUndefined()
    child.readable = true
    expect(room.agents.look(agent)).toBeDefined()
    room.world.exit(child)
    room.world.exit(root)
    await room.seconds(1)
    expect(room.agents.look(agent)).toBeUndefined()
    await room.stop()
  })
})
