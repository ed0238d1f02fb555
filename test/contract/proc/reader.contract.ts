import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createProcessSample,
  type ProcessKey,
  type ProcessReader,
  type ReadDepth,
  type ReadOutcome,
} from '../../../src/platform/proc/process.ts'
import {
  type RealProcess,
  startProcess,
  type Truth,
  truthOf,
  zombieOf,
} from '../../support/real-processes.ts'

const MIB = 1024 * 1024
const TICKS_PER_SECOND = 100
/** Two reads are never of the same moment: a burning process gains, and page counters lag by a batch per CPU. */
const CPU_TOLERANCE_SECONDS = 0.5
const MEMORY_TOLERANCE_BYTES = 2 * MIB

/** What every reader must do: report what `/proc` says within the tolerance, or leave it out. Never make it up. */
export function readerContract(kind: ProcessReader['kind'], create: () => ProcessReader): void {
  const processes = {} as Record<
    'idle' | 'burning' | 'resident300' | 'threads20' | 'zombieParent',
    RealProcess
  >
  const sample = createProcessSample()
  let reader: ProcessReader

  async function read(key: ProcessKey, depth: ReadDepth = 'full'): Promise<ReadOutcome> {
    await reader.prepare?.([key])
    return reader.read(key, depth, sample)
  }

  const keyOf = (pid: number) => ({ pid, startTime: truthOf(pid).startTime })

  function expectNear(value: number | undefined, truth: number | undefined, tolerance: number): void {
    if (value === undefined) return
    expect(truth).toBeDefined()
    expect(Math.abs(value - truth!)).toBeLessThanOrEqual(tolerance)
  }

  function expectTrueOrAbsent(truth: Truth): void {
    expectNear(sample.cpuSeconds, truth.cpuTicks / TICKS_PER_SECOND, CPU_TOLERANCE_SECONDS)
    expectNear(sample.rssBytes, truth.rssBytes, MEMORY_TOLERANCE_BYTES)
    expectNear(sample.rssPeakBytes, truth.peakBytes, MEMORY_TOLERANCE_BYTES)
    expectNear(sample.swapBytes, truth.swapBytes, MEMORY_TOLERANCE_BYTES)
    expectNear(sample.threads, truth.threads, 0)
    expectNear(sample.openFds, truth.fds, 0)
    expectNear(sample.ioReadBytes, truth.readBytes, MIB)
    expectNear(sample.ioWriteBytes, truth.writeBytes, MIB)
  }

  describe(`${kind} reader`, () => {
    beforeAll(async () => {
      for (const shape of ['idle', 'burning', 'resident300', 'threads20', 'zombieParent'] as const) {
        processes[shape] = await startProcess(shape)
      }
    })
    afterAll(async () => {
      for (const started of Object.values(processes)) await started.end()
    })
    beforeEach(() => {
      reader = create()
    })
    afterEach(() => reader.close())

    it.each(['idle', 'burning', 'resident300', 'threads20'] as const)(
      'agrees with /proc about %s',
      async (shape) => {
        const { pid } = processes[shape]
        expect(await read(keyOf(pid))).toBe('ok')
        const truth = truthOf(pid)
        expectTrueOrAbsent(truth)
        expect(sample.ppid).toBe(truth.ppid)
        expect(sample.cpuSeconds).toBeDefined()
        expect(sample.rssBytes).toBeGreaterThan(0)
      },
    )

    it('sees 300 MB and a burning CPU', async () => {
      await read(keyOf(processes.resident300.pid))
      expect(sample.rssBytes).toBeGreaterThan(300 * MIB)
      const key = keyOf(processes.burning.pid)
      await read(key)
      const before = sample.cpuSeconds!
      await delay(1_500)
      await read(key)
      expect(sample.cpuSeconds! - before).toBeGreaterThan(0.3)
    })

    it('invents no memory for a zombie', async () => {
      const zombie = await zombieOf(processes.zombieParent.pid)
      const outcome = await read(keyOf(zombie))
      expect(outcome).toBe('ok')
      expect([undefined, 0]).toContain(sample.rssBytes)
      expect(sample.openFds).toBeUndefined()
    })

    it('says gone after the end, and for another start time', async () => {
      const shortLived = await startProcess('idle')
      const key = keyOf(shortLived.pid)
      expect(await read(key)).toBe('ok')
      await shortLived.end()
      expect(await read(key)).toBe('gone')
      expect(sample.rssBytes).toBeUndefined()
      const { pid, startTime } = keyOf(processes.idle.pid)
      expect(await read({ pid, startTime: startTime - 10_000 })).toBe('gone')
    })

    it('leaves nothing open after forget and close', async () => {
      const { openFds } = await ownDescriptors()
      for (const started of Object.values(processes)) {
        const key = keyOf(started.pid)
        await read(key)
        reader.forget(key)
      }
      reader.close()
      // pidusage closes what it no longer needs by a timer of its own.
      await expect
        .poll(async () => (await ownDescriptors()).openFds, { timeout: 20_000 })
        .toBeLessThanOrEqual(openFds)
    }, 30_000)
  })
}

async function ownDescriptors(): Promise<{ openFds: number }> {
  return { openFds: truthOf(process.pid).fds }
}
