import { execFile } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { readWebConfig } from '../../../src/platform/http/web-config.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'
import {
  bearer,
  CONTROL_TOKEN,
  READER_TOKEN,
  type TestServer,
  testServer,
} from '../../unit/platform/http/support.ts'
import { type KeyPair, selfSigned } from './certificates.ts'
import { portOf } from './support.ts'

/** Cheap on purpose: the cost is the test's, not the product's. */
const HASH = hashSync('correct horse', 4)
const folder = temporaryFolder()
let server: KeyPair
let client: KeyPair
let other: KeyPair

beforeAll(() => {
  server = selfSigned(folder.path, 'server.example')
  client = selfSigned(folder.path, 'client.example')
  other = selfSigned(folder.path, 'other.example')
})
afterAll(() => folder[Symbol.dispose]())

const TLS = 'tls_server_config:\n  cert_file: server.example.pem\n  key_file: server.example.key\n'

/** Files that both must take. Every feature of the format that Prometheus 2.42 knows is in one of them. */
const VALID: Readonly<Record<string, string>> = {
  empty: '',
  'only comments': '# nothing\n',
  'empty sections': 'tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n',
  'one user': `basic_auth_users:\n  alice: ${HASH}\n`,
  'a hash of htpasswd': `basic_auth_users:\n  alice: ${HASH.replace('$2b$', '$2y$')}\n`,
  'a quoted hash and an odd name': `basic_auth_users:\n  "al:ice é": '${HASH}'\n  12: ${HASH}\n`,
  tls: TLS,
  'tls and users': `${TLS}basic_auth_users:\n  alice: ${HASH}\n`,
  versions: `${TLS}  min_version: TLS12\n  max_version: TLS13\n`,
  ciphers: `${TLS}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: false\n`,
  curves: `${TLS}  curve_preferences: [CurveP256, X25519]\n`,
  'client certificates': `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.example.pem\n`,
  'a request for certificates': `${TLS}  client_auth_type: RequestClientCert\n`,
  'no http2': 'http_server_config:\n  http2: no\n',
  headers:
    'http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n' +
    "    Content-Security-Policy: default-src 'self'\n    Strict-Transport-Security: max-age=1\n    X-XSS-Protection: 1\n",
  'only versions': 'tls_server_config:\n  min_version: TLS13\n',
}

const INVALID: Readonly<Record<string, string>> = {
  junk: 'foo\n',
  'a list': '- a\n',
  'an unknown section': 'basic_auth: {}\n',
  'an unknown key': `${TLS}  certificate: x\n`,
  'a key twice': `basic_auth_users:\n  a: ${HASH}\n  a: ${HASH}\n`,
  'a plain password': 'basic_auth_users:\n  alice: secret\n',
  'a short hash': `basic_auth_users:\n  alice: ${HASH.slice(0, 40)}\n`,
  'a cost out of range': `basic_auth_users:\n  alice: ${HASH.replace('$04$', '$99$')}\n`,
  'a version of bcrypt to come': `basic_auth_users:\n  alice: ${HASH.replace('$2b$', '$3b$')}\n`,
  'no key': 'tls_server_config:\n  cert_file: server.example.pem\n',
  'no certificate': 'tls_server_config:\n  key_file: server.example.key\n',
  'a missing file': 'tls_server_config:\n  cert_file: nothing.pem\n  key_file: server.example.key\n',
  'a key of another certificate':
    'tls_server_config:\n  cert_file: server.example.pem\n  key_file: other.example.key\n',
  'a certificate that is none':
    'tls_server_config:\n  cert_file: server.example.key\n  key_file: server.example.key\n',
  'an invented version': `${TLS}  min_version: TLS9\n`,
  'an invented cipher': `${TLS}  cipher_suites: [TLS_MADE_UP]\n`,
  'an invented curve': `${TLS}  curve_preferences: [CurveP257]\n`,
  'an invented client rule': `${TLS}  client_auth_type: Maybe\n`,
  'client certificates nobody asks for': `${TLS}  client_ca_file: client.example.pem\n`,
  'an empty client authority nobody asks for': `${TLS}  client_ca_file: /dev/null\n`,
  'a missing client authority': `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: nothing.pem\n`,
  'client rules without a certificate':
    'tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n',
  'http2 that is no truth value': 'http_server_config:\n  http2: maybe\n',
  'a header of another kind': 'http_server_config:\n  headers:\n    Server: x\n',
  'a header in other letters': 'http_server_config:\n  headers:\n    x-frame-options: deny\n',
  'a header with a wrong value': 'http_server_config:\n  headers:\n    X-Frame-Options: allow\n',
}

const write = (text: string): string => {
  const file = join(folder.path, 'web.yml')
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
  return file
}

function takes(file: string): boolean {
  try {
    readWebConfig(file)
    return true
  } catch {
    return false
  }
}

describeWith('promtool', 'a web config file', ({ promtool }) => {
  const promtoolTakes = (file: string): Promise<boolean> =>
    new Promise((resolve) =>
      execFile(promtool, ['check', 'web-config', file], (error) => resolve(error === null)),
    )

  it.each(Object.entries(VALID))('with %s is valid for promtool and for us', async (_name, text) => {
    const file = write(text)
    expect({ promtool: await promtoolTakes(file), ours: takes(file) }).toEqual({ promtool: true, ours: true })
  })
  it.each(Object.entries(INVALID))('with %s is refused by promtool and by us', async (_name, text) => {
    const file = write(text)
    expect({ promtool: await promtoolTakes(file), ours: takes(file) }).toEqual({
      promtool: false,
      ours: false,
    })
  })
})

