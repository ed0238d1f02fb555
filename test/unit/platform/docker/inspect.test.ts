import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptySample } from '../../../../src/platform/cgroup/sample.ts'
import { readEvent } from '../../../../src/platform/docker/event.ts'
import { ownLabels, readInspected, readListed } from '../../../../src/platform/docker/inspect.ts'
import { createStatsFallback, readStats } from '../../../../src/platform/docker/stats-fallback.ts'

describe('inspect', () => {
  const raw = {
    Id: 'a1',
    Name: '/box',
    Image: 'sha256:1',
    RestartCount: 3,
    State: {
      Status: 'running',
      Pid: 42,
      StartedAt: '2026-01-01T00:00:00Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    },
    Config: { Image: 'box:1', Labels: { a: 'b' } },
    HostConfig: { Memory: 0, NanoCpus: 0, CpuQuota: 50_000, CpuPeriod: 0, PidsLimit: -1 },
  }

  it('takes the engine’s zeros for no limit and a quota for cores', () => {
    expect(readInspected(raw, 'local')).toMatchObject({
      name: 'box',
      image: 'box:1',
      pid: 42,
      restarts: 3,
      memoryLimitBytes: undefined,
      cpuLimitCores: 0.5,
      pidsLimit: undefined,
      exitCode: undefined,
      finishedAt: undefined,
    })
  })

  it('has no pid from another machine and an exit code only after the end', () => {
    expect(readInspected(raw, 'remote')?.pid).toBeUndefined()
    const ended = {
      ...raw,
      State: { Status: 'exited', Pid: 0, ExitCode: 0, FinishedAt: '2026-01-01T01:00:00Z' },
    }
    expect(readInspected(ended, 'local')).toMatchObject({
      pid: undefined,
      exitCode: 0,
      finishedAt: '2026-01-01T01:00:00Z',
    })
  })

  it('survives any answer', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        readInspected(anything, 'local')
        readListed(anything)
        readEvent(anything)
        readStats(anything, emptySample())
        readInspected({ Id: 'x', State: anything, Config: anything, HostConfig: anything }, 'local')
        readListed({ Id: 'x', Names: anything, Labels: anything })
        readEvent({ Type: 'container', Action: 'die', Actor: anything })
        readStats({ memory_stats: anything, cpu_stats: anything, blkio_stats: anything }, emptySample())
      }),
    )
  })

  it('leaves a label only if the image does not have it with the same value', () => {
    const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.constantFrom('1', '2'))
    fc.assert(
      fc.property(labels, labels, (container, image) => {
        const own = ownLabels({ ...image, ...container }, image)
        for (const [name, value] of Object.entries(own)) expect(image[name]).not.toBe(value)
        for (const [name, value] of Object.entries(container)) {
          if (image[name] !== value) expect(own[name]).toBe(value)
        }
      }),
    )
  })
})

describe('events', () => {
  it('are about containers and cut the text behind a colon', () => {
    const at = { timeNano: 1_500_000_000, Actor: { ID: 'a', Attributes: { exitCode: '3' } } }
    expect(readEvent({ Type: 'container', Action: 'die', ...at })).toEqual({
      action: 'die',
      id: 'a',
      at: 1_500,
      attributes: { exitCode: '3' },
    })
    expect(readEvent({ Type: 'container', Action: 'exec_start: sh -c x', ...at })?.action).toBe('exec_start')
    expect(readEvent({ Type: 'image', Action: 'pull', ...at })).toBeUndefined()
  })
})

describe('stats of the engine', () => {
  const v2 = {
    pids_stats: { current: 4, limit: 2 ** 64 },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'read', value: 10 },
        { op: 'write', value: 20 },
        { op: 'Read', value: 5 },
      ],
    },
    cpu_stats: {
      cpu_usage: { usage_in_usermode: 2e9, usage_in_kernelmode: 1e9 },
      throttling_data: { periods: 9, throttled_periods: 2, throttled_time: 5e8 },
    },
    memory_stats: { usage: 100, limit: 25_276_502_016, stats: { anon: 60, inactive_file: 30 } },
    networks: { eth0: { rx_bytes: 7, tx_bytes: 8 }, eth1: { rx_bytes: 1, tx_bytes: 1 } },
  }

  it('become the same numbers that the files give, and the host’s memory is no limit', async () => {
    const sample = emptySample()
    const answer = await createStatsFallback({ stats: async () => v2 }).read('a', sample)
    expect(answer).toEqual({ outcome: 'ok', network: { receiveBytes: 8, transmitBytes: 9 } })
    expect(sample).toEqual({
      ...emptySample(),
      memoryCurrentBytes: 100,
      memoryWorkingSetBytes: 70,
      memoryAnonBytes: 60,
      cpuUserSeconds: 2,
      cpuSystemSeconds: 1,
      cpuPeriods: 9,
      cpuThrottledPeriods: 2,
      cpuThrottledSeconds: 0.5,
      pids: 4,
      ioReadBytes: 15,
      ioWriteBytes: 20,
    })
  })

  it('of a stopped container are gone, of an engine that fails unreadable, and leave no old number', async () => {
    const sample = { ...emptySample(), pids: 3 }
    const stopped = createStatsFallback({ stats: async () => ({ memory_stats: {}, pids_stats: {} }) })
    expect((await stopped.read('a', sample)).outcome).toBe('gone')
    expect(sample).toEqual(emptySample())
    const failing = createStatsFallback({ stats: () => Promise.reject(new Error('late')) })
    expect((await failing.read('a', sample)).outcome).toBe('unreadable')
  })
})
