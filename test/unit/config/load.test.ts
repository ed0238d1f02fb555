import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/config/issue.ts'
import { configCandidates, loadConfig, parseConfig } from '../../../src/config/load.ts'

const issuesOf = (text: string, env: Record<string, string> = {}): string[] => {
  try {
    parseConfig('test', text, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
  return []
}

describe('configuration', () => {
  it('is its defaults when empty', () => {
    const config = parseConfig('test', '', {})
    expect(config.agents.retention).toBe(300_000)
    expect(config.sampling.interval).toBe(1_000)
    expect(config.store.url).toBe('sqlite')
    expect(config.auth.anonymous).toEqual({ loopback: ['metrics', 'read', 'ingest'], remote: ['metrics'] })
    expect(config.agents.discovery.commands).toContain('claude')
  })

  it('takes a section that is named and left empty as its defaults', () => {
    expect(parseConfig('test', 'agents:\nauth:\n  anonymous:\n', {}).agents.maxSeries).toBe(200_000)
  })

  it('names the path of an unknown key and the key that was meant', () => {
    expect(issuesOf('agents: { retentoin: 5m }')).toEqual([
      'agents.retentoin: unknown key, did you mean retention?',
    ])
    expect(issuesOf('agnets: {}')).toEqual(['agnets: unknown key, did you mean agents?'])
    expect(issuesOf('sampling: { zzz: 1 }')[0]).toContain('known here: interval')
  })

  it('says what a value must be', () => {
    expect(issuesOf('agents: { retention: 5 }')).toEqual([
      'agents.retention: must be a duration such as 500ms, 30s, 5m or 1h30m',
    ])
    expect(issuesOf('agents: { perAgentMetrics: all }')).toEqual([
      'agents.perAgentMetrics: must be one of full, core',
    ])
    expect(issuesOf('store: { url: mysql://x }')[0]).toContain('store.url: must be sqlite')
    expect(issuesOf('sampling: { interval: 1ms }')).toEqual(['sampling.interval: must be at least 100ms'])
  })

  it('lists every issue at once', () => {
    expect(issuesOf('agents: { maxSeries: 0, exposePaths: 7 }\nfoo: 1')).toHaveLength(3)
  })

  it('never lets control be anonymous', () => {
    expect(issuesOf('auth: { anonymous: { loopback: [control] } }')[0]).toContain('never anonymous')
  })

  it('wants exactly one secret per token and names only once', () => {
    const hash = 'a'.repeat(64)
    const both = `auth: { tokens: [{ name: a, hashSha256: ${hash}, scopes: [read] }, { name: a, scopes: [read] }] }`
    expect(issuesOf(both)).toEqual([
      'auth.tokens[1]: needs either hashSha256 or file',
      'auth.tokens[1]: the name a is used twice',
    ])
  })

  it('refuses broken YAML, duplicate keys and documents that are no mapping', () => {
    expect(issuesOf('agents: [')).toEqual([expect.stringMatching(/at line 1, column \d+$/)])
    expect(issuesOf('agents: {}\nagents: {}')).not.toEqual([])
    expect(issuesOf('- a')).toEqual([': must be a mapping of sections'])
    expect(issuesOf('just text')).toEqual([': must be a mapping of sections'])
  })

  it('refuses an alias within what it stands for, and takes one that is used twice', () => {
    expect(issuesOf('agents: &a { discovery: *a }')).toEqual([
      ': an alias stands for something that it is itself a part of',
    ])
    expect(
      issuesOf('agents: { discovery: { commands: &a [claude, codex] } }\nauth: &b {}\nsampling: *b'),
    ).toEqual([])
  })

  it('never answers garbage with anything but a ConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        issuesOf(text)
      }),
    )
  })
})

describe('interpolation', () => {
  it('replaces variables in values', () => {
    const config = parseConfig('test', 'store: { url: "postgres://u:${PG_PASSWORD}@db/x" }', {
      PG_PASSWORD: 's',
    })
    expect(config.store.url).toBe('postgres://u:s@db/x')
  })

  it('refuses a variable inside the host or path of a URL', () => {
    expect(issuesOf('store: { url: "postgres://u:p@${HOST}/x" }', { HOST: 'h' })[0]).toContain('not allowed')
    expect(issuesOf('store: { url: "postgres://u:p@h/${DB}" }', { DB: 'h' })[0]).toContain('not allowed')
  })

  it('says which variable is not set and leaves an escaped one alone', () => {
    expect(issuesOf('agents: { retention: "${NOPE}" }')).toEqual([
      'agents.retention: the environment variable NOPE is not set',
    ])
    expect(issuesOf('auth: { allowedHosts: ["$${NOPE}"] }')).toEqual([])
  })
})

describe('environment overrides', () => {
  it('win over the file, whatever their case', () => {
    const config = parseConfig('test', 'agents: { maxSeries: 5000 }', {
      AGENT_EXPORTER__AGENTS__MAX_SERIES: '7000',
      AGENT_EXPORTER__agents__discovery__commands: '[claude, mine]',
      AGENT_EXPORTER_AGENT: 'not a setting',
    })
    expect(config.agents.maxSeries).toBe(7_000)
    expect(config.agents.discovery.commands).toEqual(['claude', 'mine'])
  })

  it('are refused when there is no such setting', () => {
    expect(issuesOf('', { AGENT_EXPORTER__AGENTS__MAXSERIE: '7000' })[0]).toContain('did you mean maxSeries?')
  })
})

describe('files', () => {
  it('are never looked for in the working directory', () => {
    for (const env of [{}, { HOME: '/home/u' }, { XDG_CONFIG_HOME: '/x' }]) {
      for (const { path } of configCandidates(undefined, env)) expect(path.startsWith('/')).toBe(true)
    }
  })

  it('must exist when named, and may be missing otherwise', () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'))
    expect(() => loadConfig(join(folder, 'none.yaml'), {})).toThrow(/ENOENT/)
    expect(loadConfig(undefined, { XDG_CONFIG_HOME: folder, HOME: folder }).file).toBeUndefined()
    expect(() => loadConfig(folder, {})).toThrow(ConfigError)
    writeFileSync(join(folder, 'c.yaml'), 'agents: { exposePaths: true }')
    expect(loadConfig(join(folder, 'c.yaml'), {}).config.agents.exposePaths).toBe(true)
  })
})
