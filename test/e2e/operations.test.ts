import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentsRetention } from '../../src/agents/tables.ts'
import { alertsRetention } from '../../src/alertmanager/tables.ts'
import { compatRetention } from '../../src/compat/tables.ts'
import { RESTART_KEYS } from '../../src/config/schema.ts'
import { controlRetention } from '../../src/control/tables.ts'
import { crashesRetention } from '../../src/crashes/tables.ts'
import { exhaustionRetention } from '../../src/exhaustion/tables.ts'
import { memoryRetention } from '../../src/memory/tables.ts'
import { usageRetention } from '../../src/usage/tables.ts'
import { startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { createPageShell, type PageShell } from '../support/page-shell.ts'
import { blockOf, readPage } from '../support/pages.ts'

const PAGE = readPage('docs/operations.md')
const sh = (heading: string, nth = 0) => blockOf(PAGE, heading, 'sh', nth).text
const DAY_MS = 86_400_000

const shellOf = (daemon: Pick<Daemon, 'url' | 'dataDir'>, extra: NodeJS.ProcessEnv = {}): PageShell =>
  createPageShell({ AGENT_EXPORTER_URL: daemon.url, AGENT_EXPORTER_DATA_DIR: daemon.dataDir, ...extra })

it('a reload as written takes a changed token, and a wrong file is not sent to the daemon', async () => {
  using folder = temporaryFolder()
  const [config, token] = [join(folder.path, 'config.yaml'), join(folder.path, 'prometheus.token')]
  const secrets = [randomUUID(), randomUUID()] as const
  writeFileSync(token, secrets[0], { mode: 0o600 })
  const text = `auth:\n  tokens: [{ name: prometheus, file: ${token}, scopes: [metrics] }]\n  anonymous: { loopback: [] }\n`
  writeFileSync(config, text)
  await using daemon = await startDaemon({ args: [`--config.file=${config}`] })
  await using shell = shellOf(daemon, { AGENT_EXPORTER_CONFIG: config, DAEMON_PID: String(daemon.pid) })
  const status = async (secret: string) =>
    (await daemon.get('/metrics', { headers: { authorization: `Bearer ${secret}` } })).status
  expect(await status(secrets[0])).toBe(200)
  writeFileSync(token, secrets[1])
  expect(shell.run(sh('Configuration, reload, logs'))).toMatchObject({ status: 0 })
  await eventually('the new token is taken', async () => (await status(secrets[1])) === 200 || undefined)
  expect(await status(secrets[0])).toBe(401)

  writeFileSync(config, `${text}nonsense: 1\n`)
  expect(shell.run(sh('Configuration, reload, logs'))).toMatchObject({ status: 2 })
  expect(await status(secrets[1])).toBe(200)
})

it('a backup of a running daemon, restored as written, has what was delivered and the same token', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  const deliver = async (daemon: Daemon, description: string) => {
    const answer = await daemon.get('/api/v1/agents/nightly/deliverables', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'deployment', description }),
    })
    expect(answer.status).toBe(201)
  }
  const delivered = async (daemon: Daemon) => {
    const { items } = (await (await daemon.get('/api/v1/agents/nightly/deliverables')).json()) as {
      items: { description: string }[]
    }
    return items.map(({ description }) => description)
  }
  const register = (daemon: Daemon) =>
    daemon.get('/api/v1/agents', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"id":"nightly"}',
    })

  await using first = await startDaemon({ dataDir })
  await using shell = shellOf(first)
  await register(first)
  await deliver(first, 'before')
  expect(shell.run(sh('Backup and restore'))).toMatchObject({ status: 0, stderr: '' })
  expect(statSync(join(shell.folder, 'agent-exporter.backup.db')).mode & 0o777).toBe(0o600)
  await deliver(first, 'after')
  const secret = readFileSync(join(dataDir, 'control.token'), 'utf8')
  await first.stop()

  rmSync(join(dataDir, 'control.token'))
  expect(shell.run(sh('Backup and restore', 1))).toMatchObject({ status: 0, stderr: '' })
  await using second = await startDaemon({ dataDir })
  expect(await delivered(second)).toEqual(['before'])
  expect(readFileSync(join(dataDir, 'control.token'), 'utf8')).toBe(secret)
  expect((await second.get('/health')).status).toBe(200)
})

