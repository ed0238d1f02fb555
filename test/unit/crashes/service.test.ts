import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRoom } from './room.ts'

const TELLER = { name: 'control', origin: '', credit: 'told', isHere: true } as const

let room: ReturnType<typeof createRoom>
beforeEach(async () => {
  room = createRoom()
  await room.crashes.start()
})
afterEach(() => room.crashes.stop())

const exited = { state: 'exited', pid: undefined } as const
const finished = () => ({ ...exited, finishedAt: new Date(room.clock.now()).toISOString() })

describe('the end of a container', () => {
  it('is judged once, by the events before it and what the engine says after it', async () => {
    const { agent, info } = room.container('box')
    room.sample()
    await room.pass(3_000)
    room.host.kills = 1
    room.host.groupKills = 1
    room.host.workingSet = 60e6
    room.event(info, 'oom')
    await room.pass(30)
    room.event(info, 'die', { exitCode: 137 })
    room.inspected(info, { ...finished(), exitCode: 137, oomKilled: true })
    room.exit(agent)
    await room.pass(5_000)
    expect(room.ended).toEqual(['box crashed'])
    expect(room.crashed).toEqual(['box oom_cgroup'])
    expect(room.saved).toHaveLength(1)
    expect(room.crashes.list()[0]).toMatchObject({
      ...{ agent: 'box', role: 'coder', exitCode: 137, signal: 'SIGKILL', occurrences: 1 },
      verdict: { confidence: 'high' },
      memory: { lastBytes: 60e6, limitBytes: 2 ** 26 },
    })
  })

  it('seen missing by a sample first is the same end', async () => {
    const { agent, info } = room.container('box')
    room.exit(agent)
    await room.pass(500)
    room.event(info, 'die', { exitCode: 0 })
    await room.pass(5_000)
    expect(room.ended).toEqual(['box clean'])
  })

  it('whose `die` comes when all is settled is still one end', async () => {
    const { agent, info } = room.container('box')
    room.exit(agent)
    await room.pass(4_000)
    room.event(info, 'die', { exitCode: 0 })
    await room.pass(5_000)
    expect(room.ended).toEqual(['box unknown'])
  })

  it('without an engine that tells is known by its inspect, as far as that goes', async () => {
    const { agent, info } = room.container('box')
    room.host.covered = undefined
    room.exit(agent)
    room.inspected(info, { ...finished(), exitCode: 137, oomKilled: true })
    await room.pass(5_000)
    expect(room.crashes.list()[0]?.verdict).toMatchObject({ cause: 'oom_cgroup', confidence: 'low' })
  })

  it('is nobody’s guess without any exit status', async () => {
    const { agent } = room.container('box')
    room.host.covered = undefined
    room.exit(agent)
    await room.pass(5_000)
    expect(room.ended).toEqual(['box unknown'])
    expect(room.crashes.list()).toEqual([])
  })

  it('that was never measured is known by its label', async () => {
    const { info } = room.container('quick')
    room.agents.delete('quick')
    room.event(info, 'die', { exitCode: 2 })
    await room.pass(3_000)
    expect(room.crashed).toEqual(['quick error'])
  })

  it('that is started again and dies again is another end each time (crash loop)', async () => {
    const { agent, info } = room.container('loop')
    room.event(info, 'die', { exitCode: 1 })
    room.exit(agent)
    await room.pass(4_000)
    room.agents.delete('loop')
    for (let turn = 0; turn < 2; turn++) {
      room.event(info, 'die', { exitCode: 1 })
      await room.pass(1_000)
    }
    await room.pass(3_000)
    expect(room.crashed).toEqual(['loop error', 'loop error', 'loop error'])
    expect(new Set(room.crashes.list().map(({ id }) => id)).size).toBe(3)
  })

  it('by our own hand is no crash', async () => {
    const { info } = room.container('ours')
    room.host.terminates = [{ id: 'x', trigger: 'human', actor: 'me', atMs: room.clock.now() }]
    room.event(info, 'kill', { signal: '9' })
    room.event(info, 'die', { exitCode: 137 })
    await room.pass(3_000)
    expect(room.ended).toEqual(['ours terminated'])
    expect(room.crashed).toEqual([])
  })

  it('is less sure when the journal cannot be asked', async () => {
    const { info } = room.container('box')
    room.host.terminates = new Error('locked')
    room.event(info, 'kill', { signal: '9' })
    room.event(info, 'die', { exitCode: 137 })
    await room.pass(3_000)
    expect(room.crashes.list()[0]?.verdict).toMatchObject({ cause: 'killed', confidence: 'medium' })
  })

  it('is not blamed on the OOM of a neighbour', async () => {
    const { info: neighbour } = room.container('neighbour')
    const { info } = room.container('box')
    room.sample()
    await room.pass(4_000)
    room.host.kills = 1
    room.host.groupKills = 1
    room.event(neighbour, 'oom')
    room.event(info, 'die', { exitCode: 137 })
    await room.pass(3_000)
    expect(room.crashed.toSorted()).toEqual(['box killed', 'neighbour oom_child'])
  })
})

