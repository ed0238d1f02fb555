import { describe, expect, it } from 'vitest'
import { discoveredId, processIncarnation } from '../../../src/agents/model.ts'
import { RSS } from './process-world.ts'
import { createRoom, SPACE } from './room.ts'

const idOf = (vendor: string, p: { readonly pid: number; readonly startTime: number }) =>
  discoveredId(vendor, SPACE, p)

describe('finding agents among processes', () => {
  it('finds those that run already at the start, and those that come later', async () => {
    const room = createRoom()
    const shell = room.shell()
    const early = room.run(shell, 'claude')
    await room.start()
    expect(room.ids()).toEqual([idOf('claude', early)])
    const late = room.run(shell, 'codex')
    await room.seconds(2)
    expect(room.ids()).toEqual([idOf('claude', early), idOf('codex', late)])
    expect(room.failures).toEqual([])
  })

  it('recognises a shell that calls exec on an agent', async () => {
    const room = createRoom()
    const shell = room.shell()
    await room.start()
    const child = room.world.fork(shell)
    await room.seconds(3)
    expect(room.ids()).toEqual([])
    room.world.exec(child, 'claude')
    await room.seconds(2)
    expect(room.ids()).toEqual([idOf('claude', child)])
  })

  it('recognises a fork that calls exec on the same interpreter', async () => {
    const room = createRoom()
    const shell = room.shell()
    await room.start()
    const child = room.run(shell, 'node', { argv: ['node', 'shell.js'] })
    await room.seconds(1)
    room.identities.set(child.pid, { argv: ['node', 'claude'] })
    await room.seconds(4)
    expect(room.ids()).toEqual([idOf('claude', child)])
  })

  it('takes a wrapper and its child for one agent, which lives until both have ended', async () => {
    const room = createRoom()
    const wrapper = room.run(room.shell(), 'node', { argv: ['npx', 'claude'] })
    const child = room.run(wrapper, 'claude')
    const tool = room.run(child, 'rg')
    await room.start()
    const id = idOf('claude', wrapper)
    expect(room.ids()).toEqual([id])
    expect(room.agents.get(id)?.reading.processes).toBe(3)
    room.world.exit(wrapper)
    await room.seconds(2)
    expect(room.ids()).toEqual([id])
    room.world.exit(child)
    await room.seconds(1)
    expect(room.ids()).toEqual([])
    expect(room.agents.get(id)?.state).toBe('exited')
    expect(room.world.processes.has(tool.pid)).toBe(true)
  })

  it('counts another agent program below an agent to it', async () => {
    const room = createRoom()
    const claude = room.run(room.shell(), 'claude')
    room.run(claude, 'codex')
    await room.start()
    await room.seconds(5)
    expect(room.ids()).toEqual([idOf('claude', claude)])
  })

  it('keeps two agents of one session apart', async () => {
    const room = createRoom()
    const shell = room.shell()
    const one = room.run(shell, 'claude')
    const two = room.run(shell, 'claude')
    room.run(two, 'rg')
    await room.start()
    expect(room.agents.get(idOf('claude', one))?.reading.processes).toBe(1)
    expect(room.agents.get(idOf('claude', two))?.reading.processes).toBe(2)
  })

  it('leaves the daemon alive when a process hangs or cannot be read', async () => {
    const room = createRoom()
    const shell = room.shell()
    room.identities.set(room.run(shell, 'node').pid, 'hung')
    const hidden = room.run(shell, 'claude')
    room.identities.set(hidden.pid, 'unreadable')
    await room.start()
    expect(room.ids()).toEqual([idOf('claude', hidden)])
  })

  it('finds who could not be looked at once it can, and meanwhile who runs below it', async () => {
    const room = createRoom()
    await room.start()
    const shell = room.run(room.shell(), 'bash')
    room.identities.set(shell.pid, 'hung')
    const slow = room.run(room.shell(), 'worker')
    room.identities.set(slow.pid, 'hung')
    const child = room.run(shell, 'claude')
    await room.seconds(5)
    expect(room.ids()).toEqual([idOf('claude', child)])
    room.identities.set(slow.pid, { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    await room.seconds(3)
    expect(room.ids()).toContain('mine')
  })
})

describe('discovery that is switched off', () => {
  it('looks at nobody', async () => {
    const room = createRoom({ discoverProcesses: () => false })
    room.run(room.shell(), 'claude', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    await room.start()
    await room.seconds(3)
    expect(room.ids()).toEqual([])
    expect(room.identified).toBe(0)
  })
})

describe('markers in the environment', () => {
  const marked = (id: string, more: Record<string, string> = {}) => ({
    environment: { AGENT_EXPORTER_AGENT: id, ...more },
  })

  it('names an agent, with role and workspace; children that inherit it are the same agent', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'run.sh', marked('mine', { AGENT_EXPORTER_ROLE: 'coder' }))
    room.run(root, 'claude', marked('mine'))
    await room.start()
    await room.seconds(3)
    expect(room.ids()).toEqual(['mine'])
    expect(room.agents.get('mine')).toMatchObject({
      origin: 'environment',
      info: { role: 'coder' },
      conflict: false,
    })
  })

  it('is not taken from a child whose parent is just being looked at', async () => {
    const room = createRoom()
    const shell = room.shell()
    await room.start()
    const root = room.run(shell, 'run.sh', marked('mine'))
    room.run(root, 'claude', marked('mine'))
    await room.seconds(6)
    expect(room.ids()).toEqual(['mine'])
    expect(room.agents.get('mine')?.incarnation).toBe(processIncarnation(SPACE, root))
  })

  it('makes a nested process that names somebody else an agent of its own', async () => {
    const room = createRoom()
    const outer = room.run(room.shell(), 'claude')
    const inner = room.run(outer, 'worker', marked('helper'))
    room.run(inner, 'rg', marked('helper'))
    await room.start()
    await room.seconds(2)
    expect(room.ids()).toEqual([idOf('claude', outer), 'helper'])
    expect(room.agents.get('helper')?.reading.processes).toBe(2)
    expect(room.agents.get(idOf('claude', outer))?.reading.processes).toBe(1)
  })

  it('flags two live processes that claim one id, measures both, and clears it when one ends', async () => {
    const room = createRoom()
    const one = room.run(room.shell(), 'worker', marked('mine'))
    const two = room.run(room.shell(), 'worker', marked('mine'))
    await room.start()
    const other = idOf('agent', two)
    expect(room.ids()).toEqual(['mine', other])
    expect([...room.agents.list()].map((agent) => agent.conflict)).toEqual([true, true])
    room.world.exit(one)
    await room.seconds(1)
    expect(room.agents.get(other)?.conflict).toBe(false)
  })

  it('brings an escaped process back that names the life it comes from, and no other', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'run.sh', marked('mine'))
    await room.start()
    const incarnation = processIncarnation(SPACE, root)
    const escaped = room.world.spawn({ comm: 'python' })
    room.identities.set(escaped.pid, marked('mine', { AGENT_EXPORTER_INCARNATION: incarnation }))
    const leftover = room.world.spawn({ comm: 'python' })
    room.identities.set(leftover.pid, marked('mine', { AGENT_EXPORTER_INCARNATION: 'boot:ns:1:1' }))
    await room.seconds(3)
    expect(room.ids()).toEqual(['mine'])
    expect(room.agents.get('mine')?.reading.processes).toBe(2)
  })

  it('gives one user at most 64 names an hour; known programs beyond it are found under their own ids', async () => {
    const room = createRoom()
    const shell = room.shell()
    for (let i = 0; i < 70; i++) room.run(shell, 'worker', marked(`agent-${i}`))
    room.run(shell, 'claude', marked('one-more'))
    await room.start()
    const ids = room.ids()
    expect(ids.filter((id) => id.startsWith('agent-')).length).toBe(64)
    expect(ids.filter((id) => id.startsWith('claude-')).length).toBe(1)
  })

  it('counts a name for the user whom a process has become before it took the name', async () => {
    const room = createRoom()
    await room.start()
    const shell = room.world.spawn({ comm: 'bash', uid: 0 })
    const workers = Array.from({ length: 70 }, (_, i) => room.run(shell, 'worker', marked(`agent-${i}`)))
    // Listed when it had been forked, looked at when it had called exec.
    await room.seconds(1)
    for (const worker of workers) worker.uid = 1_000
    await room.seconds(3)
    expect(room.ids()).toHaveLength(64)
    expect(new Set([...room.agents.list()].map(({ uid }) => uid))).toEqual(new Set([1_000]))
  })
})

