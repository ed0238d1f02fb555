import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { decodeConfig } from './decode.ts'
import { applyEnvironment } from './environment.ts'
import { interpolate } from './interpolate.ts'
import { ConfigError, type ConfigIssue } from './issue.ts'
import type { Config } from './schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface LoadedConfig {
  readonly config: Config
  /** The file it was read from; undefined when there is none and the defaults hold. */
  readonly file: string | undefined
}

/** A larger file is not a configuration. */
const MAX_FILE_BYTES = 1024 * 1024
/** More would be a document built to blow up in memory ("billion laughs"). */
const MAX_ALIASES = 100

/**
 * Where the configuration is looked for, first match wins. Never the working directory: whoever can write
 * there (an agent in its checkout) must not choose how it is watched.
 */
export function configCandidates(
  flag: string | undefined,
  env: Environment,
): { path: string; required: boolean }[] {
  if (flag !== undefined) return [{ path: flag, required: true }]
  if (env['AGENT_EXPORTER_CONFIG']) return [{ path: env['AGENT_EXPORTER_CONFIG'], required: true }]
  const home = env['XDG_CONFIG_HOME'] || (env['HOME'] ? join(env['HOME'], '.config') : undefined)
  const personal =
    home === undefined ? [] : [{ path: join(home, 'agent-exporter', 'config.yaml'), required: false }]
  return [...personal, { path: '/etc/agent-exporter/config.yaml', required: false }]
}

/**
 * Reads, interpolates, overrides from the environment and checks the configuration.
 * @throws ConfigError when a file is unreadable or anything in it is wrong.
 */
export function loadConfig(flag: string | undefined, env: Environment): LoadedConfig {
  for (const { path, required } of configCandidates(flag, env)) {
    const text = readText(path, required)
    if (text !== undefined) return { config: parseConfig(path, text, env), file: path }
  }
  return { config: parseConfig('environment', '', env), file: undefined }
}

/** The configuration a YAML text describes; `source` names it in errors. */
export function parseConfig(source: string, text: string, env: Environment): Config {
  const document = parseDocument(text, { uniqueKeys: true })
  if (document.errors.length > 0) {
    throw new ConfigError(
      source,
      // A picture of the place follows the first line, which announces it with a colon.
      document.errors.map(({ message }) => ({
        path: '',
        message: message.split('\n')[0]!.replace(/:$/, ''),
      })),
    )
  }
  const issues: ConfigIssue[] = []
  const interpolated = interpolate(toPlain(document, source), env, issues)
  if (
    interpolated !== null &&
    interpolated !== undefined &&
    (typeof interpolated !== 'object' || Array.isArray(interpolated))
  ) {
    throw new ConfigError(source, [{ path: '', message: 'must be a mapping of sections' }])
  }
  return decodeConfig(source, applyEnvironment(interpolated, env, issues), issues)
}

function readText(path: string, required: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' && !required) return undefined
    throw new ConfigError(path, [{ path: '', message: readFailure(code) ?? (error as Error).message }])
  }
}

function readFailure(code: string | undefined): string | undefined {
  if (code === undefined) return undefined
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not UTF-8' : `cannot be read (${code})`
}

/** Never more than the largest configuration, however large or endless the file is. */
function readBytes(path: string): Buffer {
  const buffer = Buffer.allocUnsafe(MAX_FILE_BYTES + 1)
  const fd = openSync(path, 'r')
  let length = 0
  try {
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null)
    }
  } finally {
    closeSync(fd)
  }
  if (length > MAX_FILE_BYTES) throw new Error(`is larger than ${MAX_FILE_BYTES} bytes`)
  return buffer.subarray(0, length)
}

/** Aliases are resolved here, and only here can they fail: a missing anchor, a ring, or more than any person writes. */
function toPlain(document: ReturnType<typeof parseDocument>, source: string): unknown {
  try {
    return withoutRing(document.toJS({ maxAliasCount: MAX_ALIASES }), [])
  } catch (error) {
    throw new ConfigError(source, [{ path: '', message: (error as Error).message }])
  }
}

/** YAML allows an alias for what the alias itself stands in (`a: &a [*a]`); who follows that never comes to an end. */
function withoutRing(value: unknown, above: readonly unknown[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (above.includes(value)) throw new Error('an alias stands for something that it is itself a part of')
  for (const part of Object.values(value)) withoutRing(part, [...above, value])
  return value
}