describe('a child that is killed in a living container', () => {
  it('is told within a second', async () => {
    const { info } = room.container('box')
    room.host.groupKills = 1
    room.event(info, 'oom')
    await room.pass(900)
    expect(room.crashed).toEqual(['box oom_child'])
    expect(room.ended).toEqual([])
    expect(room.crashes.list()[0]?.verdict.reason).toBe('lives')
  })

  it('is seen by its counter where no engine tells', async () => {
    const { agent } = room.container('box')
    agent.reading.groupOomKills = 0
    room.sample()
    await room.pass(1_000)
    agent.reading.groupOomKills = 1
    room.sample()
    await room.pass(600)
    expect(room.crashed).toEqual(['box oom_child'])
  })

  it('is seen in the next life of the container, whose group counts anew, and an old sample is no next life', async () => {
    const { agent } = room.container('box')
    const read = async (count: number) => {
      agent.reading.groupOomKills = count
      room.sample()
      await room.pass(62_000)
    }
    await read(0)
    await read(3)
    await read(2)
    expect(room.crashed).toEqual(['box oom_child'])
    const id = agent.incarnation.slice(0, 64)
    agent.incarnation = `${id}:${new Date(room.clock.now()).toISOString()}` as typeof agent.incarnation
    await read(0)
    await read(1)
    expect(room.crashed).toEqual(['box oom_child', 'box oom_child'])
    const told = room.crashes.list().map((one) => one.verdict.evidence.map(({ says }) => says))
    expect(told?.join()).toContain('1 OOM kill just before')
  })

  it('again and again is one crash that goes on, and after a pause another', async () => {
    const { info } = room.container('box')
    for (let turn = 1; turn <= 5; turn++) {
      room.host.groupKills = turn
      room.event(info, 'oom')
      await room.pass(10_000)
    }
    expect(room.crashes.list()).toMatchObject([{ occurrences: 5 }])
    await room.pass(61_000)
    room.host.groupKills = 6
    room.event(info, 'oom')
    await room.pass(1_000)
    expect(room.crashed).toEqual(['box oom_child', 'box oom_child'])
  })
})

describe('a clock that is set', () => {
  it.each([3_600_000, -3_600_000])('by %i ms between a kill and the end changes no judgement', async (ms) => {
    const { info: stopped } = room.container('stopped')
    const { info: full } = room.container('full')
    const { info: old } = room.container('old')
    room.sample()
    await room.pass(3_000)
    room.event(old, 'oom')
    room.host.groupKills = 1
    room.event(old, 'oom')
    await room.pass(10_000)
    room.host.groupKills = 2
    room.event(stopped, 'kill', { signal: '15' })
    room.event(full, 'oom')
    room.clock.jumpWall(ms)
    room.event(stopped, 'die', { exitCode: 137 })
    room.event(full, 'die', { exitCode: 137 })
    room.host.groupKills = 1
    room.event(old, 'die', { exitCode: 137 })
    await room.pass(3_000)
    expect(room.ended.toSorted()).toEqual(['full crashed', 'old crashed', 'stopped stopped'])
    expect(room.crashed.toSorted()).toEqual(['full oom_cgroup', 'old killed', 'old oom_child'])
  })
})

