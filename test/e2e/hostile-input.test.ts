import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/child.ts'
import { type CommandResult, runCommand } from '../support/command.ts'
import { temporaryFolder } from '../support/folder.ts'

const folder = temporaryFolder()
afterAll(() => folder[Symbol.dispose]())

let serial = 0
/** A path nobody has used. */
const fresh = (name: string): string => join(folder.path, `${serial++}-${name}`)

function write(name: string, content: string | Buffer): string {
  const path = fresh(name)
  writeFileSync(path, content)
  return path
}

async function start(...args: string[]): Promise<CommandResult> {
  const own = args.some((arg) => arg.startsWith('--data.dir')) ? [] : [`--data.dir=${fresh('data')}`]
  return runCommand([`--web.listen-address=127.0.0.1:${await freePort()}`, ...own, ...args])
}

/** What a person reads at the end of a start that failed: no stack, nothing on standard output. */
function sentence({ stdout, stderr }: CommandResult): string {
  expect(stdout).toBe('')
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(stderr).not.toContain('node:internal')
  return stderr
    .split('\n')
    .filter((line) => line !== '' && !/^time=\S+ level=/.test(line))
    .join('\n')
}

describe('a configuration that cannot be used ends the start with 2', () => {
  it.each([
    ['an unknown section', 'agnets: {}', 'agnets: unknown key, did you mean agents?'],
    [
      'an unknown key deep inside',
      'agents: { discovery: { comands: [claude] } }',
      'agents.discovery.comands: unknown key, did you mean commands?',
    ],
    ['a wrong type', 'agents: { maxSeries: many }', 'agents.maxSeries'],
    ['a bad duration', 'sampling: { interval: soon }', 'sampling.interval'],
    ['a section given twice', 'agents: {}\nagents: {}', 'unique'],
    ['no YAML at all', 'a: [1\nb: }', 'line 2'],
    ['a list instead of sections', '- agents', 'must be a mapping of sections'],
    ['an anonymous control scope', 'auth: { anonymous: { loopback: [control] } }', 'never anonymous'],
    ['a prototype key', '__proto__: { agents: {} }', 'cannot be used'],
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, n) => `${'bcdefghij'[n]}: &${'bcdefghij'[n]} [${Array(9).fill(`*${'abcdefghi'[n]}`).join(',')}]`).join('\n')}`,
      'cannot be used',
    ],
  ])('%s', async (_, text, expected) => {
    const file = write('config.yaml', text)
    const result = await start(`--config.file=${file}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain(expected)
    expect(sentence(result)).toContain(file)
  })

  it.each([
    ['a directory', () => folder.path, 'EISDIR'],
    ['missing', () => fresh('none'), 'ENOENT'],
    [
      'not UTF-8',
      () => write('latin1.yaml', Buffer.from('agents: { x: "\xff\xfe" }', 'latin1')),
      'is not UTF-8',
    ],
    ['endless', () => '/dev/zero', 'is larger than 1048576 bytes'],
  ])('the file is %s', async (_, file, expected) => {
    const result = await start(`--config.file=${file()}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain(expected)
  })

  it('the file has 100 MB', async () => {
    const file = write('large.yaml', '')
    truncateSync(file, 100_000_000)
    const result = await start(`--config.file=${file}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain('is larger than 1048576 bytes')
  })

  it('an override in the environment', async () => {
    const result = await runCommand(['--once'], { AGENT_EXPORTER__AGENTS__MAX_SERIS: '5' })
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain(
      'AGENT_EXPORTER__AGENTS__MAX_SERIS: no such setting, did you mean maxSeries?',
    )
  })

  it('a token file that is missing, or holds a token anybody could guess', async () => {
    for (const file of [fresh('none'), write('token', 'short')]) {
      const config = write(
        'config.yaml',
        `auth: { tokens: [{ name: ci, scopes: [read], file: ${JSON.stringify(file)} }] }`,
      )
      const result = await start(`--config.file=${config}`)
      expect(result.code).toBe(2)
      expect(sentence(result)).toContain('auth.tokens[ci].file')
    }
  })
})

