import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createProcessTable } from '../../../src/platform/proc/process-table.ts'
import { createSlowLane, type WatchedSlowLane } from '../../../src/platform/proc/slow-lane.ts'
import { procTree } from '../../support/proc-tree.ts'

/** Longer than a busy machine keeps a reader from reading. */
const WATCHDOG_MS = 2_000

const undo: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

function lane(options: Parameters<typeof createSlowLane>[0]): WatchedSlowLane {
  const created = createSlowLane(options)
  undo.push(() => created.close())
  return created
}

/** A tree whose processes in `pipes` have a command line nobody ever writes: opening it blocks for ever. */
function treeWithPipes(pipes: readonly number[], others: readonly number[]) {
  const tree = procTree()
  undo.push(() => tree.dispose())
  for (const pid of [...pipes, ...others]) {
    tree.put(pid)
    tree.write(`${pid}/environ`, 'AGENT_EXPORTER_AGENT=a\0SECRET=x\0')
    if (others.includes(pid)) tree.write(`${pid}/cmdline`, 'claude\0-p\0prompt\0')
    else execFileSync('/usr/bin/mkfifo', [join(tree.root, `${pid}/cmdline`)])
  }
  const release = (pid: number) => {
    closeSync(openSync(join(tree.root, `${pid}/cmdline`), constants.O_WRONLY | constants.O_NONBLOCK))
  }
  const mend = (pid: number) => {
    rmSync(join(tree.root, `${pid}/cmdline`))
    tree.write(`${pid}/cmdline`, 'codex\0')
  }
  return { root: tree.root, release, mend }
}

const key = (pid: number) => ({ pid, startTime: 1000 })

describe('slow lane', () => {
  it('reads what identifies a real process', async () => {
    const code = "console.log('ready'); setTimeout(() => {}, 60000)"
    const child = spawn(process.execPath, ['-e', code, 'secret'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: '/tmp',
      env: { AGENT_EXPORTER_AGENT: 'builder', OPENAI_API_KEY: 'sk' },
    })
    undo.push(() => void child.kill('SIGKILL'))
    await once(child.stdout!, 'data')
    const table = createProcessTable()
    table.refresh()
    const slow = lane({})
    const identity = await slow.identify(table.get(child.pid!)!)
    expect(identity).toEqual({
      argv: ['node'],
      environment: { AGENT_EXPORTER_AGENT: 'builder' },
      cwd: '/tmp',
    })
    const pss = await slow.pss(table.get(child.pid!)!)
    expect(pss).toBeGreaterThan(1024 * 1024)
    expect(await slow.identify({ pid: child.pid!, startTime: 1 })).toBe('gone')
    expect(await slow.identify({ pid: 4_190_000, startTime: 1 })).toBe('gone')
  })

  it('gives a hanging process up, counts it, and goes on with the others', async () => {
    const { root, release } = treeWithPipes([10], [11])
    const slow = lane({ root, watchdogMs: WATCHDOG_MS })
    const stuck = slow.identify(key(10))
    const after = slow.identify(key(11))
    expect(await stuck).toBe('hung')
    expect(await after).toMatchObject({ argv: ['claude'] })
    // It is not asked again at once.
    expect(await slow.identify(key(10))).toBe('hung')
    expect(slow.use()).toEqual({ hungReads: 1, stuckWorkers: 1, waiting: 0 })
    release(10)
    await expect.poll(() => slow.use().stuckWorkers).toBe(0)
  })

  it('asks a process again as soon as the read that hung has come back', async () => {
    const { root, release, mend } = treeWithPipes([10], [])
    const slow = lane({ root, watchdogMs: WATCHDOG_MS })
    expect(await slow.identify(key(10))).toBe('hung')
    release(10)
    await expect.poll(() => slow.use().stuckWorkers).toBe(0)
    mend(10)
    expect(await slow.identify(key(10))).toMatchObject({ argv: ['codex'] })
  })

  it('loses a bounded number of workers and recovers when the kernel lets them go', async () => {
    const pipes = [20, 21, 22, 23, 24, 25]
    const { root, release } = treeWithPipes(pipes, [30])
    const slow = lane({ root, watchdogMs: WATCHDOG_MS })
    const answers = await Promise.all(pipes.map((pid) => slow.identify(key(pid))))
    expect(answers).toEqual(pipes.map(() => 'hung'))
    expect(slow.use().stuckWorkers).toBe(4)
    expect(await slow.identify(key(30))).toBe('hung')
    for (const pid of pipes.slice(0, 4)) release(pid)
    await expect.poll(() => slow.use().stuckWorkers).toBe(0)
    expect(await slow.identify(key(30))).toMatchObject({ argv: ['claude'] })
  })

  it('reads PSS once a minute and within its budget', async () => {
    const tree = procTree()
    undo.push(() => tree.dispose())
    let now = 1_000_000
    const rollup = (kb: number) =>
      `00400000-7fff0000 ---p 0 00:00 0 [rollup]\nRss: 9 kB\nPss:   ${kb} kB\nPss_Anon: 1 kB\n`
    tree.put(42)
    tree.write('42/smaps_rollup', rollup(300))
    const clock = {
      now: () => now,
      monotonic: () => now,
      sinceBoot: () => now,
      setTimer: () => ({ cancel: () => {} }),
    }
    const slow = lane({ root: tree.root, clock })
    expect(await slow.pss(key(42))).toBe(300 * 1024)
    tree.write('42/smaps_rollup', rollup(400))
    expect(await slow.pss(key(42))).toBe(300 * 1024)
    now += 60_000
    expect(await slow.pss(key(42))).toBe(400 * 1024)
    const spent = lane({ root: tree.root, clock, pssBudgetMs: 0 })
    expect(await spent.pss(key(42))).toBeUndefined()
  })
})