describe('the end of a process', () => {
  it.each(['before', 'after'])('is what its parent says, told %s it is seen', async (when) => {
    const agent = room.process('p')
    room.sample()
    await room.pass(4_000)
    const tell = () =>
      room.crashes.tellExit(agent, { by: 'parent', signal: 'SIGSEGV', lastOutput: 'password=hunter2 boom' })
    if (when === 'before') tell()
    room.exit(agent)
    await room.pass(200)
    if (when === 'after') tell()
    await room.pass(3_000)
    expect(room.crashed).toEqual(['p segfault'])
    expect(room.saved).toHaveLength(1)
  })

  it('is what its zombie says, whatever else is told', async () => {
    const agent = room.process('p')
    room.host.waitStatus = 11
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 0 })
    room.exit(agent)
    await room.pass(3_000)
    expect(room.crashed).toEqual(['p segfault'])
  })

  it('has the last words that a busy parent tells late, after its zombie was seen', async () => {
    const agent = room.process('p')
    room.host.waitStatus = 3 << 8
    room.exit(agent)
    await room.pass(2_000)
    expect(room.saved).toEqual([])
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 3, lastOutput: 'boom' })
    await room.pass(400)
    expect(room.crashed).toEqual(['p error'])
    expect(room.crashes.list()).toMatchObject([{ exitCode: 3, verdict: { confidence: 'high' } }])
  })

  it('is unknown when nobody says anything', async () => {
    room.exit(room.process('p'))
    await room.pass(3_000)
    expect(room.ended).toEqual(['p unknown'])
  })

  it('is an OOM kill when the kernel names it, though its exit is unseen', async () => {
    const agent = room.process('p')
    room.host.logCovered = room.clock.monotonic() - 60_000
    room.host.members.set('p', [77, 78])
    room.sample()
    await room.pass(1_000)
    room.host.logged.push({
      pid: 77,
      comm: 'p',
      scope: 'host',
      sequence: 1,
      seenAtMs: room.clock.monotonic(),
    })
    room.exit(agent)
    await room.pass(3_000)
    expect(room.crashed).toEqual(['p oom_host'])
  })

  it('has a child that the kernel killed while it lives on', async () => {
    room.process('p')
    room.host.logCovered = room.clock.monotonic() - 60_000
    room.host.members.set('p', [77, 78])
    room.sample()
    room.host.logged.push({
      pid: 78,
      comm: 'make',
      scope: 'host',
      sequence: 1,
      seenAtMs: room.clock.monotonic(),
    })
    room.sample()
    await room.pass(1_000)
    expect(room.crashed).toEqual(['p oom_child'])
  })
})

describe('a crash', () => {
  it('is kept, counted and told also when the store fails', async () => {
    room.host.storeFails = true
    const agent = room.process('p')
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 3 })
    room.exit(agent)
    await room.pass(3_000)
    expect(room.crashed).toEqual(['p error'])
    expect(room.crashes.health()).toMatchObject({ status: 'degraded' })
  })

  it('that is told, too, is the one that was seen here', async () => {
    const agent = room.process('p')
    room.crashes.tellExit(agent, { by: 'parent', exitCode: 3 })
    room.exit(agent)
    await room.pass(3_000)
    const { record } = await room.crashes.report({ agentName: 'p', exitCode: 3, lastOutput: 'bye' }, TELLER)
    expect(record?.id).toBe(room.crashes.list()[0]?.id)
    expect(record?.lastOutput).toBe('bye')
    expect(room.crashes.list()).toHaveLength(1)
  })

  it('that is open when the daemon stops is settled with what is known', async () => {
    const agent = room.process('p')
    room.crashes.tellExit(agent, { by: 'parent', signal: 'SIGABRT' })
    room.exit(agent)
    await room.crashes.stop()
    expect(room.crashed).toEqual(['p abort'])
  })

  it('leaves nothing behind', async () => {
    for (let pid = 100; pid < 400; pid++) {
      const agent = room.process('p', pid)
      room.crashes.tellExit(agent, { by: 'parent', exitCode: 1 })
      room.exit(agent)
      await room.pass(400)
    }
    expect(room.crashes.size()).toMatchObject({ open: 0, told: 0, kept: 100 })
  })
})
