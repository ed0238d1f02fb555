import { describe, expect, it } from 'vitest'
import { cleanUp } from '../../../src/launch/cleanup.ts'
import { createSubtasks } from '../../../src/launch/subtasks.ts'
import { createOwnTree } from '../../../src/launch/tree.ts'
import type { ProcessEntry, ProcessIdentity } from '../../../src/platform/proc/process.ts'
import { fakeClock } from '../../support/fake-clock.ts'

interface Life {
  readonly argv?: readonly string[]
  readonly line?: string
  readonly marker?: string
  readonly comm?: string
  readonly session?: number
  readonly pgrp?: number
}

const ROOT: ProcessEntry = {
  pid: 100,
  startTime: 1_000,
  ppid: 50,
  pgrp: 100,
  session: 100,
  comm: 'sh',
  uid: 1,
}
const MARK = 'boot:1:100:1000'

/** Processes that come and go between two passes. */
function host() {
  const clock = fakeClock()
  const now = new Map<number, ProcessEntry & { life: Life }>()
  let known = new Map<number, ProcessEntry>()
  const table = {
    get: (pid: number) => known.get(pid),
    entries: () => known.values(),
    refresh() {
      const before = known
      known = new Map(now)
      return {
        appeared: [...known.values()].filter(({ pid }) => !before.has(pid)),
        renamed: [...known.values()].filter(({ pid, comm }) => (before.get(pid)?.comm ?? comm) !== comm),
        vanished: [...before.values()].filter(({ pid }) => !known.has(pid)),
      }
    },
  }
  const identify = ({ pid }: { pid: number }): ProcessIdentity | 'gone' => {
    const life = now.get(pid)?.life
    if (life === undefined) return 'gone'
    const environment: Record<string, string> = {}
    if (life.marker !== undefined) {
      environment['AGENT_EXPORTER_INCARNATION'] = life.marker
      environment['AGENT_EXPORTER_AGENT'] = 'me'
    }
    return { argv: life.argv ?? [], environment, cwd: undefined }
  }
  const start = (pid: number, ppid: number, life: Life = {}): void => {
    const { comm = 'x', session = 100, pgrp = session } = life
    now.set(pid, { pid, startTime: 900 + pid, ppid, pgrp, session, comm, uid: 1, life })
  }
  const tree = createOwnTree({ clock, table, root: ROOT, id: 'me', incarnation: MARK, identify })
  return {
    clock,
    tree,
    start,
    root(life: Life) {
      now.set(100, { ...ROOT, comm: life.comm ?? ROOT.comm, life })
    },
    end: (pid: number) => void now.delete(pid),
    isAlive: ({ pid }: { pid: number }) => now.has(pid),
    subtasks: () =>
      createSubtasks({
        tree,
        root: ROOT,
        commands: new Set(['claude', 'codex']),
        identify,
        commandLine: ({ pid }) => now.get(pid)?.life.line ?? '',
      }),
  }
}

describe('the tree of a launched command', () => {
  it('keeps who was seen under it after the command has ended', async () => {
    const h = host()
    h.root({})
    h.start(101, 100)
    await h.tree.pass()
    h.end(100)
    h.start(101, 1)
    await h.tree.passWithMarkers()
    expect(h.tree.rest().map(({ pid }) => pid)).toEqual([101])
  })

  it('finds by session what a command left that ended before the first look', async () => {
    const h = host()
    h.start(101, 1, { session: 100 })
    h.start(102, 1, { session: 60 })
    await h.tree.passWithMarkers()
    expect(h.tree.rest().map(({ pid }) => pid)).toEqual([101])
  })

  it('finds by marker who left the session, and nobody with another life’s marker', async () => {
    const h = host()
    h.start(101, 1, { session: 101, marker: MARK })
    h.start(102, 1, { session: 102, marker: 'boot:1:99:900' })
    h.start(103, 1, { session: 103 })
    await h.tree.passWithMarkers()
    expect(h.tree.rest().map(({ pid }) => pid)).toEqual([101])
  })

  it('spares daemons of the session and what runs in them', async () => {
    const h = host()
    h.start(101, 1, { session: 101, marker: MARK, comm: 'tmux: server' })
    h.start(102, 101, { session: 102, marker: MARK, comm: 'bash' })
    await h.tree.passWithMarkers()
    expect(h.tree.rest()).toEqual([])
  })
})

