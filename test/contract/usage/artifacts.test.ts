import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createArtifactCheck } from '../../../src/usage/artifacts.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { fakeAgent } from '../../unit/usage/room.ts'

const cleanUps: (() => unknown)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
})

const uid = process.getuid?.()

function setUp() {
  const folder = temporaryFolder()
  cleanUps.push(() => folder[Symbol.dispose]())
  const workspace = join(folder.path, 'work')
  mkdirSync(join(workspace, 'src'), { recursive: true })
  writeFileSync(join(workspace, 'src', 'a.txt'), 'hello')
  writeFileSync(join(folder.path, 'secret.txt'), 'secret')
  const check = createArtifactCheck(uid)
  const info = { name: 'a', role: undefined, vendor: undefined, workspace }
  const verify = (...artifacts: string[]) => check(fakeAgent('a', { uid, info }), artifacts)
  return { folder, workspace, check, verify, info }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('files of a workspace', () => {
  it('are found by name and by content', async () => {
    const { verify } = setUp()
    expect(await verify('file:src/a.txt')).toBe(true)
    expect(await verify('file:src/b.txt')).toBe(false)
    expect(await verify('file:src')).toBe(false)
    expect(await verify(`sha256:${sha256('hello')}:src/a.txt`)).toBe(true)
    expect(await verify(`sha256:${sha256('other')}:src/a.txt`)).toBe(false)
    expect(await verify('file:src/a.txt', 'file:nothing')).toBe(false)
  })

  it('cannot be checked when nothing says how, or there is no workspace of ours', async () => {
    const { verify, check, info } = setUp()
    expect(await verify('https://example.org/1', 'PR 7')).toBeUndefined()
    expect(await verify('PR 7', 'file:src/a.txt')).toBe(true)
    const artifacts = ['file:src/a.txt']
    expect(await check(fakeAgent('a', { runtime: 'container', info }), artifacts)).toBeUndefined()
    const elsewhere = { ...info, workspace: 'work' }
    expect(await check(fakeAgent('a', { uid, info: elsewhere }), artifacts)).toBeUndefined()
  })

  it('are never those outside of it, whatever the path or a link says', async () => {
    const { verify, workspace } = setUp()
    symlinkSync('../../secret.txt', join(workspace, 'src', 'link'))
    symlinkSync('..', join(workspace, 'up'))
    execFileSync('mkfifo', [join(workspace, 'pipe')])
    for (const path of ['../secret.txt', 'src/link', 'up/secret.txt', '/etc/hostname', 'pipe']) {
      expect(await verify(`file:${path}`)).toBe(false)
      expect(await verify(`sha256:${sha256('secret')}:${path}`)).toBe(false)
    }
  })

  it('are only those of the agent’s own user', async () => {
    const { check, info } = setUp()
    const agent = fakeAgent('a', { uid: (uid ?? 0) + 1, info })
    expect(await check(agent, ['file:src/a.txt'])).toBe(false)
  })
})

describe('commits of a workspace', () => {
  const git = (workspace: string, ...words: string[]) =>
    execFileSync('git', words, {
      cwd: workspace,
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: workspace,
        GIT_CONFIG_NOSYSTEM: '1',
        ...Object.fromEntries(
          ['AUTHOR', 'COMMITTER'].flatMap((who) => [
            [`GIT_${who}_NAME`, 'x'],
            [`GIT_${who}_EMAIL`, 'x@example.org'],
          ]),
        ),
      },
    }).trim()

  it('are found loose and packed, whole or abbreviated; trees and strangers are not', async () => {
    const { verify, workspace } = setUp()
    git(workspace, 'init', '-q')
    git(workspace, 'add', 'src')
    const commits = Array.from({ length: 30 }, (_, i) => {
      git(workspace, 'commit', '-q', '--allow-empty', '-m', `commit ${i} ${'long text '.repeat(200)}`)
      return git(workspace, 'rev-parse', 'HEAD')
    })
    const tree = git(workspace, 'rev-parse', 'HEAD^{tree}')
    const look = async () => {
      for (const commit of commits) {
        expect(await verify(`commit:${commit}`)).toBe(true)
        expect(await verify(`commit:${commit.slice(0, 10)}`)).toBe(true)
      }
      expect(await verify(`commit:${tree}`)).toBe(false)
      expect(await verify(`commit:${'0'.repeat(40)}`)).toBe(false)
      expect(await verify(`commit:${'f'.repeat(40)}`)).toBe(false)
    }
    await look()
    git(workspace, 'gc', '-q', '--aggressive', '--prune=now')
    expect(readFileSync(join(workspace, '.git', 'packed-refs'), 'utf8')).toContain(commits.at(-1))
    await look()
  })

  it('are not looked for in a repository that lies elsewhere', async () => {
    const { verify, folder, workspace } = setUp()
    const other = join(folder.path, 'other')
    mkdirSync(other)
    git(other, 'init', '-q')
    git(other, 'commit', '-q', '--allow-empty', '-m', 'x')
    const commit = git(other, 'rev-parse', 'HEAD')
    symlinkSync(join(other, '.git'), join(workspace, '.git'))
    expect(await verify(`commit:${commit}`)).toBe(false)
  })
})