describe('lives of agents', () => {
  it('takes the gauges away at the end, keeps the rest for the retention and replaces it at once', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'worker', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    room.world.burn(root, 7)
    await room.start()
    const first = room.agents.get('mine')!
    expect(first.reading).toMatchObject({ rssBytes: RSS, cpuUserSeconds: 7 })
    room.world.exit(root)
    await room.seconds(1)
    expect(first).toMatchObject({ state: 'exited', reading: { rssBytes: undefined, cpuUserSeconds: 7 } })
    await room.seconds(298)
    expect(room.agents.get('mine')).toBe(first)
    const again = room.run(room.shell(), 'bash', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    await room.seconds(3)
    const second = room.agents.get('mine')!
    expect(second).not.toBe(first)
    expect(second.incarnation).toBe(processIncarnation(SPACE, again))
    room.world.exit(again)
    await room.seconds(302)
    expect(room.agents.get('mine')).toBeUndefined()
  })

  it('ends with its program, also when the parent of that does not wait for it', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude')
    const child = room.run(root, 'bash')
    await room.start()
    const agent = [...room.agents.list()][0]!
    child.state = 'Z'
    await room.seconds(1)
    expect(agent).toMatchObject({ state: 'running', reading: { processes: 1 } })
    root.state = 'Z'
    await room.seconds(1)
    expect(agent).toMatchObject({ state: 'exited', reading: { processes: undefined } })
    room.world.exit(root)
    await room.seconds(1)
    expect([...room.agents.list()]).toEqual([agent])
  })

  it('tells the bus in order', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude')
    await room.start()
    room.world.exit(root)
    await room.seconds(1)
    expect(room.events.map((event) => event.name)).toEqual([
      'agent.discovered',
      'agent.started',
      'agent.exited',
    ])
  })

  it('says paused when all its processes are stopped, idle after a quiet minute, running when it works', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude')
    await room.start()
    const agent = [...room.agents.list()][0]!
    expect(agent.state).toBe('running')
    root.state = 'T'
    await room.seconds(1)
    expect(agent.state).toBe('paused')
    root.state = 'S'
    await room.seconds(61)
    expect(agent.state).toBe('idle')
    expect(agent.lastActivityAtMs).toBeUndefined()
    room.world.burn(root, 1)
    await room.seconds(1)
    expect(agent.state).toBe('running')
    expect(agent.lastActivityAtMs).toBe(room.clock.now())
  })

  it('reads PSS once a minute', async () => {
    const room = createRoom()
    room.run(room.run(room.shell(), 'claude'), 'rg')
    await room.start()
    const agent = [...room.agents.list()][0]!
    await room.seconds(61)
    expect(agent.reading.pssBytes).toBe(1_400)
  })

  it('keeps descriptors and bytes of the last full sample between scrapes', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude')
    room.world.write(root, 500)
    await room.start()
    const agent = [...room.agents.list()][0]!
    await room.seconds(2)
    expect(agent.reading).toMatchObject({ openFds: 3, ioWriteBytes: 500 })
  })
})

