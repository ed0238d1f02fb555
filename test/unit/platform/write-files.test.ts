import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeFiles } from '../../../src/platform/write-files.ts'
import { temporaryFolder } from '../../support/folder.ts'

const RECORD = 'agent-exporter-rules.json'
const careful = { record: RECORD, version: '1.0.0', foreign: 'refuse' } as const
const files = (...entries: readonly (readonly [string, string])[]) => new Map(entries)
const read = (folder: string, path: string) => readFileSync(join(folder, path), 'utf8')

describe('writing files', () => {
  it('writes them below folders that it makes, and leaves nothing else behind', () => {
    using folder = temporaryFolder()
    const below = join(folder.path, 'a/b')
    const fates = writeFiles(below, files(['alerts/x.yml', 'one'], ['y.yml', 'two']), careful)
    expect([...fates]).toEqual([
      ['alerts/x.yml', 'written'],
      ['y.yml', 'written'],
    ])
    expect(read(below, 'alerts/x.yml')).toBe('one')
    expect(readdirSync(below, { recursive: true }).sort()).toEqual(
      [RECORD, 'alerts', 'alerts/x.yml', 'y.yml'].sort(),
    )
  })

  it('replaces what it wrote itself', () => {
    using folder = temporaryFolder()
    writeFiles(folder.path, files(['x.yml', 'one'], ['y.yml', 'same']), careful)
    const fates = writeFiles(folder.path, files(['x.yml', 'two'], ['y.yml', 'same']), careful)
    expect([...fates]).toEqual([
      ['x.yml', 'replaced'],
      ['y.yml', 'unchanged'],
    ])
    expect(read(folder.path, 'x.yml')).toBe('two')
  })

  it('remembers parts that were written at different times', () => {
    using folder = temporaryFolder()
    writeFiles(folder.path, files(['x.yml', 'one']), careful)
    writeFiles(folder.path, files(['y.yml', 'one']), careful)
    expect([...writeFiles(folder.path, files(['x.yml', 'two'], ['y.yml', 'two']), careful).values()]).toEqual(
      ['replaced', 'replaced'],
    )
  })

  it('names what an earlier version wrote and this one has no more, until it is removed', () => {
    using folder = temporaryFolder()
    writeFiles(folder.path, files(['x.yml', 'one'], ['y.yml', 'one']), careful)
    expect(writeFiles(folder.path, files(['x.yml', 'one']), careful).get('y.yml')).toBe('left over')
  })

  it.each([
    ['somebody else wrote', (path: string) => writeFileSync(path, 'mine')],
    [
      'is a link',
      (path: string) => {
        writeFileSync(`${path}.target`, 'new')
        symlinkSync(`${path}.target`, path)
      },
    ],
    ['is a folder', (path: string) => mkdirSync(path)],
  ])('refuses to replace what %s, and then writes nothing at all', (_, make) => {
    using folder = temporaryFolder()
    make(join(folder.path, 'x.yml'))
    const before = readdirSync(folder.path).sort()
    const run = () => writeFiles(folder.path, files(['a.yml', 'new'], ['x.yml', 'new']), careful)
    expect(run).toThrow(
      expect.objectContaining({
        code: 'AE_FILE_EXISTS',
        message: expect.stringContaining(': x.yml. Nothing'),
      }),
    )
    expect(readdirSync(folder.path).sort()).toEqual(before)
  })

  it('refuses what was changed since it was written, unless it is told to replace it', () => {
    using folder = temporaryFolder()
    writeFiles(folder.path, files(['x.yml', 'one']), careful)
    writeFileSync(join(folder.path, 'x.yml'), 'one, edited')
    const run = (foreign: 'refuse' | 'replace') =>
      writeFiles(folder.path, files(['x.yml', 'two']), { ...careful, foreign })
    expect(() => run('refuse')).toThrow(expect.objectContaining({ code: 'AE_FILE_EXISTS' }))
    expect(run('replace').get('x.yml')).toBe('replaced')
    expect(read(folder.path, 'x.yml')).toBe('two')
  })

  it.each(['', '{', '[]', 'null', '{"files":null}', '{"files":{"../x.yml":"1"}}'])(
    'takes files for foreign when its record says %j',
    (record) => {
      using folder = temporaryFolder()
      writeFiles(folder.path, files(['x.yml', 'one']), careful)
      writeFileSync(join(folder.path, RECORD), record)
      expect(() => writeFiles(folder.path, files(['x.yml', 'two']), careful)).toThrow(/x\.yml/)
      expect(writeFiles(folder.path, files(['x.yml', 'one']), careful).get('x.yml')).toBe('unchanged')
    },
  )
})