it('an uninstall as written leaves nobody stopped, and nothing is stopped after it', async () => {
  await using daemon = await startActingDaemon()
  await using shell = shellOf(daemon)
  await shell.start('agent-exporter run --enforce --id one -- claude')
  await shell.start('agent-exporter run --enforce --id two -- claude')
  const stateOf = async (id: string) => {
    const { status, body } = await daemon.call('GET', `/api/v1/agents/${id}`)
    return status === 200 ? (body['state'] as { lifecycleState: string }).lifecycleState : undefined
  }
  const becomes = (id: string, wanted: RegExp) =>
    eventually(`${id} is ${wanted.source}`, async () => wanted.test((await stateOf(id)) ?? '') || undefined)
  for (const id of ['one', 'two']) await becomes(id, /running|idle/)
  for (const id of ['one', 'two'])
    expect(shell.run(`agent-exporter pause ${id} --wait 60s`)).toMatchObject({ status: 0 })
  for (const id of ['one', 'two']) await becomes(id, /paused/)

  expect(shell.run(sh('Uninstall'))).toMatchObject({ status: 0 })
  for (const id of ['one', 'two']) await becomes(id, /running|idle/)
  expect(shell.run('agent-exporter pause one').status).not.toBe(0)
  expect(await stateOf('one')).not.toBe('paused')
})

describe('tables', () => {
  /** Rows of the table under a heading by their first cell, which is code. */
  const rowsUnder = (heading: string) => {
    const from = PAGE.prose.findIndex(({ text }) => text === `## ${heading}`)
    const until = PAGE.prose.findIndex(({ text }, index) => index > from && text.startsWith('## '))
    return PAGE.prose
      .slice(from, until)
      .filter(({ text }) => text.startsWith('| `'))
      .map(({ text }) =>
        text
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
  }
  const codeIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

  it('of files lists what a daemon writes into its data directory, and how little that is', async () => {
    await using daemon = await startDaemon()
    const listed = rowsUnder('Data directory')
      .filter((row) => row.length === 2)
      .flatMap(([files = '', what = '']) => [
        ...codeIn(files),
        ...codeIn(what)
          .filter((code) => code.startsWith('-'))
          .map((suffix) => `${codeIn(files)[0]}${suffix}`),
      ])
    expect(readdirSync(daemon.dataDir).sort()).toEqual(listed.sort())
    const size = (pattern: RegExp) =>
      readdirSync(daemon.dataDir)
        .filter((name) => pattern.test(name))
        .reduce((sum, name) => sum + statSync(join(daemon.dataDir, name)).size, 0)
    expect(size(/\.reserve$/)).toBe(1.25 * 2 ** 20)
    expect(size(/\.db$/)).toBeLessThan(2 ** 20)
  })

  it('of what is kept says how long, as the code does', () => {
    const retain = 1_000
    const rules = [
      ...[agentsRetention, crashesRetention(() => retain), ...usageRetention, ...exhaustionRetention],
      ...[...memoryRetention, ...compatRetention, ...controlRetention, ...alertsRetention],
    ]
    const rows = rowsUnder('Data directory').filter((row) => row.length === 4)
    expect(rows.length).toBeGreaterThan(10)
    for (const [table = '', , days, most] of rows) {
      const rule = rules.find((one) => one.table === codeIn(table)[0])
      expect({ table, days: rule && rule.keepMs / DAY_MS, rows: rule?.maxRows }).toEqual({
        ...{ table, days: Number(days), rows: Number(most?.replaceAll(',', '')) },
      })
    }
  })

  it('and keys that need a restart are those of the code', () => {
    const paragraph = PAGE.prose.map(({ text }) => text).join(' ')
    const [, keys = ''] = /does the same\. (.*) need a restart/.exec(paragraph) ?? []
    expect(codeIn(keys).sort()).toEqual([...RESTART_KEYS].sort())
  })

  it('and the name of the package is the present one', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
    expect(sh('Install')).toContain(`./agent-exporter-${version}.tgz`)
  })
})
