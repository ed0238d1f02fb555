import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { getOk } from '../../../src/cli/client.ts'
import { foundToken } from '../../../src/cli/found-token.ts'
import { ensureControlToken } from '../../../src/platform/http/control-token.ts'
import { temporaryFolder } from '../../support/folder.ts'

afterEach(() => vi.unstubAllEnvs())

describe('the control token that lies on this host', () => {
  it.each([
    ['http://127.0.0.1:10780', true],
    ['http://localhost:10780', true],
    ['http://daemon.localhost', true],
    ['http://[::1]:10780', true],
    ['http://[::ffff:127.0.0.1]:1', false],
    ['http://192.0.2.7:10780', false],
    ['https://localhost.example.org', false],
    ['http://127.0.0.1.example.org', false],
  ])('goes to %s: %s', (url, goes) => {
    using folder = temporaryFolder()
    const token = ensureControlToken(folder.path)
    expect(foundToken(folder.path, url)).toBe(goes ? token : undefined)
  })

  // 10780 is 2A1C; the kernel prints addresses in host order, here little-endian.
  const listening = (side: string, zeros: number, uid: number) =>
    `   0: ${side}:2A1C ${'0'.repeat(zeros)}:0000 0A 00000000:00000000 00:00000000 00000000 ${uid}        0 77 1\n`
  const own = process.getuid?.() ?? 0
  it.each([
    ['nobody', '', '', true],
    ['this user', listening('0100007F', 8, own), '', true],
    ['root', listening('00000000', 8, 0), '', true],
    ['another user', listening('0100007F', 8, own + 4_711), '', false],
    ['another user, everywhere', '', listening('0'.repeat(32), 32, own + 4_711), false],
    ['another user beside us', listening('0100007F', 8, own), listening('0'.repeat(32), 32, 4_711), false],
    ['another user at another address', listening('0200007F', 8, own + 4_711), '', true],
  ])('when %s listens on the port', (_, tcp, tcp6, goes) => {
    using folder = temporaryFolder()
    const token = ensureControlToken(folder.path)
    const found = foundToken(folder.path, 'http://127.0.0.1:10780', (file) =>
      file.endsWith('6') ? tcp6 : tcp,
    )
    expect(found).toBe(goes ? token : undefined)
  })
  it('goes to a port of which the kernel tells nothing', () => {
    using folder = temporaryFolder()
    const token = ensureControlToken(folder.path)
    const found = foundToken(folder.path, 'http://localhost:10780', () => {
      throw new Error('ENOENT')
    })
    expect(found).toBe(token)
  })

  it.runIf(process.getuid?.() === 0)('does not go to a port where another user really listens', async () => {
    using folder = temporaryFolder()
    ensureControlToken(folder.path)
    const server = spawn(
      process.execPath,
      [
        '-e',
        "const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))",
      ],
      { uid: 65_534, gid: 65_534, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    try {
      const [line] = (await once(server.stdout, 'data')) as [Buffer]
      expect(foundToken(folder.path, `http://127.0.0.1:${Number(String(line))}`)).toBeUndefined()
    } finally {
      server.kill()
    }
  })

  it('of another daemon does not keep anybody from what everybody may read', async () => {
    using folder = temporaryFolder()
    ensureControlToken(folder.path)
    vi.stubEnv('AGENT_EXPORTER_TOKEN', '')
    const server = createServer((request, response) => {
      const anonymous = request.headers.authorization === undefined
      response.writeHead(anonymous ? 200 : 401).end(JSON.stringify({ anonymous }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await getOk('/health', { url, dataDir: folder.path })).toEqual({ anonymous: true })
    vi.stubEnv('AGENT_EXPORTER_TOKEN', 'named')
    await expect(getOk('/health', { url, dataDir: folder.path })).rejects.toThrow('401')
    server.close()
  })
})
