import { statfsSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createHostReader } from '../../../src/platform/host/host-reader.ts'
import { readStaticFacts } from '../../../src/platform/host/static-facts.ts'

const GIB = 2 ** 30

describe.each([process.platform, 'darwin' as const])('host reader of %s on this host', (platform) => {
  it('agrees with the operating system', async () => {
    const sample = await createHostReader({ platform }).read()
    expect(sample.memoryTotalBytes).toBe(totalmem())
    expect(Math.abs((sample.memoryAvailableBytes ?? 0) - freemem())).toBeLessThan(GIB)
    const root = sample.filesystems.find((space) => space.mountpoint === '/')
    const truth = statfsSync('/')
    expect(root?.sizeBytes).toBe(truth.blocks * truth.bsize)
    expect(Math.abs((root?.availableBytes ?? 0) - truth.bavail * truth.bsize)).toBeLessThan(GIB)
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
