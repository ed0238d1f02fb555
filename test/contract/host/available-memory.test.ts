import { rmSync, writeFileSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAvailableMemory } from '../../../src/platform/host/available-memory.ts'
import { temporaryFolder } from '../../support/folder.ts'

const GIB = 2 ** 30
const BEFORE = 'MemTotal:       32768000 kB\nMemFree:         1024000 kB\n'

describe('memory that the host has left', () => {
  let folder: ReturnType<typeof temporaryFolder>
  const file = () => join(folder.path, 'meminfo')
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => folder[Symbol.dispose]())

  it('is what this kernel says, read again and again', () => {
    const available = createAvailableMemory('/proc')
    for (let time = 0; time < 3; time++) {
      expect(Math.abs((available.read() ?? 0) - freemem())).toBeLessThan(GIB)
    }
    available.close()
    // Closed is not over: whoever asks once more is answered.
    expect(available.read()).toBeGreaterThan(0)
    available.close()
  })

  it('follows the file, in bytes', () => {
    writeFileSync(file(), `${BEFORE}MemAvailable:    2048000 kB\nBuffers: 1 kB\n`)
    const available = createAvailableMemory(folder.path)
    expect(available.read()).toBe(2_048_000 * 1_024)
    writeFileSync(file(), `${BEFORE}MemAvailable:          0 kB\n`)
    expect(available.read()).toBe(0)
    available.close()
  })

  it('is unknown where the kernel does not say it, never 0', () => {
    writeFileSync(file(), `${BEFORE}Buffers: 1 kB\n`)
    const available = createAvailableMemory(folder.path)
    expect(available.read()).toBeUndefined()
    available.close()
  })

  it('is unknown while there is no file, and known when there is one', () => {
    const available = createAvailableMemory(folder.path)
    expect(available.read()).toBeUndefined()
    writeFileSync(file(), `${BEFORE}MemAvailable: 4 kB\n`)
    expect(available.read()).toBe(4_096)
    available.close()
    rmSync(file())
    expect(available.read()).toBeUndefined()
  })
})
