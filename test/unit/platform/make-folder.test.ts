import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../../../src/platform/make-folder.ts'
import { temporaryFolder } from '../../support/folder.ts'

const errorOf = (path: string): string | undefined => {
  try {
    makeFolder(path)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
  return undefined
}

describe('making a folder', () => {
  it('makes those above it, with the same mode, and is content with what is there', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'a/b/c')
    makeFolder(path, 0o700)
    makeFolder(path, 0o700)
    for (const made of [path, join(folder.path, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700)
  })

  it('takes a link that leads to a folder', () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, 'real'))
    symlinkSync('real', join(folder.path, 'link'))
    makeFolder(join(folder.path, 'link'))
    makeFolder(join(folder.path, 'link/below'))
    expect(statSync(join(folder.path, 'real/below')).isDirectory()).toBe(true)
  })

  it('says what stands in its way', () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'file'), '')
    symlinkSync('nothing', join(folder.path, 'dangling'))
    expect(errorOf(join(folder.path, 'file'))).toBe('EEXIST')
    expect(errorOf(join(folder.path, 'file/below'))).toBe('ENOTDIR')
    expect(errorOf(join(folder.path, 'dangling/below'))).toBe('EEXIST')
  })

  it('comes back where the kernel says that nothing is there although the folder above is', () => {
    expect(errorOf('/proc/nobody/below')).toBe('ENOENT')
  })
})
