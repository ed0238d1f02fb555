import { describe, expect, it } from 'vitest'
import { terminalName } from '../../../src/runtimes/continuing.ts'
import { mayBeFrozen } from '../../../src/runtimes/freezer.ts'
import { rootOf } from '../../../src/runtimes/life.ts'

const SPACE = { bootId: 'b00t', pidNamespace: '4026531836' }

describe('the process an incarnation is named after', () => {
  it('is found by number and start time', () => {
    expect(rootOf('b00t:4026531836:77:1234', SPACE)).toEqual({ pid: 77, startTime: 1234 })
  })

  it.each([
    'other:4026531836:77:1234',
    'b00t:4026531837:77:1234',
    'b00t:4026531836:77',
    'b00t:4026531836:77:1234:5',
    'b00t:4026531836:-1:1234',
    'b00t:4026531836:1e3:1234',
    'b00t:4026531836::1234',
    'registration:a:5',
    '',
  ])('is nobody for %s', (incarnation) => {
    expect(rootOf(incarnation, SPACE)).toBeUndefined()
  })
})

describe('control groups that may be frozen', () => {
  const own = '/system.slice/agent-exporter.service'

  it.each(['/agents/a', '/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope', '/docker/x'])(
    '%s',
    (path) => expect(mayBeFrozen(path, own)).toBe(true),
  )

  it.each([
    '/',
    '/system.slice',
    '/user.slice/user-1000.slice',
    '/user.slice/user-1000.slice/session-3.scope',
    '/user.slice/user-1000.slice/user@1000.service',
    own,
    '/..',
    'relative',
  ])('never %s', (path) => expect(mayBeFrozen(path, path === '/..' ? '/../a' : own)).toBe(false))

  it('never one above our own, and none when our own is not known', () => {
    expect(mayBeFrozen('/agents', '/agents/exporter')).toBe(false)
    expect(mayBeFrozen('/agents', '/agents2/exporter')).toBe(true)
    expect(mayBeFrozen('/agents', undefined)).toBe(false)
  })
})

describe('names of terminals', () => {
  it.each([
    [0x8803, 'pts/3'],
    [0x8900, 'pts/256'],
    [0x0401, 'tty1'],
  ])('%i', (device, name) => expect(terminalName(device)).toBe(name))
})
