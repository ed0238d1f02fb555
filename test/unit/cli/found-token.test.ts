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