describe('a data directory that somebody else could change ends the start with 2 and one sentence', () => {
  const made = (mode: number): string => {
    const path = fresh('data')
    mkdirSync(path)
    chmodSync(path, mode)
    return path
  }

  it.each([
    [
      'a link',
      () => {
        const link = fresh('link')
        symlinkSync(made(0o700), link)
        return link
      },
      'it is a symbolic link',
    ],
    ['writable by all', () => made(0o777), 'others may write to it (mode 777)'],
    ['writable by the group', () => made(0o770), 'others may write to it (mode 770)'],
    ['a file', () => write('file', ''), 'it is not a directory'],
    ['below a file', () => join(write('file', ''), 'data'), 'ENOTDIR'],
  ])('%s', async (_, path, expected) => {
    const result = await start(`--data.dir=${path()}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toMatch(/^AE_DATA_DIR: The data directory .* cannot be used: .*\.$/)
    expect(sentence(result)).toContain(expected)
  })

  it.runIf(process.getuid?.() === 0)('owned by another user', async () => {
    const path = made(0o700)
    chownSync(path, 65_534, 65_534)
    const result = await start(`--data.dir=${path}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain('it belongs to uid 65534, not 0')
  })

  it.each([
    [
      'damaged',
      (file: string) => writeFileSync(file, 'short', { mode: 0o600 }),
      'does not hold a control token',
    ],
    [
      'readable by others',
      (file: string) => {
        writeFileSync(file, 'A'.repeat(43))
        chmodSync(file, 0o644)
      },
      'can be read by others (mode 644); chmod 600 it.',
    ],
    ['a link', (file: string) => symlinkSync('/etc/passwd', file), 'is a symbolic link'],
    ['a directory', (file: string) => mkdirSync(file, { mode: 0o700 }), 'is not a regular file'],
  ])('its control token is %s, and the message never shows it', async (_, spoil, expected) => {
    const dataDir = made(0o700)
    spoil(join(dataDir, 'control.token'))
    const result = await start(`--data.dir=${dataDir}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain(expected)
    expect(sentence(result).split('\n')).toHaveLength(1)
    expect(result.stderr).not.toContain('A'.repeat(43))
  })
})

describe('a flag, an address or a server that cannot be used', () => {
  it('says who has the port and ends with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    try {
      const result = await runCommand([
        `--web.listen-address=127.0.0.1:${port}`,
        `--data.dir=${fresh('data')}`,
      ])
      expect(result.code).toBe(1)
      expect(sentence(result)).toBe(
        `Cannot listen on 127.0.0.1:${port}: another program listens there already.`,
      )
    } finally {
      server.close()
    }
  })

  it('ends with 1 on an address this machine does not have, with 2 on what is no address', async () => {
    const foreign = await runCommand(['--web.listen-address=192.0.2.1:10780', `--data.dir=${fresh('data')}`])
    expect(foreign.code).toBe(1)
    expect(sentence(foreign)).toContain('this machine does not have that address')
    for (const text of ['nonsense', '127.0.0.1:99999', 'http://127.0.0.1:1']) {
      const result = await runCommand([`--web.listen-address=${text}`, `--data.dir=${fresh('data')}`])
      expect(result.code).toBe(2)
      expect(sentence(result)).toContain(text)
    }
  })

  it.each([
    ['YAML that is none', 'a: ]', 'not valid YAML'],
    ['an unknown section', 'tls: {}', 'tls'],
    ['a certificate that is missing', 'tls_server_config: { cert_file: a, key_file: b }', 'ENOENT'],
    ['a password in clear text', 'basic_auth_users: { me: secret }', 'not a bcrypt hash'],
  ])('ends with 2 on a web config with %s', async (_, text, expected) => {
    const file = write('web.yaml', text)
    const result = await start(`--web.config.file=${file}`)
    expect(result.code).toBe(2)
    expect(sentence(result)).toContain(expected)
    expect(sentence(result)).toContain(file)
    expect(result.stderr).not.toContain('secret')
  })

  it('ends with 2 on a store address that is none, and does not repeat its password', async () => {
    for (const url of [
      'mysql://me:secret@host/db',
      'postgres://',
      'postgres://me:secret@:bad:/db',
      'sqlite:',
    ]) {
      const result = await start(`--store.url=${url}`)
      expect(result.code).toBe(2)
      expect(sentence(result)).toMatch(/store/)
      expect(result.stderr).not.toContain('secret')
    }
  })

  it('ends with 1 and the reason when the database server is not there', async () => {
    const result = await start(`--store.url=postgres://me:secret@127.0.0.1:${await freePort()}/db`)
    expect(result.code).toBe(1)
    expect(sentence(result)).toMatch(/The database server cannot be reached.*ECONNREFUSED/)
    expect(result.stderr).not.toContain('secret')
  })

  it('ends with 1 and one sentence when there is no /proc where it was told to look', async () => {
    const result = await runCommand(['--once', '--path.procfs=/nonexistent'])
    expect(result.code).toBe(1)
    expect(sentence(result)).toContain('/nonexistent')
  })

  it('leaves the data directory usable after a start that failed', async () => {
    const dataDir = fresh('data')
    const first = await start(`--data.dir=${dataDir}`, '--web.config.file=/nonexistent')
    expect(first.code).toBe(2)
    const token = readFileSync(join(dataDir, 'control.token'), 'utf8')
    const second = await start(`--data.dir=${dataDir}`, '--web.config.file=/nonexistent')
    expect(second.code).toBe(2)
    expect(readFileSync(join(dataDir, 'control.token'), 'utf8')).toBe(token)
  })
})
