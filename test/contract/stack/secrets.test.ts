import { readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeSecrets } from '../../../scripts/stack/secrets.ts'
import { decodeConfig } from '../../../src/config/decode.ts'
import { createTokenTable } from '../../../src/platform/http/tokens.ts'
import { temporaryFolder } from '../../support/folder.ts'

const textOf = (path: string) => readFileSync(path, 'utf8').trim()

it('are made once, in a folder that only its owner may enter', () => {
  using folder = temporaryFolder()
  const at = join(folder.path, 'secrets')
  const { alertmanagerToken } = makeSecrets(at)
  expect(statSync(at).mode & 0o777).toBe(0o700)
  const before = textOf(alertmanagerToken)
  expect(before).toMatch(/^\S{43,}$/)
  makeSecrets(at)
  expect(textOf(alertmanagerToken)).toBe(before)
})

it('let each part do what it is for, and no more', () => {
  using folder = temporaryFolder()
  const { tokens, alertmanagerToken, ingestToken, grafanaPassword } = makeSecrets(folder.path)
  const table = createTokenTable(decodeConfig('a test', { auth: { tokens } }).auth.tokens)
  const scopesOf = (path: string) => [...(table.find(textOf(path))?.scopes ?? [])]
  expect(scopesOf(alertmanagerToken)).toContain('control')
  expect(scopesOf(alertmanagerToken)).not.toContain('admin')
  expect(scopesOf(ingestToken)).toEqual(['ingest'])
  expect(scopesOf(join(folder.path, 'prometheus/agent-exporter.token'))).toEqual(['metrics'])
  expect(scopesOf(grafanaPassword)).toEqual([])
})

it('are not put where a link leads', () => {
  using folder = temporaryFolder()
  const link = join(folder.path, 'link')
  symlinkSync(folder.path, link)
  expect(() => makeSecrets(link)).toThrow(/symbolic link/)
})
