import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leastMemory, limitsFor } from '../../../src/runtimes/container-resize.ts'

const MIB = 1024 * 1024
const none = { memoryLimitBytes: undefined, memorySwapLimitBytes: undefined, cpuPeriodUs: undefined }

describe('the least limit of a container', () => {
  it('is 5 % above its usage, at least 16 MiB, and never below what engines take', () => {
    expect(leastMemory(1_000 * MIB)).toBe(1_050 * MIB)
    expect(leastMemory(100 * MIB)).toBe(116 * MIB)
    expect(leastMemory(0)).toBe(16 * MIB)
  })
})

describe('the limits that are sent', () => {
  it('keep the swap that the container had', () => {
    const had = { ...none, memoryLimitBytes: 100, memorySwapLimitBytes: 130 }
    expect(limitsFor({ memoryBytes: 400 }, had)).toEqual({ memoryBytes: 400, memorySwapBytes: 430 })
    const noSwap = { ...none, memoryLimitBytes: 100, memorySwapLimitBytes: 100 }
    expect(limitsFor({ memoryBytes: 50 }, noSwap)).toEqual({ memoryBytes: 50, memorySwapBytes: 50 })
  })

  it('leave unlimited swap unlimited, and give as much swap as memory to who had no limit', () => {
    const unlimited = { ...none, memoryLimitBytes: 100 }
    expect(limitsFor({ memoryBytes: 50 }, unlimited)).toEqual({ memoryBytes: 50, memorySwapBytes: -1 })
    expect(limitsFor({ memoryBytes: 50 }, none)).toEqual({ memoryBytes: 50, memorySwapBytes: 100 })
  })

  it('say cores the way they were said before, and nothing that was not asked for', () => {
    expect(limitsFor({ cpus: 2 }, none)).toEqual({ cpus: 2 })
    expect(limitsFor({ cpus: 2 }, { ...none, cpuPeriodUs: 50_000 })).toEqual({ cpus: 2, cpuPeriodUs: 50_000 })
  })

  it('never put memory and swap below memory', () => {
    const bytes = fc.integer({ min: 1, max: 2 ** 40 })
    fc.assert(
      fc.property(
        bytes,
        fc.option(bytes, { nil: undefined }),
        fc.option(bytes, { nil: undefined }),
        (memoryBytes, memoryLimitBytes, memorySwapLimitBytes) => {
          const { memorySwapBytes = 0 } = limitsFor(
            { memoryBytes },
            { ...none, memoryLimitBytes, memorySwapLimitBytes },
          )
          expect(memorySwapBytes === -1 || memorySwapBytes >= memoryBytes).toBe(true)
        },
      ),
    )
  })
})
