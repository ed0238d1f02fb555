import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openLink } from '../../../src/cli/open-link.ts'
import { signInLink } from '../../../src/cli/sign-in-link.ts'
import { runCli } from '../../support/command-line.ts'
import { type FakeApi, startFakeApi } from '../../support/fake-api.ts'
import { temporaryFolder } from '../../support/folder.ts'

const CODE = 'c'.repeat(43)
const folder = temporaryFolder()
afterAll(() => folder[Symbol.dispose]())

describe('the link that is shown', () => {
  it.each([
    ['http://127.0.0.1:10780', 'http://127.0.0.1:10780', 'http://127.0.0.1:10780'],
    ['where it was asked by localhost', 'http://localhost:10780', 'http://127.0.0.1:10780'],
    ['through a proxy that does not say that it speaks TLS', 'https://exporter.example.org', undefined],
  ])('leads to the daemon that was asked: %s', (_, asked, there) => {
    const answered = `${there ?? 'http://exporter.example.org'}/ui/enter?code=${CODE}`
    expect(signInLink(answered, asked)).toBe(`${there ?? asked}/ui/enter?code=${CODE}`)
  })

  it.each([
    ['another host', `http://evil.example:10780/ui/enter?code=${CODE}`],
    ['another port', `http://127.0.0.1:8080/ui/enter?code=${CODE}`],
    ['another page', `http://127.0.0.1:10780/ui/?code=${CODE}`],
    ['a script', `javascript:alert(1)//ui/enter?code=${CODE}`],
    ['a user name', `http://127.0.0.1:10780@evil.example/ui/enter?code=${CODE}`],
    ['a code that is none', 'http://127.0.0.1:10780/ui/enter?code=\u001b[2J'],
    ['words that steer a terminal', `http://\u001b[2J127.0.0.1:10780/ui/enter?code=${CODE}`],
    ['more after it', `http://127.0.0.1:10780/ui/enter?code=${CODE}\nhttp://evil.example`],
  ])('is not one to %s', (_, answered) => {
    expect(signInLink(answered, 'http://127.0.0.1:10780')).toBeUndefined()
  })
})

describe('agent-exporter ui', () => {
  let api: FakeApi
  let answer: { status?: number; body: unknown }
  beforeEach(async () => {
    api = await startFakeApi(() => answer)
    answer = {
      status: 201,
      body: { url: `${api.url}/ui/enter?code=${CODE}`, expiresAt: '2026-01-01T00:01:00Z' },
    }
    vi.stubEnv('AGENT_EXPORTER_TOKEN', 'a-token-for-control-0123456789')
    vi.stubEnv('DISPLAY', '')
    vi.stubEnv('WAYLAND_DISPLAY', '')
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await api[Symbol.asyncDispose]()
  })

  it('prints the link alone on standard output, and what it is beside it', async () => {
    const { code, out, err } = await runCli('ui', '--url', api.url)
    expect([code, out]).toEqual([0, `${api.url}/ui/enter?code=${CODE}\n`])
    expect(err).toBe(
      'This link signs one browser in to the control page, once, within a minute. Give it to nobody.\n',
    )
    expect(api.asked).toEqual([{ method: 'POST', path: '/api/v1/ui/links', body: {} }])
  })

  it('prints it, too, where there is no desktop to open it on', async () => {
    const { code, out, err } = await runCli('ui', '--open', '--url', api.url)
    expect([code, out]).toEqual([0, `${api.url}/ui/enter?code=${CODE}\n`])
    expect(err).toContain('There is no desktop here. Open the link yourself.')
  })

  it('prints nothing that leads elsewhere', async () => {
    answer = { status: 201, body: { url: `http://evil.example/ui/enter?code=${CODE}` } }
    expect(await runCli('ui', '--url', api.url)).toEqual({
      code: 1,
      out: '',
      err: 'What answers there is no agent-exporter.\n',
    })
  })

  it('says what the daemon says, and that there is none', async () => {
    answer = { status: 403, body: { code: 'AE_FORBIDDEN', detail: 'No.' } }
    expect(await runCli('ui', '--url', api.url)).toMatchObject({ code: 1, out: '' })
    await api[Symbol.asyncDispose]()
    const { code, out } = await runCli('ui', '--url', api.url)
    expect([code, out]).toEqual([3, ''])
  })
})

describe('opening the link', () => {
  const link = `http://127.0.0.1:10780/ui/enter?code=${CODE}`
  const env = (script: string): NodeJS.ProcessEnv => {
    const opener = join(folder.path, 'xdg-open')
    writeFileSync(opener, `#!/bin/sh\n${script}\n`)
    chmodSync(opener, 0o755)
    return { PATH: folder.path, DISPLAY: ':0', HEARD: join(folder.path, 'heard') }
  }

  it('hands over a file that only its owner can read, and no secret on a command line', async () => {
    const dataDir = join(folder.path, 'data')
    for (let time = 0; time < 2; time++) {
      expect(await openLink(link, dataDir, env('echo "$@" > "$HEARD"'))).toBeUndefined()
      const file = join(dataDir, 'open-ui.html')
      expect(readFileSync(join(folder.path, 'heard'), 'utf8')).toBe(`file://${file}\n`)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(readFileSync(file, 'utf8')).toContain(`content="0;url=${link}"`)
    }
  })

  it('says why it did not', async () => {
    const dataDir = join(folder.path, 'data')
    expect(await openLink(link, dataDir, {})).toBe('There is no desktop here.')
    expect(await openLink(link, dataDir, env('exit 3'))).toBe('xdg-open found no browser.')
    const nothing = { PATH: join(folder.path, 'empty'), DISPLAY: ':0' }
    expect(await openLink(link, dataDir, nothing)).toBe('xdg-open could not be run (ENOENT).')
  })
})
