import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, freePort } from '../support/child.ts'
import { type CommandResult, runCommand } from '../support/command.ts'
import { BIN, type Daemon, startDaemon } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'

/** CONTRACT §1. */
const CODE = { ok: 0, failure: 1, usage: 2, unreachable: 3, notFound: 4, unhealthy: 5 } as const

const noStack = ({ stderr }: CommandResult) => expect(stderr).not.toMatch(/^\s+at /m)

describe('commands that ask a running daemon', () => {
  let daemon: Daemon
  let agent: Stranger
  const ask = (...args: string[]) => runCommand(args, { AGENT_EXPORTER_URL: daemon.url })

  beforeAll(async () => {
    agent = await startStranger('/bin/sleep', ['600'], {
      env: { AGENT_EXPORTER_AGENT: 'listed', AGENT_EXPORTER_ROLE: 'tester' },
    })
    daemon = await startDaemon()
    await eventually('the agent is listed', async () => {
      const { stdout } = await ask('agents')
      return stdout.includes('listed') || undefined
    })
  })
  afterAll(async () => {
    await agent.stop()
    await daemon[Symbol.asyncDispose]()
  })

  it('agents prints a table for people', async () => {
    const { code, stdout, stderr } = await ask('agents')
    expect({ code, stderr }).toEqual({ code: CODE.ok, stderr: '' })
    const [head, ...rows] = stdout.trimEnd().split('\n')
    expect(head).toMatch(/^AGENT +STATE +VENDOR +RUNTIME +PROCS +MEMORY +LIMIT$/)
    const row = rows.find((line) => line.startsWith('listed '))
    expect(row).toMatch(/^listed +\w+ +- +process +1 +[\d.]+ [KM]iB +-$/)
  })

  it('agents --json prints what the API answers', async () => {
    const { code, stdout } = await ask('agents', '--json', `--url=${daemon.url}`)
    expect(code).toBe(CODE.ok)
    const listed = (JSON.parse(stdout) as { id: string; role?: string }[]).find(({ id }) => id === 'listed')
    expect(listed).toMatchObject({ id: 'listed', role: 'tester', runtime: 'process', origin: 'environment' })
  })

  it('agents goes through every page of a long list', async () => {
    for (let n = 0; n < 60; n++) {
      await daemon.get('/api/v1/agents', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: `page-${n}` }),
      })
    }
    const { stdout } = await ask('agents', '--json')
    const ids = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => id.startsWith('page-'))).toHaveLength(60)
  })

  it('healthcheck answers 0 when the daemon is ready', async () => {
    expect(await ask('healthcheck')).toEqual({ code: CODE.ok, stdout: 'ready\n', stderr: '' })
  })
})

