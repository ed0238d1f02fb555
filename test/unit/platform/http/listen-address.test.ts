import { describe, expect, it } from 'vitest'
import {
  formatListenAddress,
  parseListenAddress,
  systemdListenAddresses,
} from '../../../../src/platform/http/listen-address.ts'

describe('listen addresses', () => {
  it.each([
    ['127.0.0.1:10780', { kind: 'tcp', host: '127.0.0.1', port: 10780 }],
    [':10780', { kind: 'tcp', host: undefined, port: 10780 }],
    ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
    ['metrics.example.org:80', { kind: 'tcp', host: 'metrics.example.org', port: 80 }],
    ['unix:/run/agent-exporter.sock', { kind: 'unix', path: '/run/agent-exporter.sock' }],
    ['fd:3', { kind: 'fd', fd: 3 }],
  ])('reads %s and writes it again', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address)
    expect(formatListenAddress(parseListenAddress(text))).toBe(text)
  })
  it.each([
    '',
    '10780',
    'host',
    '::1:80',
    'host:',
    'host:port',
    'host:65536',
    'http://host:80',
    '[::1]',
    'a b:1',
    'unix:relative',
  ])('refuses %j', (text) => expect(() => parseListenAddress(text)).toThrow(`"${text}"`))
  it('takes sockets from systemd only when they are meant for this process', () => {
    expect(systemdListenAddresses({ LISTEN_PID: '42', LISTEN_FDS: '2' }, 42)).toEqual([
      { kind: 'fd', fd: 3 },
      { kind: 'fd', fd: 4 },
    ])
    expect(systemdListenAddresses({ LISTEN_PID: '41', LISTEN_FDS: '1' }, 42)).toEqual([])
    expect(systemdListenAddresses({ LISTEN_PID: '42' }, 42)).toEqual([])
    expect(systemdListenAddresses({}, 42)).toEqual([])
  })
})
