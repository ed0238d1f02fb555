import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatcher } from '../../../../src/platform/http/caller.ts'
import { isForwarded, isLoopbackAddress } from '../../../../src/platform/http/loopback.ts'
import { expandScopes } from '../../../../src/platform/http/scope.ts'
import { createTokenTable } from '../../../../src/platform/http/tokens.ts'

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('token table', () => {
  const table = createTokenTable(
    [{ name: 'ci', hashSha256: hash('open sesame'), scopes: ['ingest'] }],
    'control-token',
  )

  it('knows a token by its digest and gives exactly its scopes', () => {
    expect(table.find('open sesame')).toMatchObject({
      name: 'ci',
      kind: 'token',
      scopes: new Set(['ingest']),
    })
  })
  it('gives the control token everything', () => {
    const scopes = new Set(['metrics', 'read', 'ingest', 'control', 'admin'])
    expect(table.find('control-token')).toMatchObject({ kind: 'control', scopes })
  })
  it('knows nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text !== 'open sesame' && text !== 'control-token')
        expect(table.find(text)).toBeUndefined()
      }),
    )
    expect(table.find(hash('open sesame'))).toBeUndefined()
  })
  it('reads a token from a file and refuses an empty or short one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tokens-'))
    const file = join(folder, 'token')
    writeFileSync(file, 'a-long-enough-token\n')
    expect(createTokenTable([{ name: 'f', file, scopes: ['read'] }]).find('a-long-enough-token')?.name).toBe(
      'f',
    )
    writeFileSync(file, '\n')
    expect(() => createTokenTable([{ name: 'f', file, scopes: ['read'] }])).toThrow('auth.tokens[f].file')
    rmSync(folder, { recursive: true })
  })
  it('refuses an entry with neither or both kinds of secret, and a limited token with fleet scopes', () => {
    expect(() => createTokenTable([{ name: 'x', scopes: [] }])).toThrow('either hashSha256 or file')
    const limited = { name: 'x', hashSha256: hash('x'), agents: ['a*'] }
    expect(() => createTokenTable([{ ...limited, scopes: ['metrics'] }])).toThrow(
      'cannot have the scope metrics',
    )
    expect(() => createTokenTable([{ ...limited, scopes: ['admin'] }])).toThrow('cannot have the scope admin')
  })
})

describe('scopes', () => {
  it('imply read for control and all for admin, and nothing else', () => {
    expect([...expandScopes(['control'])].sort()).toEqual(['control', 'read'])
    expect(expandScopes(['admin']).size).toBe(5)
    expect([...expandScopes(['ingest', 'metrics', 'read'])].sort()).toEqual(['ingest', 'metrics', 'read'])
  })
})

describe('agent globs', () => {
  it('match whole ids, with * and ? only', () => {
    const matches = globMatcher(['team-a-*', 'x?z', 'a.b'])
    expect(['team-a-1', 'team-a-', 'xyz', 'a.b'].every(matches)).toBe(true)
    expect(['team-b-1', 'my-team-a-1', 'xz', 'xyyz', 'aXb'].some(matches)).toBe(false)
  })
  it('take every other character for itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.+^${}()|[]\\-:@_') }), (id) => {
        expect(globMatcher([id])(id)).toBe(true)
        expect(globMatcher([id])(`${id}x`)).toBe(false)
      }),
    )
  })
  it('do not slow down on many stars', () => {
    expect(globMatcher([`${'*'.repeat(500)}b`])('a'.repeat(128))).toBe(false)
  })
})

describe('loopback', () => {
  it.each(['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1', '::FFFF:127.9.9.9'])('%s is', (address) => {
    expect(isLoopbackAddress(address)).toBe(true)
  })
  it.each([
    undefined,
    '',
    '10.0.0.1',
    '::2',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    '1127.0.0.1',
    'fe80::1%lo',
    '0.0.0.0',
  ])('%s is not', (address) => expect(isLoopbackAddress(address)).toBe(false))
  it('is lost by any header of a proxy', () => {
    expect(isForwarded({ host: 'x', accept: '*/*' })).toBe(false)
    for (const name of ['forwarded', 'via', 'x-forwarded-host', 'x-forwarded-'])
      expect(isForwarded({ [name]: '' })).toBe(true)
  })
})