describe('a server with a web config file', () => {
  let running: TestServer | undefined
  afterEach(() => running?.close())

  async function start(text: string): Promise<number> {
    running = await testServer(
      async (app) => {
        app.get('/things', { config: { scope: 'read' } }, async ({ caller }) => ({ caller: caller.name }))
        app.post('/things', { config: { scope: 'control' } }, async () => ({}))
      },
      { webConfigFile: write(text), clock: systemClock },
    )
    const [url] = await running.listen()
    return portOf(url)
  }

  function ask(
    port: number,
    options: RequestOptions = {},
  ): Promise<{ status: number | undefined; headers: object; body: string }> {
    return new Promise((resolve, reject) => {
      const all = {
        host: '127.0.0.1',
        port,
        path: '/things',
        ca: readFileSync(server.cert),
        agent: false,
        ...options,
      }
      const sent = request(all, (response) => {
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
      })
      sent.on('error', reject)
      sent.end()
    })
  }
  const status = (port: number, options?: RequestOptions) =>
    ask(port, options).then(
      (answer) => answer.status,
      () => 'refused',
    )
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  })
  const certificateOf = (port: number): Promise<PeerCertificate> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate())
        socket.destroy()
      })
      socket.on('error', reject)
    })

  it('closes every address to whoever has neither password nor token', async () => {
    const port = await start(`${TLS}basic_auth_users:\n  alice: ${HASH}\n`)
    for (const path of ['/', '/things', '/-/healthy', '/nothing', '/docs']) {
      const { status: code, headers, body } = await ask(port, { path })
      expect([path, code, JSON.parse(body).code]).toEqual([path, 401, 'AE_UNAUTHENTICATED'])
      expect(headers).toMatchObject({ 'www-authenticate': expect.stringContaining('Basic') })
    }
    expect(await status(port, { headers: basic('alice', 'wrong') })).toBe(401)
    expect(await status(port, { headers: basic('bob', 'correct horse') })).toBe(401)
    expect((await ask(port, { headers: basic('alice', 'correct horse') })).body).toBe('{"caller":"alice"}')
    expect((await ask(port, { headers: bearer(READER_TOKEN) })).body).toBe('{"caller":"reader"}')
  })

  it('never lets a password control', async () => {
    const port = await start(`${TLS}basic_auth_users:\n  alice: ${HASH}\n`)
    const json = { 'content-type': 'application/json' }
    const post = (headers: Record<string, string>) =>
      status(port, { method: 'POST', headers: { ...json, ...headers } })
    expect(await post(basic('alice', 'correct horse'))).toBe(403)
    expect(await post(bearer(CONTROL_TOKEN))).toBe(200)
  })

  it('sends the configured headers', async () => {
    const port = await start(
      `${TLS}http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=60\n    X-Frame-Options: sameorigin\n`,
    )
    const { headers } = await ask(port)
    expect(headers).toMatchObject({
      'strict-transport-security': 'max-age=60',
      'x-frame-options': 'sameorigin',
    })
  })

  it('takes changed users without a restart and keeps the old ones when the file is broken', async () => {
    const port = await start(`${TLS}basic_auth_users:\n  alice: ${HASH}\n`)
    const alice = { headers: basic('alice', 'correct horse') }
    const carol = { headers: basic('carol', 'correct horse') }
    expect([await status(port, alice), await status(port, carol)]).toEqual([200, 401])
    write(`${TLS}basic_auth_users:\n  carol: ${HASH}\n`)
    await expect.poll(() => status(port, carol)).toBe(200)
    expect(await status(port, alice)).toBe(401)
    write('basic_auth_users: [')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect([await status(port, alice), await status(port, carol)]).toEqual([401, 200])
  })

  it('takes a renewed certificate without a restart, with the same file names', async () => {
    const renewed = selfSigned(folder.path, 'renewed.example')
    const old = { cert: readFileSync(server.cert), key: readFileSync(server.key) }
    const port = await start(TLS)
    expect((await certificateOf(port)).subject.CN).toBe('server.example')
    writeFileSync(server.key, readFileSync(renewed.key))
    writeFileSync(server.cert, readFileSync(renewed.cert))
    await expect.poll(async () => (await certificateOf(port)).subject.CN).toBe('renewed.example')
    writeFileSync(server.key, old.key)
    writeFileSync(server.cert, old.cert)
  })

  it('speaks no TLS below the minimum', async () => {
    const port = await start(`${TLS}  min_version: TLS13\n`)
    expect(await status(port, { maxVersion: 'TLSv1.2' })).toBe('refused')
    expect(await status(port)).toBe(200)
  })

  it('asks clients for certificates as the file says', async () => {
    const pair = ({ cert, key }: KeyPair) => ({ cert: readFileSync(cert), key: readFileSync(key) })
    const verdicts = async (rule: string) => {
      const port = await start(`${TLS}  client_auth_type: ${rule}\n  client_ca_file: client.example.pem\n`)
      const result = [await status(port), await status(port, pair(other)), await status(port, pair(client))]
      await running?.close()
      return result
    }
    expect(await verdicts('RequireAndVerifyClientCert')).toEqual(['refused', 'refused', 200])
    expect(await verdicts('VerifyClientCertIfGiven')).toEqual([200, 'refused', 200])
    expect(await verdicts('RequireAnyClientCert')).toEqual(['refused', 200, 200])
    expect(await verdicts('RequestClientCert')).toEqual([200, 200, 200])
  })

  it('does not start on a broken file and says which key is wrong', async () => {
    const file = join(folder.path, 'web.yml')
    await expect(start('tls_server_config:\n  min_version: 13\n')).rejects.toThrow(
      `${file}: tls_server_config.min_version`,
    )
  })
})
