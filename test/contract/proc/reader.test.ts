import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { createPidusageReader } from '../../../src/platform/proc/pidusage-reader.ts'
import { listByPs } from '../../../src/platform/proc/portable-table.ts'
import { createProcReader } from '../../../src/platform/proc/proc-reader.ts'
import { createProcessSample } from '../../../src/platform/proc/process.ts'
import { createProcessTable } from '../../../src/platform/proc/process-table.ts'
import { eventually } from '../../support/child.ts'
import {
  type RealProcess,
  type Shape,
  startProcess,
  truthOf,
  zombieOf,
} from '../../support/real-processes.ts'
import { readerContract } from './reader.contract.ts'

readerContract('proc', createProcReader)
readerContract('pidusage', createPidusageReader)

const started: RealProcess[] = []
async function start(shape: Shape): Promise<RealProcess> {
  const one = await startProcess(shape)
  started.push(one)
  return one
}
afterEach(async () => {
  for (const one of started.splice(0)) await one.end()
})

describe('proc reader, beyond the contract', () => {
  const sample = createProcessSample()

  it('reads every number of the full set', async () => {
    const reader = createProcReader()
    const threads = await start('threads20')
    const { pid } = threads
    expect(reader.read({ pid, startTime: truthOf(pid).startTime }, 'full', sample)).toBe('ok')
    const absent = Object.entries(sample).filter(([, value]) => value === undefined)
    expect(absent.map(([name]) => name)).toEqual(['exitStatus'])
    expect(sample.threads).toBeGreaterThanOrEqual(20)
    // Every version of Node.js names its main thread in its own way.
    expect(sample.comm).toBe(readFileSync(`/proc/${pid}/comm`, 'latin1').trim())
    reader.close()
  })

  it('sees memory grow at once, although an idle process is not asked for everything each time', async () => {
    const reader = createProcReader()
    const code =
      "process.on('SIGUSR2', () => { globalThis.b = Buffer.alloc(1e8, 1); console.log('grown') }); setInterval(() => {}, 1e6); console.log('ready')"
    const child = spawn(process.execPath, ['-e', code])
    await once(child.stdout, 'data')
    const key = { pid: child.pid!, startTime: truthOf(child.pid!).startTime }
    for (let i = 0; i < 5; i++) expect(reader.read(key, 'core', sample)).toBe('ok')
    const before = sample.rssBytes!
    child.kill('SIGUSR2')
    await once(child.stdout, 'data')
    expect(reader.read(key, 'core', sample)).toBe('ok')
    expect(sample.rssBytes! - before).toBeGreaterThan(9e7)
    reader.close()
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it('tells how a zombie ended', async () => {
    const reader = createProcReader()
    const parent = await start('zombieParent')
    const zombie = await zombieOf(parent.pid)
    const key = { pid: zombie, startTime: truthOf(zombie).startTime }
    expect(reader.read(key, 'full', sample)).toBe('ok')
    expect(sample.state).toBe('Z')
    expect(sample.exitStatus).toBe(7 << 8)
    expect(sample.rssBytes).toBeUndefined()
    reader.close()
  })

  it('counts the CPU of children that were waited for', async () => {
    const reader = createProcReader()
    const child = spawn('sh', [
      '-c',
      'i=0; sh -c "j=0; while [ \\$j -lt 200000 ]; do j=\\$((j+1)); done"; echo ready; exec sleep 60',
    ])
    await once(child.stdout, 'data')
    const key = { pid: child.pid!, startTime: truthOf(child.pid!).startTime }
    expect(reader.read(key, 'core', sample)).toBe('ok')
    expect((sample.childUserSeconds ?? 0) + (sample.childSystemSeconds ?? 0)).toBeGreaterThan(0.05)
    reader.close()
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it('goes on when this process has run out of descriptors for others', async () => {
    const reader = createProcReader({ descriptorBudget: 4 })
    const several = [await start('idle'), await start('idle'), await start('idle')]
    for (let round = 0; round < 3; round++) {
      for (const { pid } of several) {
        expect(reader.read({ pid, startTime: truthOf(pid).startTime }, 'full', sample)).toBe('ok')
        expect(sample.ioReadBytes).toBeDefined()
      }
    }
    expect(reader.descriptors().open).toBeLessThanOrEqual(4)
    reader.close()
  })
})

describe('process tables on this host', () => {
  it('sees a real fork, exec and exit', async () => {
    const table = createProcessTable()
    table.refresh()
    // It waits to be told.
    const child = spawn('sh', ['-c', 'read -r line; exec sleep 60'])
    const first = await table.refresh()
    expect(first.appeared.map((entry) => entry.pid)).toContain(child.pid)
    child.stdin.write('\n')
    await eventually('it is another program', () => {
      return readFileSync(`/proc/${child.pid}/comm`, 'latin1') === 'sleep\n' || undefined
    })
    const second = await table.refresh()
    expect(second.renamed).toContainEqual(expect.objectContaining({ pid: child.pid, comm: 'sleep' }))
    expect(table.get(child.pid!)).toMatchObject({ ppid: process.pid, uid: process.getuid?.() })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const third = await table.refresh()
    expect(third.vanished).toContainEqual(expect.objectContaining({ pid: child.pid }))
  })

  it('the portable listing shows the same parent, user and name', async () => {
    const started = await start('idle')
    const table = createProcessTable()
    table.refresh()
    const truth = table.get(started.pid)!
    const found = (await listByPs()).find((entry) => entry.pid === started.pid)
    expect(found).toMatchObject({ ppid: truth.ppid, pgrp: truth.pgrp, uid: truth.uid, comm: 'sleep' })
    expect(Math.abs(found!.startTime / 100 - Date.now() / 1000)).toBeLessThan(30)
  })
})