describe('containers', () => {
  const label = (id: string) => ({ labels: { 'agent-exporter.agent': id, 'agent-exporter.role': 'coder' } })

  it('makes labelled containers agents and others not', async () => {
    const room = createRoom()
    room.container('a', { ...label('boxed'), restarts: 2, memoryLimitBytes: 9_000, pid: 77 })
    room.container('b')
    room.container('c', { labels: { 'agent-exporter.sandbox': 'sand' }, pid: 78 })
    room.container('d', { labels: { 'agent-exporter.agent': 'not an id' } })
    await room.start()
    expect(room.ids()).toEqual(['boxed', 'sand'])
    expect(room.agents.get('boxed')).toMatchObject({
      runtime: 'container',
      origin: 'labelled',
      info: { role: 'coder', name: 'a' },
      reading: {
        rssBytes: 5_000,
        threads: 4,
        processes: 3,
        restarts: 2,
        memoryLimitBytes: 9_000,
        networkReceiveBytes: 11,
      },
    })
  })

  it('starts a new incarnation with a restart and ends with the container', async () => {
    const room = createRoom()
    const info = room.container('a', { ...label('boxed'), pid: 77 })
    await room.start()
    const first = room.agents.get('boxed')!
    room.containers.set(info.id, { ...info, startedAt: '2026-01-02T00:00:00.000000001Z' })
    await room.seconds(1)
    const second = room.agents.get('boxed')!
    expect(second.incarnation).not.toBe(first.incarnation)
    room.containers.set(info.id, { ...info, startedAt: second.incarnation.slice(65), state: 'paused' })
    await room.seconds(1)
    expect(second.state).toBe('paused')
    room.containers.delete(info.id)
    await room.seconds(1)
    expect(second.state).toBe('exited')
  })

  it('owns the processes inside it, also those that were found before the engine answered', async () => {
    const room = createRoom()
    const inside = room.run(room.shell(), 'claude')
    await room.start()
    expect(room.ids()).toEqual([idOf('claude', inside)])
    const info = room.container('a', { ...label('boxed'), pid: inside.pid })
    await room.seconds(1)
    expect(room.ids()).toEqual(['boxed'])
    const later = room.run(room.shell(), 'codex')
    room.into(later.pid, info)
    await room.seconds(2)
    expect(room.ids()).toEqual(['boxed'])
  })

  it('keeps counters when a read fails', async () => {
    const room = createRoom()
    const info = room.container('a', { ...label('boxed'), pid: 77 })
    await room.start()
    room.samples.delete(info.id)
    await room.seconds(1)
    expect(room.agents.get('boxed')?.reading.cpuUserSeconds).toBe(1)
  })
})

