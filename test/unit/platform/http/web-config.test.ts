import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBasicAuth } from '../../../../src/platform/http/basic-auth.ts'
import { isClientAllowed } from '../../../../src/platform/http/client-certificate.ts'
import { parseWebConfig } from '../../../../src/platform/http/web-config.ts'
import { WebConfigError } from '../../../../src/platform/http/web-config-section.ts'
import type { ClientAuth } from '../../../../src/platform/http/web-config-tls.ts'

const HASH = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'
const parse = (text: string) => parseWebConfig(text, '/nowhere')

describe('web config', () => {
  it('may be empty', () => {
    expect(parse('')).toEqual({ tls: undefined, headers: new Map(), users: new Map() })
    expect(parse('tls_server_config:\nbasic_auth_users: {}\n').users.size).toBe(0)
  })
  it('names users and headers', () => {
    const config = parse(
      `basic_auth_users:\n  alice: ${HASH}\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n`,
    )
    expect(config.users.get('alice')).toBe(HASH)
    expect(config.headers.get('x-frame-options')).toBe('deny')
  })
  it.each([
    ['basic_auth_user: {}', 'basic_auth_user: unknown key'],
    ['http_server_config: { http3: true }', 'http_server_config.http3: unknown key'],
    ['http_server_config: { headers: { Server: x } }', 'http_server_config.headers.Server: unknown key'],
    ['http_server_config: { headers: { X-Frame-Options: always } }', 'must be deny or sameorigin'],
    ['http_server_config: { headers: { Content-Security-Policy: "a\\r\\nb" } }', 'not header text'],
    [
      'tls_server_config: { cert_file: nothing.pem, key_file: nothing.key }',
      'tls_server_config.cert_file: /nowhere/nothing.pem cannot be read (ENOENT)',
    ],
    ['tls_server_config: { client_auth_type: NoClientCert }', 'tls_server_config.cert_file: missing'],
    ['tls_server_config: { min_version: TLS9 }', 'tls_server_config.min_version: unknown value'],
    ['tls_server_config: { cipher_suites: [RC4] }', 'tls_server_config.cipher_suites: unknown value'],
    ['basic_auth_users: { alice: secret }', 'basic_auth_users.alice: not a bcrypt hash'],
    ['basic_auth_users: [alice]', 'basic_auth_users: not a mapping'],
    ['a: [', 'not valid YAML (line 1)'],
    ['{}\n---\n{}', 'not valid YAML'],
  ])('refuses %s with its path', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
  it('does not show a plain password in its message', () => {
    expect(() => parse('basic_auth_users: { alice: secret }')).not.toThrow('secret')
  })
  it('answers any text with a config or a WebConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parse(text)
        } catch (error) {
          expect(error).toBeInstanceOf(WebConfigError)
        }
      }),
    )
  })
})

describe('basic auth', () => {
  function setUp() {
    const asked: [string, string][] = []
    const auth = createBasicAuth(new Map([['alice', HASH]]), async (password, hash) => {
      asked.push([password, hash])
      return password === 'right'
    })
    return { auth, asked }
  }
  it('accepts a user with the right password and asks bcrypt once', async () => {
    const { auth, asked } = setUp()
    expect(await auth.verify('alice', 'right')).toBe(true)
    expect(await auth.verify('alice', 'right')).toBe(true)
    expect(asked).toEqual([['right', HASH]])
  })
  it('remembers a wrong password too', async () => {
    const { auth, asked } = setUp()
    expect([await auth.verify('alice', 'wrong'), await auth.verify('alice', 'wrong')]).toEqual([false, false])
    expect(asked.length).toBe(1)
  })
  it('asks bcrypt for an unknown user as well, so that the time tells nothing', async () => {
    const { auth, asked } = setUp()
    expect(await auth.verify('mallory', 'right')).toBe(false)
    expect(asked[0]?.[1]).toMatch(/^\$2b\$10\$.{53}$/)
  })
  it('does not confuse where the user ends and the password begins', async () => {
    const { auth } = setUp()
    expect(await auth.verify('alice', 'right')).toBe(true)
    expect(await auth.verify('alic', 'eright')).toBe(false)
  })
  it('forgets an answer that could not be had', async () => {
    let broken = true
    const auth = createBasicAuth(new Map([['alice', HASH]]), async () => {
      if (broken) throw new Error('busy')
      return true
    })
    await expect(auth.verify('alice', 'right')).rejects.toThrow('busy')
    broken = false
    expect(await auth.verify('alice', 'right')).toBe(true)
  })
})

describe('client certificates', () => {
  const peer = (subjectaltname: string | undefined, authorized: boolean) =>
    ({
      authorized,
      getPeerCertificate: () => (subjectaltname === undefined ? {} : { subject: {}, subjectaltname }),
    }) as never
  const allowed = (clientAuth: ClientAuth, who: never, clientAllowedSans?: string[]) =>
    isClientAllowed(who, { context: {}, files: [], clientAuth, clientAllowedSans })
  const none = peer(undefined, false)
  const unverified = peer('DNS:a.example', false)
  const verified = peer('DNS:a.example, IP Address:10.0.0.1', true)

  it('are judged as Go does', () => {
    const verdicts = (
      [
        'NoClientCert',
        'RequestClientCert',
        'RequireAnyClientCert',
        'VerifyClientCertIfGiven',
        'RequireAndVerifyClientCert',
      ] as const
    ).map((mode) => [allowed(mode, none), allowed(mode, unverified), allowed(mode, verified)])
    expect(verdicts).toEqual([
      [true, true, true],
      [true, true, true],
      [false, true, true],
      [true, false, true],
      [false, false, true],
    ])
  })
  it('need one of the allowed names', () => {
    expect(allowed('RequireAndVerifyClientCert', verified, ['10.0.0.1'])).toBe(true)
    expect(allowed('RequireAndVerifyClientCert', verified, ['b.example'])).toBe(false)
  })
})
