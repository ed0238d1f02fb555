import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createProcessSample,
  type ProcessKey,
  type ProcessReader,
  type ReadDepth,
  type ReadOutcome,
} from '../../../src/platform/proc/process.ts'
import { eventually } from '../../support/child.ts'
import {
  type RealProcess,
  startProcess,
  type Truth,
  truthOf,
  zombieOf,
} from '../../support/real-processes.ts'

const MIB = 1024 * 1024
const TICKS_PER_SECOND = 100
/** Of what lies between two reads of the plainest kind: page counters lag by a batch per CPU. */
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

  /** Any time may pass between two reads: what is read between them lies between them. */
  function expectBetween(
    value: number | undefined,
    [before, after]: readonly [Truth, Truth],
    truth: (of: Truth) => number | undefined,
    tolerance: number,
  ): void {
    if (value === undefined) return
    const [one, other] = [truth(before), truth(after)]
    expect(one).toBeDefined()
    expect(other).toBeDefined()
    expect(value).toBeGreaterThanOrEqual(Math.min(one!, other!) - tolerance)
    expect(value).toBeLessThanOrEqual(Math.max(one!, other!) + tolerance)
  }

  function expectTrueOrAbsent(truths: readonly [Truth, Truth]): void {
    expectBetween(
      sample.cpuSeconds,
      truths,
      ({ cpuTicks }) => cpuTicks / TICKS_PER_SECOND,
      CPU_TOLERANCE_SECONDS,
    )
    expectBetween(sample.rssBytes, truths, ({ rssBytes }) => rssBytes, MEMORY_TOLERANCE_BYTES)
    expectBetween(sample.rssPeakBytes, truths, ({ peakBytes }) => peakBytes, MEMORY_TOLERANCE_BYTES)
    expectBetween(sample.swapBytes, truths, ({ swapBytes }) => swapBytes, MEMORY_TOLERANCE_BYTES)
    expectBetween(sample.threads, truths, ({ threads }) => threads, 0)
    expectBetween(sample.openFds, truths, ({ fds }) => fds, 0)
    expectBetween(sample.ioReadBytes, truths, ({ readBytes }) => readBytes, MIB)
    expectBetween(sample.ioWriteBytes, truths, ({ writeBytes }) => writeBytes, MIB)
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
        const before = truthOf(pid)
        expect(await read(keyOf(pid))).toBe('ok')
        const after = truthOf(pid)
        expectTrueOrAbsent([before, after])
        expect(sample.ppid).toBe(after.ppid)
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
      await eventually('it has burnt more', async () => {
        await read(key)
        return sample.cpuSeconds! - before > 0.3 || undefined
      })
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
        .poll(async () => (await ownDescriptors()).openFds, { timeout: 60_000 })
        .toBeLessThanOrEqual(openFds)
    })
  })
}

async function ownDescriptors(): Promise<{ openFds: number }> {
  return { openFds: truthOf(process.pid).fds }
}
