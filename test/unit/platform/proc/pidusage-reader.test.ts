import { describe, expect, it } from 'vitest'
import { createPidusageReader, type PidusageStat } from '../../../../src/platform/proc/pidusage-reader.ts'
import { createProcessSample } from '../../../../src/platform/proc/process.ts'

const sample = createProcessSample()
const stat = (elapsedMs: number): PidusageStat => ({
  memory: 5000,
  ppid: 1,
  ctime: 2500,
  elapsed: elapsedMs,
  timestamp: 1_800_000_000_000,
})

function reader(answers: Record<number, PidusageStat | null>, options: object = {}) {
  const asked: number[][] = []
  const created = createPidusageReader({
    origin: 'boot',
    ticksPerSecond: 100,
    uptime: () => 1000,
    exists: () => true,
    pidusage: async (pids) => {
      asked.push([...pids])
      return answers
    },
    ...options,
  })
  return { created, asked }
}

describe('pidusage reader', () => {
  it('reports CPU as one number and memory, and leaves the rest out', async () => {
    const { created } = reader({ 42: stat(900_000) })
    const key = { pid: 42, startTime: 10_000 }
    await created.prepare?.([key])
    expect(created.read(key, 'full', sample)).toBe('ok')
    expect(sample).toMatchObject({ cpuSeconds: 2.5, rssBytes: 5000, ppid: 1 })
    expect(sample.userSeconds).toBeUndefined()
    expect(sample.threads).toBeUndefined()
  })

  it('calls a recycled number gone', async () => {
    const { created } = reader({ 42: stat(1_000) })
    const key = { pid: 42, startTime: 10_000 }
    await created.prepare?.([key])
    expect(created.read(key, 'core', sample)).toBe('gone')
    expect(sample.rssBytes).toBeUndefined()
  })

  it('compares with the epoch where there are no ticks', async () => {
    const { created } = reader({ 42: stat(60_000) }, { origin: 'epoch' })
    const key = { pid: 42, startTime: (1_800_000_000 - 60) * 100 + 90 }
    await created.prepare?.([key])
    expect(created.read(key, 'core', sample)).toBe('ok')
  })

  it('leaves a living process it cannot read alone for a while', async () => {
    let now = 0
    const { created, asked } = reader({ 42: null }, { monotonic: () => now })
    const key = { pid: 42, startTime: 10_000 }
    for (now = 0; now <= 10_000; now += 1_000) {
      await created.prepare?.([key])
      expect(created.read(key, 'core', sample)).toBe('unreadable')
    }
    expect(asked).toEqual([[42], [42]])
  })

  it('knows nothing of what was not prepared, and nothing when pidusage fails', async () => {
    const { created } = reader(
      {},
      { pidusage: () => Promise.reject(new Error('no ps')), exists: () => false },
    )
    const key = { pid: 42, startTime: 1 }
    expect(created.read(key, 'core', sample)).toBe('unreadable')
    await created.prepare?.([key])
    expect(created.read(key, 'core', sample)).toBe('gone')
  })
})