describe('commands that find no daemon, or a sick one', () => {
  it.each(['agents', 'healthcheck'])('%s answers 3 and names the address', async (command) => {
    const url = `http://127.0.0.1:${await freePort()}`
    const result = await runCommand([command, '--url', url])
    expect(result.code).toBe(CODE.unreachable)
    expect(result.stderr).toBe(`No agent-exporter answers at ${url} (ECONNREFUSED).\n`)
  })

  it.each(['agents', 'healthcheck'])(
    '%s answers 3 when something accepts and stays silent',
    async (command) => {
      const server = createServer(() => {}).listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const { port } = server.address() as { port: number }
        const result = await runCommand([command, '--url', `http://127.0.0.1:${port}`])
        expect(result.code).toBe(CODE.unreachable)
        noStack(result)
      } finally {
        server.close()
        server.closeAllConnections()
      }
    },
  )

  it('healthcheck answers 5 when the daemon says that it is not ready', async () => {
    const server = createServer((_, answer) => answer.writeHead(503).end('{}')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port } = server.address() as { port: number }
      const result = await runCommand(['healthcheck', '--url', `http://127.0.0.1:${port}`])
      expect(result.code).toBe(CODE.unhealthy)
      expect(result.stderr).toContain('503')
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('agents answers 1 on what is no agent-exporter', async () => {
    const server = createServer((_, answer) => answer.end('<html>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port } = server.address() as { port: number }
      const result = await runCommand(['agents', '--url', `http://127.0.0.1:${port}`])
      expect(result.code).toBe(CODE.failure)
      expect(result.stderr).toMatch(/agent-exporter/)
      noStack(result)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it.each(['nonsense', 'file:///etc/passwd', '127.0.0.1:10780'])(
    'refuses the address %s with 2',
    async (url) => {
      const result = await runCommand(['agents', '--url', url])
      expect(result.code).toBe(CODE.usage)
      expect(result.stderr).toContain(url)
      noStack(result)
    },
  )
})

describe('commands that need no daemon', () => {
  const folder = temporaryFolder()
  afterAll(() => folder[Symbol.dispose]())

  it('--version prints name and version', async () => {
    const { code, stdout } = await runCommand(['--version'])
    expect(code).toBe(CODE.ok)
    expect(stdout).toMatch(/^agent-exporter \d+\.\d+\.\d+\n$/)
  })

  it('--help lists every flag and command', async () => {
    const { code, stdout } = await runCommand(['--help'])
    expect(code).toBe(CODE.ok)
    for (const word of [
      '--config.file',
      '--data.dir',
      '--web.listen-address',
      '--web.config.file',
      '--web.max-requests',
      '--store.url',
      '--log.level',
      '--log.format',
      '--collector.process.reader',
      '--no-collector.host',
      '--once',
      '--version',
      'serve',
      'agents',
      'doctor',
      'check-config',
      'healthcheck',
      'completion',
    ])
      expect(stdout).toContain(word)
  })

  it.each([
    [['--nonsense']],
    [['nonsense']],
    [['agents', '--nonsense']],
    [['completion', 'tcsh']],
    [['completion']],
  ])('answers 2 to %j', async (args) => {
    const result = await runCommand(args)
    expect(result.code).toBe(CODE.usage)
    expect(result.stderr).not.toBe('')
    noStack(result)
  })

  it('check-config answers 0 for a good file and 2 for a bad one, naming every mistake', async () => {
    const good = join(folder.path, 'good.yaml')
    const bad = join(folder.path, 'bad.yaml')
    writeFileSync(good, 'agents: { retention: 10m }\nsampling: { interval: 2s }\n')
    writeFileSync(bad, 'agents: { retenton: 10m, maxSeries: -1 }\nstore: { url: mysql://x }\n')
    expect(await runCommand(['check-config', good])).toEqual({
      code: CODE.ok,
      stdout: `${good}: valid\n`,
      stderr: '',
    })
    const result = await runCommand(['check-config', bad])
    expect(result.code).toBe(CODE.usage)
    for (const path of [
      'agents.retenton: unknown key, did you mean retention?',
      'agents.maxSeries',
      'store.url',
    ])
      expect(result.stderr).toContain(path)
    expect((await runCommand(['check-config', '/nonexistent'])).code).toBe(CODE.usage)
  })

  it('doctor names what is reachable and what a missing piece costs, as a table and as JSON', async () => {
    const args = ['doctor', `--data.dir=${join(folder.path, 'doctor')}`]
    const env = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }
    const table = await runCommand(args, env)
    expect(table.code).toBe(CODE.ok)
    expect(table.stdout).toMatch(/^WHAT +STATE +DETAIL\n/)
    expect(table.stdout).toMatch(/^processes +ok /m)
    expect(table.stdout).toMatch(/^Docker +missing .*containers/m)
    const json = await runCommand([...args, '--json'], env)
    const parts = JSON.parse(json.stdout) as { name: string; state: string; detail: string; cost: string }[]
    expect(parts.find(({ name }) => name === 'Docker')?.state).toBe('missing')
    for (const { detail } of parts) expect(detail).not.toBe('')
  })

  it('--once prints one collection and leaves no data directory behind', async () => {
    const dataDir = join(folder.path, 'once')
    const { code, stdout, stderr } = await runCommand(['--once', `--data.dir=${dataDir}`])
    expect({ code, stderr }).toEqual({ code: CODE.ok, stderr: '' })
    const page = parseExposition(stdout, 'text')
    for (const collector of ['process', 'agents', 'host', 'self'])
      expect(page.values.get(`agent_scrape_collector_success{collector="${collector}"}`)).toBe(1)
    expect(() => execFileSync('ls', [dataDir], { stdio: 'pipe' })).toThrow()
  })

  it('--no-collector.host leaves out the host and nothing else', async () => {
    const { code, stdout } = await runCommand(['--once', '--no-collector.host'])
    expect(code).toBe(CODE.ok)
    expect(stdout).not.toContain('agent_host_')
    expect(stdout).not.toContain('collector="host"')
    expect(stdout).toContain('agent_scrape_collector_success{collector="self"} 1')
  })

  it('ends quietly when the reader of its output has gone', () => {
    const script = `"${process.execPath}" "${BIN}" --once | head -n 1; echo "\${PIPESTATUS[0]}"`
    const out = execFileSync('bash', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    expect(out).toMatch(/^# HELP/)
  })
})

describe('shell completion', () => {
  /** What bash would offer after these words, with the script really loaded. */
  async function complete(...words: string[]): Promise<string[]> {
    const { stdout, code } = await runCommand(['completion', 'bash'])
    expect(code).toBe(CODE.ok)
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const script = `${stdout}
complete -p agent-exporter >/dev/null || exit 9
COMP_WORDS=(agent-exporter ${quoted})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_agent_exporter
printf '%s\\n' "\${COMPREPLY[@]}"`
    const out = execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
    return out.split('\n').filter((line) => line !== '')
  }

  it('offers commands and flags in a real bash', async () => {
    expect(await complete('')).toEqual(expect.arrayContaining(['agents', 'doctor', 'serve', '--config.file']))
    expect(await complete('ag')).toEqual(['agents'])
    expect(await complete('--store')).toEqual(['--store.url'])
    expect(await complete('--no-collector.h')).toEqual(['--no-collector.host'])
  })

  it('offers the options of a command after it', async () => {
    expect(await complete('agents', '--')).toEqual(expect.arrayContaining(['--json', '--url']))
    expect(await complete('agents', '--')).not.toContain('--config.file')
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  })

  it('offers commands below a command, and the known values of an option', async () => {
    expect(await complete('alerts', 'ack')).toEqual(['acknowledge'])
    expect(await complete('crashes', '--cause', 'oom_')).toEqual(['oom_cgroup', 'oom_host', 'oom_child'])
    expect(await complete('replay', '--l')).toEqual(['--limit'])
  })

  it('offers the options of a command after flags of the daemon too', async () => {
    expect(await complete('--data.dir', '/x', 'agents', '--j')).toEqual(['--json'])
  })

  it.each(['zsh', 'fish'])('prints a script for %s that names every command', async (shell) => {
    const { code, stdout } = await runCommand(['completion', shell])
    expect(code).toBe(CODE.ok)
    for (const command of ['agents', 'doctor', 'check-config', 'healthcheck', 'completion'])
      expect(stdout).toContain(command)
    // Each shell would stop at an unbalanced quote; fish takes \\' within quotes.
    const plain = stdout.replaceAll("\\'", '')
    for (const quote of ["'", '"']) expect(plain.split(quote).length % 2).toBe(1)
  })
})

it('starts from another folder and by another name: a link to the program', async () => {
  using folder = temporaryFolder()
  execFileSync('ln', ['-s', BIN, join(folder.path, 'exporter')])
  const out = execFileSync(process.execPath, [join(folder.path, 'exporter'), '--version'], {
    cwd: dirname(folder.path),
    encoding: 'utf8',
  })
  expect(out).toMatch(/^agent-exporter /)
})
