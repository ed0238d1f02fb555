import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureControlToken, readControlToken } from '../../../../src/platform/http/control-token.ts'

describe('control token', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'control-token-'))
    file = join(folder, 'control.token')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is made at the first start, for us alone, and stays the same', () => {
    const token = ensureControlToken(folder)
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(ensureControlToken(folder)).toBe(token)
    expect(readControlToken(folder)).toBe(token)
  })

  it('is another one in another directory', () => {
    const other = mkdtempSync(join(tmpdir(), 'control-token-'))
    expect(ensureControlToken(other)).not.toBe(ensureControlToken(folder))
    rmSync(other, { recursive: true })
  })

  it('is refused when others can read it, and the message does not show it', () => {
    const token = ensureControlToken(folder)
    chmodSync(file, 0o640)
    expect(() => ensureControlToken(folder)).toThrow('can be read by others (mode 640)')
    expect(() => ensureControlToken(folder)).not.toThrow(token)
  })

  it('is refused when it is a link, also a dangling one, and nothing is written through it', () => {
    const elsewhere = join(folder, 'elsewhere')
    symlinkSync(elsewhere, file)
    expect(() => ensureControlToken(folder)).toThrow('is a symbolic link')
    expect(() => readFileSync(elsewhere)).toThrow('ENOENT')
    writeFileSync(elsewhere, `${'a'.repeat(43)}\n`, { mode: 0o600 })
    expect(() => ensureControlToken(folder)).toThrow('is a symbolic link')
  })

  it.each(['', 'short', `${'a'.repeat(43)} b`, '\0'.repeat(43)])(
    'is refused when it is no token (%j)',
    (content) => {
      writeFileSync(file, content, { mode: 0o600 })
      expect(() => ensureControlToken(folder)).toThrow('does not hold a control token')
    },
  )

  it('says ENOENT to a reader when no daemon ever ran', () => {
    expect(() => readControlToken(folder)).toThrow('ENOENT')
  })
})