describe('a long life', () => {
  it('keeps nothing of ten thousand agents that came and went', async () => {
    const room = createRoom({ retentionMs: () => 0 })
    const shell = room.shell()
    await room.start()
    for (let round = 0; round < 100; round++) {
      const born = Array.from({ length: 100 }, () => room.run(shell, 'claude'))
      for (const root of born) room.run(root, 'rg')
      await room.seconds(1)
      await room.seconds(1)
      expect(room.ids().length).toBe(100)
      for (const p of [...room.world.processes.values()]) {
        if (p === shell) continue
        room.identities.delete(p.pid)
        room.world.exit(p)
      }
      await room.seconds(1)
    }
    await room.seconds(62)
    expect([...room.agents.list()]).toEqual([])
    expect(room.agents.size()).toEqual({ agents: 0, members: 0, processes: 1, waiting: 0, remembered: 0 })
    expect(room.world.reader.forgotten).toBe(20_000)
  }, 60_000)
})

describe('the store', () => {
  it('gives registered agents their names back after a restart, as far as they live', async () => {
    const first = createRoom()
    const root = first.run(first.shell(), 'claude')
    const row = (id: string, runtime: string, incarnation: string) => ({
      daemon_id: 'daemon',
      id,
      incarnation,
      runtime,
      role: 'coder',
      vendor: null,
      workspace: null,
      started_ms: 5,
      registered_ms: 5,
      uid: null,
    })
    const registered = [
      row('mine', 'process', processIncarnation(SPACE, root)),
      row('dead', 'process', 'boot:4026531836:4:4'),
      row('self', 'cooperative', 'registration:self:5'),
    ]
    const second = createRoom({}, { ...first, registered })
    await second.start()
    await second.seconds(2)
    expect(second.ids()).toEqual(['mine', 'self'])
    expect(second.agents.get('mine')).toMatchObject({
      origin: 'registered',
      info: { role: 'coder', vendor: 'claude' },
    })
  })

  it('lets counters go on where they were when the daemon restarts', async () => {
    const first = createRoom()
    const root = first.run(first.shell(), 'claude')
    const gone = first.run(first.world.fork(root), 'rg')
    first.world.burn(gone, 90)
    first.world.burn(root, 10)
    await first.start()
    // Its parent has ended before: nobody of the agent waits for it, so the kernel forgets what it used.
    first.world.exit(first.world.processes.get(gone.ppid)!)
    await first.seconds(1)
    first.world.exit(gone)
    await first.seconds(1)
    await first.stop()
    const reached = first.agents.get(idOf('claude', root))!.reading.cpuUserSeconds
    expect(reached).toBe(100)

    const second = createRoom({}, first)
    await second.start()
    const agent = second.agents.get(idOf('claude', root))!
    expect(agent.reading.cpuUserSeconds).toBe(100)
    second.world.burn(root, 5)
    await second.seconds(1)
    expect(agent.reading.cpuUserSeconds).toBe(105)
  })

  it('does not count CPU twice when the daemon restarts with a reader that cannot tell its modes apart', async () => {
    const first = createRoom()
    const root = first.run(first.shell(), 'claude')
    first.world.burn(root, 10)
    await first.start()
    await first.stop()

    const { reader } = first.world
    const { read } = reader
    Object.assign(reader, {
      kind: 'pidusage',
      read(...[key, depth, into]: Parameters<typeof read>) {
        const outcome = read(key, depth, into)
        const nothing = { userSeconds: undefined, systemSeconds: undefined, childUserSeconds: undefined }
        Object.assign(into, { cpuSeconds: into.userSeconds, ...nothing, childSystemSeconds: undefined })
        return outcome
      },
    })
    const second = createRoom({}, first)
    await second.start()
    expect(second.agents.get(idOf('claude', root))?.reading).toMatchObject({
      cpuUserSeconds: undefined,
      cpuSystemSeconds: undefined,
      cpuUnsplitSeconds: 10,
    })
  })

  it('is told the totals twice a minute and at the end', async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude')
    room.world.burn(root, 3)
    await room.start()
    await room.seconds(31)
    const before = room.checkpoints.length
    room.world.exit(root)
    await room.seconds(1)
    const last = room.checkpoints.at(-1)!
    expect(before).toBe(2)
    expect(last).toMatchObject({ runtime: 'process', ended_ms: room.clock.now() })
    expect(JSON.parse(last.counters)).toMatchObject({ cpuUserSeconds: 3 })
  })
})
