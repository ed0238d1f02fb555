import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { followStderr } from '../../../src/launch/last-output.ts'
import { temporaryFolder } from '../../support/folder.ts'

let folder: ReturnType<typeof temporaryFolder>
let path: string
let descriptor: number
beforeEach(() => {
  folder = temporaryFolder()
  path = join(folder.path, 'log')
  writeFileSync(path, 'of an earlier run\n')
  // For writing only, as a shell opens it.
  descriptor = openSync(path, 'a')
})
afterEach(() => {
  closeSync(descriptor)
  folder[Symbol.dispose]()
})

it('reads what was written since, and leaves the writing as it is', () => {
  const output = followStderr(descriptor)
  expect(output.read()).toBeUndefined()
  writeSync(descriptor, 'the end\n')
  expect(output.read()).toBe('the end\n')
  writeSync(descriptor, 'and more\n')
  expect(output.read()).toBe('the end\nand more\n')
})

it('reads the last 16 KiB of much', () => {
  const output = followStderr(descriptor)
  writeSync(descriptor, `${'x'.repeat(100_000)}end`)
  const text = output.read()
  expect(text).toHaveLength(16_384)
  expect(text?.endsWith('xend')).toBe(true)
})

it('reads nothing of a file that was cut off meanwhile', () => {
  const output = followStderr(descriptor)
  truncateSync(path, 0)
  writeSync(descriptor, 'whose?')
  expect(output.read()).toBeUndefined()
})

it('reads nothing of what is no file', () => {
  const device = openSync('/dev/null', 'w')
  try {
    const output = followStderr(device)
    writeSync(device, 'gone')
    expect(output.read()).toBeUndefined()
  } finally {
    closeSync(device)
  }
  expect(followStderr(987_654).read()).toBeUndefined()
})
