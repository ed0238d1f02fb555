import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { withPassword } from '../../../../src/platform/store/password.ts'
import { temporaryFolder } from '../../../support/folder.ts'

it('puts the password of the file into an address of PostgreSQL that has none', () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'password')
  writeFileSync(file, 'a/b@c:d\n')
  expect(withPassword('postgres://me@db/agents', file)).toBe('postgres://me:a%2Fb%40c%3Ad@db/agents')
  expect(withPassword('postgres://me:own@db/agents', file)).toBe('postgres://me:own@db/agents')
  expect(withPassword('sqlite', file)).toBe('sqlite')
  expect(withPassword('postgres://me@db/agents', undefined)).toBe('postgres://me@db/agents')
})

it('says which file it cannot read, and only when it needs it', () => {
  expect(() => withPassword('postgres://me@db/agents', '/nowhere/password')).toThrow(
    'store.passwordFile: /nowhere/password cannot be read (ENOENT).',
  )
  expect(withPassword('sqlite', '/nowhere/password')).toBe('sqlite')
})
