import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { isNothing, section, truth, WebConfigError } from './web-config-section.ts'
import { readTlsSection, type TlsSettings } from './web-config-tls.ts'

/** What a web config file says, in exporter-toolkit's format. */
export interface WebConfig {
  /** Undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined
  /** Headers put on every answer. */
  readonly headers: ReadonlyMap<string, string>
  /** User name to bcrypt hash; empty: no basic auth. */
  readonly users: ReadonlyMap<string, string>
}

/** Header names that may be configured, and their allowed values where only few make sense. */
const HEADERS: ReadonlyMap<string, readonly string[] | undefined> = new Map([
  ['Strict-Transport-Security', undefined],
  ['X-Content-Type-Options', ['nosniff']],
  ['X-Frame-Options', ['deny', 'sameorigin']],
  ['X-XSS-Protection', undefined],
  ['Content-Security-Policy', undefined],
])

function readHeaders(value: unknown): Map<string, string> {
  const headers = new Map<string, string>()
  const at = 'http_server_config.headers'
  for (const [name, text] of Object.entries(section(value, at, [...HEADERS.keys()]))) {
    if (typeof text !== 'string' || !/^[\t\x20-\x7e]*$/.test(text)) {
      throw new WebConfigError(`${at}.${name}: not header text`)
    }
    const allowed = HEADERS.get(name)
    if (allowed !== undefined && !allowed.includes(text)) {
      throw new WebConfigError(`${at}.${name}: must be ${allowed.join(' or ')}`)
    }
    headers.set(name.toLowerCase(), text)
  }
  return headers
}

/** Version 2, cost 04–31, 22 characters of salt and 31 of hash. */
const BCRYPT = /^\$2[abxy]?\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/

function readUsers(value: unknown): Map<string, string> {
  if (isNothing(value)) return new Map()
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new WebConfigError('basic_auth_users: not a mapping')
  const users = new Map<string, string>()
  for (const [user, hash] of Object.entries(value)) {
    if (typeof hash !== 'string' || !BCRYPT.test(hash)) {
      throw new WebConfigError(`basic_auth_users.${user}: not a bcrypt hash (htpasswd -nBC 10 "" makes one)`)
    }
    users.set(user, hash)
  }
  return users
}

/**
 * Reads the text of a web config file; `directory` is what relative paths in it start from.
 * @throws WebConfigError
 */
export function parseWebConfig(text: string, directory: string): WebConfig {
  let root: unknown
  try {
    // Every scalar stays the text it was written as.
    root = parse(text, { schema: 'failsafe', maxAliasCount: 10, logLevel: 'error' })
  } catch (error) {
    const line = (error as { linePos?: readonly { line: number }[] }).linePos?.[0]?.line
    throw new WebConfigError(`not valid YAML${line === undefined ? '' : ` (line ${line})`}`)
  }
  const config = section(root, '', ['tls_server_config', 'http_server_config', 'basic_auth_users'])
  const http = section(config['http_server_config'], 'http_server_config', ['http2', 'headers'])
  // Known and checked, but we speak HTTP/1.1 only.
  truth(http['http2'], 'http_server_config.http2', true)
  return {
    tls: readTlsSection(config['tls_server_config'], (file) => resolve(directory, file)),
    headers: readHeaders(http['headers']),
    users: readUsers(config['basic_auth_users']),
  }
}

/**
 * Reads a web config file with its certificates.
 * @throws WebConfigError that begins with the file's name.
 */
export function readWebConfig(file: string): WebConfig {
  try {
    return parseWebConfig(readFileSync(file, 'utf8'), dirname(file))
  } catch (error) {
    throw new WebConfigError(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