describe('subtasks', () => {
  const agent = (line: string): Life => ({ argv: ['claude'], comm: 'claude', line })

  it('are agent programs that the agent starts, each once', async () => {
    const h = host()
    h.root(agent('claude'))
    const subtasks = h.subtasks()
    expect(await subtasks.count()).toBe(0)
    h.start(101, 100, agent('claude -p a'))
    h.start(102, 100, { argv: ['sh'], comm: 'sh' })
    h.start(103, 102, { argv: ['codex'], comm: 'codex', line: 'codex exec' })
    expect(await subtasks.count()).toBe(2)
    expect(await subtasks.count()).toBe(0)
  })

  it('are not the workers that an agent forks, nor what a launcher starts in its own place', async () => {
    const h = host()
    h.root({ argv: ['npx', 'claude'], comm: 'npx', line: 'npx claude' })
    h.start(101, 100, { argv: ['node', 'claude'], comm: 'node', line: 'node claude' })
    h.start(102, 101, { argv: ['node', 'claude'], comm: 'node', line: 'node claude' })
    const subtasks = h.subtasks()
    expect(await subtasks.count()).toBe(0)
    expect(await subtasks.count()).toBe(0)
  })

  it('are seen although they were looked at between fork and exec', async () => {
    const h = host()
    h.root(agent('claude'))
    const subtasks = h.subtasks()
    h.start(101, 100, agent('claude'))
    expect(await subtasks.count()).toBe(0)
    h.start(101, 100, agent('claude -p b'))
    expect(await subtasks.count()).toBe(1)
  })
})

describe('ending what is left', () => {
  const ending = (h: ReturnType<typeof host>, kill: (pid: number, signal: NodeJS.Signals) => void) => ({
    tree: h.tree,
    session: 100,
    graceMs: 3_000,
    isHurried: () => false,
    isAlive: h.isAlive,
    kill(pid: number, signal: NodeJS.Signals | 0) {
      if (signal === 0) throw new Error('ESRCH')
      kill(pid, signal)
    },
    outrun: () => [],
    sleep: async (ms: number) => h.clock.advance(ms),
    monotonic: h.clock.monotonic,
  })

  it('asks once and is content when everybody leaves', async () => {
    const h = host()
    h.start(101, 1)
    const sent: string[] = []
    const result = await cleanUp(
      ending(h, (pid, signal) => {
        sent.push(`${pid} ${signal}`)
        h.end(pid)
      }),
    )
    expect(sent).toEqual(['101 SIGTERM'])
    expect(result).toEqual({ found: 1, left: 0 })
  })

  it('kills after the grace, whole groups of the own session first', async () => {
    const h = host()
    h.start(101, 1, { session: 100, pgrp: 101 })
    const sent: string[] = []
    await cleanUp(
      ending(h, (pid, signal) => {
        sent.push(`${pid} ${signal}`)
        if (signal === 'SIGKILL' && pid === 101) h.end(101)
      }),
    )
    expect(sent).toEqual(['101 SIGTERM', '-101 SIGKILL', '101 SIGKILL'])
    expect(h.clock.monotonic()).toBeGreaterThanOrEqual(3_000)
  })

  it('goes on until nobody outruns it any more', async () => {
    const h = host()
    const caught = [[{ pid: 300, startTime: 9 }], [{ pid: 301, startTime: 9 }], []]
    const result = await cleanUp({ ...ending(h, () => {}), outrun: () => caught.shift() ?? [] })
    expect(result).toEqual({ found: 2, left: 0 })
    expect(caught).toEqual([])
  })

  it('never signals a group outside the own session', async () => {
    const h = host()
    h.start(101, 1, { session: 60, pgrp: 60, marker: MARK })
    const sent: number[] = []
    await cleanUp({ ...ending(h, (pid) => sent.push(pid)), graceMs: 0 })
    expect(sent.every((pid) => pid === 101)).toBe(true)
  })

  it('says what could not be ended', async () => {
    const h = host()
    h.start(101, 1)
    expect(await cleanUp(ending(h, () => {}))).toEqual({ found: 1, left: 1 })
  })

  it('does not wait for the grace when somebody is in a hurry', async () => {
    const h = host()
    h.start(101, 1)
    const sent: string[] = []
    const kill = (pid: number, signal: NodeJS.Signals): void => {
      sent.push(signal)
      h.end(pid)
    }
    await cleanUp({ ...ending(h, kill), isHurried: () => true })
    expect(sent).toContain('SIGKILL')
    expect(sent).not.toContain('SIGTERM')
  })
})
