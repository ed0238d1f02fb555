import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readDaemonId } from '../../../../src/platform/store/daemon-id.ts'
import { ensureDataDir, resolveDataDir } from '../../../../src/platform/store/data-dir.ts'

describe('choice of the data directory', () => {
  const base = { flag: undefined, env: {}, uid: 1000, home: '/home/ann' }

  it.each([
    ['the flag wins over all', { flag: '/a', env: { AGENT_EXPORTER_DATA_DIR: '/b' }, uid: 0 }, '/a'],
    ['then the variable', { env: { AGENT_EXPORTER_DATA_DIR: '/b', XDG_STATE_HOME: '/c' }, uid: 0 }, '/b'],
    ['then root has its own place', { env: { XDG_STATE_HOME: '/c' }, uid: 0 }, '/var/lib/agent-exporter'],
    ['others follow XDG', { env: { XDG_STATE_HOME: '/c' } }, '/c/agent-exporter'],
    [
      'a relative XDG path is no path',
      { env: { XDG_STATE_HOME: 'c' } },
      '/home/ann/.local/state/agent-exporter',
    ],
    [
      'empty variables are unset',
      { env: { AGENT_EXPORTER_DATA_DIR: '', XDG_STATE_HOME: '' } },
      '/home/ann/.local/state/agent-exporter',
    ],
  ])('%s', (_name, inputs, expected) => {
    expect(resolveDataDir({ ...base, ...inputs })).toBe(expected)
  })
})

describe('data directory', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ae-dir-'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  const refusal = (path: string, uid?: number) => {
    try {
      ensureDataDir(path, uid)
      return undefined
    } catch (error) {
      return error as { code: string; message: string }
    }
  }

  it('is created for its owner only, with its parents', () => {
    ensureDataDir(join(root, 'a/b'))
    expect(statSync(join(root, 'a/b')).mode & 0o777).toBe(0o700)
    ensureDataDir(join(root, 'a/b'))
  })

  it('is refused when it is a link, even with a slash at the end', () => {
    mkdirSync(join(root, 'real'), { mode: 0o700 })
    symlinkSync(join(root, 'real'), join(root, 'link'))
    expect(refusal(join(root, 'link'))).toMatchObject({ code: 'AE_DATA_DIR' })
    expect(refusal(`${join(root, 'link')}/`)?.message).toMatch(/symbolic link/)
  })

  it.each([0o770, 0o702, 0o777])('is refused when others may write to it (%o)', (mode) => {
    chmodSync(root, mode)
    expect(refusal(root)?.message).toMatch(/others may write/)
  })

  it('is refused when somebody else owns it', () => {
    expect(refusal(root, 54_321)?.message).toMatch(/belongs to uid/)
  })

  it('is refused when it is a file', () => {
    writeFileSync(join(root, 'file'), '')
    expect(refusal(join(root, 'file'))).toMatchObject({ code: 'AE_DATA_DIR' })
  })

  it('is refused where nobody can make a folder', () => {
    expect(refusal('/proc/nobody/data')).toMatchObject({ code: 'AE_DATA_DIR' })
  })

  it('gives the daemon one id for good, and a new one when the file is unusable', () => {
    const id = readDaemonId(root)
    expect(readDaemonId(root)).toBe(id)
    expect(statSync(join(root, 'daemon.id')).mode & 0o777).toBe(0o600)
    writeFileSync(join(root, 'daemon.id'), 'nonsense')
    const next = readDaemonId(root)
    expect(next).toMatch(/^[0-9a-f-]{36}$/)
    expect(readDaemonId(root)).toBe(next)
  })
})
