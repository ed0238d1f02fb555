import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls'
import { isNothing, type Section, section, truth, WebConfigError } from './web-config-section.ts'

/** How client certificates are treated; Go's names. */
export type ClientAuth =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert'

export interface TlsSettings {
  /** Ready for `tls.createServer` and `server.setSecureContext`. */
  readonly context: SecureContextOptions
  readonly clientAuth: ClientAuth
  /** Subject alternative names of which a client certificate must have one; undefined = any. */
  readonly clientAllowedSans: readonly string[] | undefined
  /** Files whose change makes the certificate be read again. */
  readonly files: readonly string[]
}

const KEYS = [
  'cert',
  'cert_file',
  'key',
  'key_file',
  'client_ca',
  'client_ca_file',
  'client_auth_type',
  'client_allowed_sans',
  'min_version',
  'max_version',
  'cipher_suites',
  'prefer_server_cipher_suites',
  'curve_preferences',
] as const

const VERSIONS: ReadonlyMap<string, SecureVersion> = new Map([
  ['TLS10', 'TLSv1'],
  ['TLS11', 'TLSv1.1'],
  ['TLS12', 'TLSv1.2'],
  ['TLS13', 'TLSv1.3'],
])

const CLIENT_AUTH: ReadonlyMap<string, ClientAuth> = new Map([
  ['', 'NoClientCert'],
  ['NoClientCert', 'NoClientCert'],
  ['RequestClientCert', 'RequestClientCert'],
  ['RequireAnyClientCert', 'RequireAnyClientCert'],
  ['RequireClientCert', 'RequireAnyClientCert'],
  ['VerifyClientCertIfGiven', 'VerifyClientCertIfGiven'],
  ['RequireAndVerifyClientCert', 'RequireAndVerifyClientCert'],
])

/** Go's names of the suites it considers secure (crypto/tls CipherSuites) and OpenSSL's. */
const CIPHERS: ReadonlyMap<string, string> = new Map([
  ['TLS_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ['TLS_AES_256_GCM_SHA384', 'TLS_AES_256_GCM_SHA384'],
  ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
])

const CURVES: ReadonlyMap<string, string> = new Map([
  ['CurveP256', 'P-256'],
  ['CurveP384', 'P-384'],
  ['CurveP521', 'P-521'],
  ['X25519', 'X25519'],
])

const at = (key: string): string => `tls_server_config.${key}`

function text(tls: Section, key: (typeof KEYS)[number]): string {
  const value = isNothing(tls[key]) ? '' : tls[key]
  if (typeof value !== 'string') throw new WebConfigError(`${at(key)}: not text`)
  return value
}

function list(tls: Section, key: (typeof KEYS)[number]): string[] | undefined {
  const value = tls[key]
  if (isNothing(value)) return undefined
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw new WebConfigError(`${at(key)}: not a list of texts`)
  }
  return value as string[]
}

function named<Value>(table: ReadonlyMap<string, Value>, name: string, key: string): Value {
  const value = table.get(name)
  if (value === undefined) {
    throw new WebConfigError(
      `${at(key)}: unknown value; known: ${[...table.keys()].filter(Boolean).join(', ')}`,
    )
  }
  return value
}

function version(tls: Section, key: 'min_version' | 'max_version', fallback: SecureVersion): SecureVersion {
  return isNothing(tls[key]) ? fallback : named(VERSIONS, text(tls, key), key)
}

/** Inline text or the content of the named file. */
function pem(tls: Section, inline: 'cert' | 'key' | 'client_ca', toPath: (file: string) => string) {
  const fileKey = `${inline}_file` as const
  const file = text(tls, fileKey)
  if (file === '') return { content: text(tls, inline), file: undefined }
  const path = toPath(file)
  try {
    return { content: readFileSync(path, 'utf8'), file: path }
  } catch (error) {
    throw new WebConfigError(
      `${at(fileKey)}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    )
  }
}

/**
 * Reads `tls_server_config` with its files. Undefined when neither certificate, key nor client rules are given.
 * @throws WebConfigError
 */
export function readTlsSection(value: unknown, toPath: (file: string) => string): TlsSettings | undefined {
  const tls = section(value, 'tls_server_config', KEYS)
  const preferServer = truth(tls['prefer_server_cipher_suites'], at('prefer_server_cipher_suites'), true)
  const ciphers = list(tls, 'cipher_suites')?.map((name) => named(CIPHERS, name, 'cipher_suites')) ?? []
  const curves = list(tls, 'curve_preferences')?.map((name) => named(CURVES, name, 'curve_preferences')) ?? []
  const minVersion = version(tls, 'min_version', 'TLSv1.2')
  const maxVersion = version(tls, 'max_version', 'TLSv1.3')
  const clientAllowedSans = list(tls, 'client_allowed_sans')
  const enabled = [
    'cert',
    'cert_file',
    'key',
    'key_file',
    'client_ca',
    'client_ca_file',
    'client_auth_type',
  ] as const
  if (enabled.every((key) => text(tls, key) === '')) return undefined

  const cert = pem(tls, 'cert', toPath)
  const key = pem(tls, 'key', toPath)
  if (cert.content === '') throw new WebConfigError(`${at('cert_file')}: missing`)
  if (key.content === '') throw new WebConfigError(`${at('key_file')}: missing`)
  const ca = pem(tls, 'client_ca', toPath)
  const clientAuth = named(CLIENT_AUTH, text(tls, 'client_auth_type'), 'client_auth_type')
  if ((ca.content !== '' || ca.file !== undefined) && clientAuth === 'NoClientCert') {
    throw new WebConfigError(`${at('client_auth_type')}: client_ca is given but clients are not asked`)
  }
  const context: SecureContextOptions = {
    cert: cert.content,
    key: key.content,
    minVersion,
    maxVersion,
    honorCipherOrder: preferServer,
    ...(ca.content === '' ? {} : { ca: ca.content }),
    ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(':') }),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
  }
  try {
    createSecureContext(context)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'not usable'
    throw new WebConfigError(`tls_server_config: certificate and key do not load (${reason})`)
  }
  const files = [cert.file, key.file, ca.file].filter((file) => file !== undefined)
  return { context, clientAuth, clientAllowedSans, files }
}
