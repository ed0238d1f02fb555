import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import { type Agents, createAgents } from '../../../src/agents/service.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import {
  readBootId,
  readBootTime,
  readKernelFacts,
  readPidNamespace,
} from '../../../src/platform/proc/kernel-facts.ts'
import { createProcReader } from '../../../src/platform/proc/proc-reader.ts'
import { createProcessTable } from '../../../src/platform/proc/process-table.ts'
import { createSlowLane } from '../../../src/platform/proc/slow-lane.ts'
import { createProcessRuntime } from '../../../src/runtimes/process.ts'
import { eventually } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startTree } from '../../support/hostile-trees.ts'
import { startAgent } from '../../support/processes.ts'
import { fakeStore } from '../../unit/agents/room.ts'

const INTERVAL_MS = 200
/** The product's second is for who can wait for the next minute; these tests cannot. */
const WATCHDOG_MS = 20_000
/** For a look that a busy machine takes its time for. */
const FRESHEN_MS = 60_000

let agents: Agents
let close: () => Promise<void>
const started: ChildProcess[] = []
const disposables: AsyncDisposable[] = []

beforeEach(async () => {
  const { clockTicks } = readKernelFacts()
  const reader = createProcReader()
  const slow = createSlowLane({ watchdogMs: WATCHDOG_MS })
  agents = createAgents({
    clock: systemClock,
    bus: createBus<AgentEvents>((error) => {
      throw error
    }),
    log: silentLog,
    table: createProcessTable(),
    reader,
    slow,
    space: { bootId: readBootId()!, pidNamespace: String(readPidNamespace('self')) },
    startedAtMs: (startTime) => (readBootTime()! + startTime / clockTicks) * 1_000,
    store: fakeStore().store,
    options: {
      intervalMs: INTERVAL_MS,
      retentionMs: () => 60_000,
      commands: () => new Set(['claude', 'codex']),
      discoverProcesses: () => true,
      discoverContainers: () => false,
      perAgentMetrics: () => 'full',
      exposePaths: () => false,
      ownUid: process.getuid!(),
    },
  })
  await agents.feature.start!()
  close = async () => {
    await agents.feature.stop!()
    await slow.close()
    reader.close()
  }
})

afterEach(async () => {
  for (const { pid } of started.splice(0)) {
    try {
      process.kill(-pid!, 'SIGKILL')
    } catch {
      // Ended already.
    }
  }
  for (const one of disposables.splice(0)) await one[Symbol.asyncDispose]()
  await close()
})

const startTimeOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' ')[19]

/** The live agent whose root is this process. */
const agentOf = (pid: number): Agent | undefined =>
  [...agents.list()].find(
    (agent) => agent.endedAtMs === undefined && agent.incarnation.split(':')[2] === String(pid),
  )

const found = (pid: number) => eventually(`process ${pid} is an agent`, async () => agentOf(pid))

function folder(): string {
  const made = temporaryFolder()
  disposables.push({ [Symbol.asyncDispose]: async () => made[Symbol.dispose]() })
  return made.path
}

function program(name: string): string {
  const path = join(folder(), name)
  copyFileSync('/bin/sleep', path)
  return path
}

function run(file: string, args: readonly string[], options: object = {}): ChildProcess {
  // A group of its own, so that its children can be ended with it.
  const child = spawn(file, args, { stdio: 'ignore', detached: true, ...options })
  started.push(child)
  return child
}

