import { statfsSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createHostReader } from '../../../src/platform/host/host-reader.ts'
import { readStaticFacts } from '../../../src/platform/host/static-facts.ts'

const GIB = 2 ** 30

describe.each([process.platform, 'darwin' as const])('host reader of %s on this host', (platform) => {
  it('agrees with the operating system', async () => {
    const truth = statfsSync('/')
    const freeBytes = () => statfsSync('/').bavail * truth.bsize
    // Others go on meanwhile: what is read lies between what was there before and after.
    const before = { memory: freemem(), disk: freeBytes() }
    const sample = await createHostReader({ platform }).read()
    const after = { memory: freemem(), disk: freeBytes() }
    const expectBetween = (value: number | undefined, what: 'memory' | 'disk') => {
      expect(value).toBeGreaterThan(Math.min(before[what], after[what]) - GIB)
      expect(value).toBeLessThan(Math.max(before[what], after[what]) + GIB)
    }
    expect(sample.memoryTotalBytes).toBe(totalmem())
    expectBetween(sample.memoryAvailableBytes, 'memory')
    const root = sample.filesystems.find((space) => space.mountpoint === '/')
    expect(root?.sizeBytes).toBe(truth.blocks * truth.bsize)
    expectBetween(root?.availableBytes, 'disk')
    expect(sample.load1).toBeGreaterThanOrEqual(0)
  })
})

describe('static facts', () => {
  it('come from a worker and fit the host', async () => {
    const facts = await readStaticFacts()
    expect(facts?.memoryTotalBytes).toBe(totalmem())
    expect(facts?.distribution).not.toBe('')
  })

  it('are given up when they take too long', async () => {
    expect(await readStaticFacts(1)).toBeUndefined()
  })
})
