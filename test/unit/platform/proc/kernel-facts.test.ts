import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { descriptorBudget } from '../../../../src/platform/proc/descriptors.ts'
import {
  openFileLimit,
  parseAuxv,
  readBootId,
  readBootTime,
  readKernelFacts,
} from '../../../../src/platform/proc/kernel-facts.ts'
import { type ProcTree, procTree } from '../../../support/proc-tree.ts'

let tree: ProcTree
beforeEach(() => {
  tree = procTree()
})
afterEach(() => tree.dispose())

describe('kernel facts', () => {
  it('finds clock ticks and page size in an auxiliary vector', () => {
    const auxv = Buffer.from(new BigUint64Array([33n, 7n, 6n, 16384n, 17n, 250n, 0n, 0n]).buffer)
    expect(parseAuxv(auxv, 8)).toEqual({ clockTicks: 250, pageSize: 16384 })
    const narrow = Buffer.from(new Uint32Array([6, 65536, 17, 100, 0, 0]).buffer)
    expect(parseAuxv(narrow, 4)).toEqual({ clockTicks: 100, pageSize: 65536 })
  })

  it('assumes the usual where there is no vector', () => {
    expect(readKernelFacts(tree.root)).toEqual({ clockTicks: 100, pageSize: 4096 })
  })

  it('keeps to half of the soft limit and to 8,000 descriptors', () => {
    tree.write(
      'self/limits',
      'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n',
    )
    expect(openFileLimit(tree.root)).toBe(1024)
    expect(descriptorBudget(1024)).toBe(512)
    expect(descriptorBudget(1_048_576)).toBe(8_000)
  })

  it('reads the identity and the time of the boot, or nothing', () => {
    expect(readBootId(tree.root)).toBeUndefined()
    expect(readBootTime(tree.root)).toBeUndefined()
    tree.write('sys/kernel/random/boot_id', '0a1b2c3d-0000-4000-8000-0123456789ab\n')
    tree.write('stat', 'cpu  1 2 3\nbtime 1790000000\nprocesses 5\n')
    expect(readBootId(tree.root)).toBe('0a1b2c3d-0000-4000-8000-0123456789ab')
    expect(readBootTime(tree.root)).toBe(1790000000)
  })
})