describe('agents among the processes of this host', () => {
  it('finds an idle one and says when it started and when it ended', async () => {
    const before = Date.now()
    const child = run(program('claude'), ['300'])
    const after = Date.now()
    const agent = await found(child.pid!)
    expect(agent.incarnation.split(':')[3]).toBe(startTimeOf(child.pid!))
    // The kernel tells when it booted in whole seconds.
    expect(agent.startedAtMs).toBeGreaterThan(before - 2_000)
    expect(agent.startedAtMs).toBeLessThan(after + 2_000)
    await agents.freshen(AbortSignal.timeout(FRESHEN_MS))
    expect(agent.reading).toMatchObject({ processes: 1, threads: 1 })
    child.kill('SIGKILL')
    await eventually('it has ended', async () => agent.endedAtMs)
    expect(agent.state).toBe('exited')
  })

  it('takes a deep tree with an orphan of a session of its own for one agent', async () => {
    const tree = await startAgent('tree')
    disposables.push(tree)
    const agent = await found(tree.pid)
    // forker has ended after 3 s; root, four links and the orphan are left.
    const members = await eventually('the orphan is left', async () => {
      const pids = [...(agents.tree(agent)?.members.keys() ?? [])]
      return pids.length === 6 && !pids.includes(tree.pids['forker']!) ? pids : undefined
    })
    const { forker: _, ...living } = tree.pids
    expect([...members].sort()).toEqual(Object.values(living).sort())
  })

  it('takes a wrapper script and the program it starts for one, until both have ended', async () => {
    const inner = program('claude')
    const script = join(folder(), 'claude')
    writeFileSync(script, `"${inner}" 300\n:\n`)
    const wrapper = run('/bin/sh', [script])
    const agent = await found(wrapper.pid!)
    const child = await eventually('both belong to it', async () => {
      const pids = [...agents.tree(agent)!.members.keys()]
      return pids.length === 2 ? pids[1] : undefined
    })
    expect(agentOf(child)).toBeUndefined()
    // Long enough for the child to be looked at.
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    wrapper.kill('SIGKILL')
    await eventually('the wrapper is gone', async () => agents.tree(agent)?.members.size === 1 || undefined)
    expect(agent.endedAtMs).toBeUndefined()
    process.kill(child, 'SIGKILL')
    await eventually('it has ended', async () => agent.endedAtMs)
  })

  it('sees through programs that start others', async () => {
    const outer = run('/usr/bin/env', ['nice', '-n', '1', program('codex'), '300'])
    expect((await found(outer.pid!)).info.vendor).toBe('codex')
  })

  it('keeps two agents of one session apart', async () => {
    const path = program('claude')
    const shell = run('/bin/sh', ['-c', `"${path}" 300 & "${path}" 300 & wait`])
    const children = await eventually('both are started', async () => {
      const pids = readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'latin1')
        .trim()
        .split(' ')
        .map(Number)
      return pids.length === 2 ? pids : undefined
    })
    for (const pid of children) expect((await found(pid)).reading.processes ?? 1).toBe(1)
    for (const pid of children) process.kill(pid, 'SIGKILL')
  })

  it('follows the name in the environment, and a child that names somebody else', async () => {
    const sleep = program('worker')
    const env = { ...process.env, AGENT_EXPORTER_AGENT: `outer-${process.pid}`, AGENT_EXPORTER_ROLE: 'coder' }
    run(
      '/bin/sh',
      ['-c', `AGENT_EXPORTER_AGENT=inner-${process.pid} "${sleep}" 300 & "${sleep}" 300 & wait`],
      { env },
    )
    await eventually('both are found', async () => {
      const [outer, inner] = [agents.get(`outer-${process.pid}`), agents.get(`inner-${process.pid}`)]
      return outer?.reading.processes === 2 && inner?.reading.processes === 1 ? true : undefined
    })
    expect(agents.get(`outer-${process.pid}`)?.info.role).toBe('coder')
    expect(agents.get(`outer-${process.pid}`)?.conflict).toBe(false)
  })

  it('counts CPU and bytes of commands that were too short to be seen', async () => {
    const place = folder()
    const script = join(place, 'claude')
    copyFileSync('/bin/sh', script)
    const burn = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'
    const write = `dd if=/dev/zero of="${place}/data" bs=1024 count=1024 conv=fsync 2>/dev/null`
    const child = run(script, [
      '-c',
      `sleep 1; for n in 1 2 3 4 5 6 7 8 9 10; do (${burn}); ${write}; done; exec sleep 300`,
    ])
    const agent = await found(child.pid!)
    await eventually('the work is done', async () =>
      readFileSync(`/proc/${child.pid}/comm`, 'latin1').startsWith('sleep') ? true : undefined,
    )
    await agents.freshen(AbortSignal.timeout(FRESHEN_MS))
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
      .replace(/.*\) /s, '')
      .split(' ')
      .map(Number)
    const { clockTicks } = readKernelFacts()
    expect(agent.reading.cpuUserSeconds).toBeCloseTo((stat[11]! + stat[13]!) / clockTicks, 5)
    const io = Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${child.pid}/io`, 'latin1'))![1])
    expect(io).toBeGreaterThan(10 * 1_024 * 1_000)
    expect(agent.reading.ioWriteBytes).toBe(io)
  })

  it('can be ended as a whole although its root ends first', async () => {
    await using tree = await startTree('halfDeaf', { argv0: 'claude' })
    const agent = await found(tree.pid)
    const driver = createProcessRuntime({ clock: systemClock })
    const target = {
      agent: agent.id,
      incarnation: agent.incarnation,
      runtime: agent.runtime,
      snapshot: () => agents.snapshot(agent),
      stopped: [],
      stoppedByOthers: [],
    }
    const deadlineMs = systemClock.monotonic() + 20_000
    const ended = await driver.terminate(target, { deadlineMs, graceMs: 1_000, mayGoOn: () => true })
    expect(ended).toMatchObject({ outcome: 'done', rung: 'sigkill' })
    expect(tree.living()).toEqual([])
    expect(agent.state).toBe('exited')
    expect(await driver.observe(target)).toBe('gone')
  })
})
