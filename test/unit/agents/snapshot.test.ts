import { describe, expect, it } from 'vitest'
import { createRoom } from './room.ts'

const pids = (snapshot: { processes: readonly { pid: number }[] } | undefined) =>
  snapshot?.processes.map(({ pid }) => pid)

async function setUp() {
  const room = createRoom()
  const root = room.run(room.shell(), 'claude')
  await room.start()
  const [agent] = [...room.agents.list()]
  return { room, root, agent: agent! }
}

describe('a snapshot for whoever acts on an agent', () => {
  it('shows what was forked since the last sample, without another sample', async () => {
    const { room, root, agent } = await setUp()
    const child = room.world.fork(root)
    const reads = room.world.reader.reads
    expect(pids(await room.agents.snapshot(agent))).toEqual([root.pid, child.pid])
    // Two members, and the user's shell, which shares their session.
    expect(room.world.reader.reads - reads).toBeLessThanOrEqual(3)
  })

  it('loses nobody between passes of its own and of the sampler', async () => {
    const { room, root, agent } = await setUp()
    for (let round = 0; round < 20; round++) {
      const child = room.world.fork(root)
      const asked = room.agents.snapshot(agent)
      const sampled = room.seconds(1)
      expect(pids(await asked)).toEqual([root.pid, child.pid])
      room.world.exit(child)
      await sampled
      await room.seconds(1)
    }
    expect(pids(await room.agents.snapshot(agent))).toEqual([root.pid])
    expect(room.agents.size()['members']).toBe(1)
    expect(room.failures).toEqual([])
  })

  it('still knows the rest of a tree whose root dies while it is being ended', async () => {
    const { room, root, agent } = await setUp()
    const deaf = room.world.fork(root)
    room.world.exec(deaf, 'worker')
    await room.agents.snapshot(agent)
    room.world.exit(root)
    await room.seconds(2)
    expect(agent.endedAtMs).toBeDefined()
    const late = room.world.fork(deaf)
    expect(pids(await room.agents.snapshot(agent))).toEqual([deaf.pid, late.pid])
    room.world.exit(late)
    room.world.exit(deaf)
    expect(await room.agents.snapshot(agent)).toBeUndefined()
  })

  it('lets go of what is left of an ended agent when nobody asks any more', async () => {
    const { room, root, agent } = await setUp()
    room.world.exec(room.world.fork(root), 'worker')
    await room.agents.snapshot(agent)
    room.world.exit(root)
    await room.seconds(60)
    expect(await room.agents.snapshot(agent)).toBeUndefined()
  })

  it('shows nothing of an agent that ended without anybody acting on it', async () => {
    const { room, root, agent } = await setUp()
    room.world.exec(room.world.fork(root), 'worker')
    await room.seconds(2)
    room.world.exit(root)
    await room.seconds(2)
    expect(await room.agents.snapshot(agent)).toBeUndefined()
  })

  describe('of a tree that was left faster than anybody could follow', () => {
    /** A double fork into a session of its own between two passes; the environment names the life it is of. */
    async function leapt() {
      const { room, root, agent } = await setUp()
      const middle = room.world.fork(root)
      room.world.setsid(middle)
      const stray = room.world.fork(middle)
      room.world.exit(middle)
      const environment = { AGENT_EXPORTER_AGENT: agent.id, AGENT_EXPORTER_INCARNATION: agent.incarnation }
      room.identities.set(stray.pid, { environment })
      return { room, root, agent, stray }
    }

    it('shows who got away to whoever verifies', async () => {
      const { room, root, agent, stray } = await leapt()
      expect(pids(await room.agents.snapshot(agent))).toEqual([root.pid])
      expect(pids(await room.agents.snapshot(agent, 'strays'))).toEqual([root.pid, stray.pid])
    })

    it('shows also those of its session, which nobody could look at in time', async () => {
      const { room, root, agent, stray } = await leapt()
      await room.agents.snapshot(agent, 'strays')
      const next = room.world.fork(stray)
      room.world.exit(stray)
      room.identities.set(next.pid, 'unreadable')
      expect(pids(await room.agents.snapshot(agent))).toEqual([root.pid, next.pid])
    })

    it('does not look at what others have started', async () => {
      const { room, agent } = await leapt()
      const editor = room.run(room.shell(), 'editor')
      room.identities.set(editor.pid, 'hung')
      await room.agents.snapshot(agent)
      const before = room.identified
      for (let i = 0; i < 5; i++) room.world.fork(editor)
      await room.agents.snapshot(agent)
      expect(room.identified - before).toBe(0)
    })
  })
})
