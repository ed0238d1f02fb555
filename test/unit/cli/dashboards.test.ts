import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { BOARDS } from '../../../dashboards/src/boards.ts'
import { UIDS } from '../../../dashboards/src/links.ts'
import { BOARD_NAMES, readBoard } from '../../../src/dashboards/shipped.ts'
import { FOLDER } from '../../support/boards/boards.ts'
import { runCli } from '../../support/command-line.ts'
import { temporaryFolder } from '../../support/folder.ts'

it('the boards that are shipped are all boards', () => {
  expect(BOARD_NAMES).toEqual(BOARDS.map(({ name }) => name))
  expect(BOARD_NAMES.map((name) => readBoard(name).file)).toEqual(
    BOARD_NAMES.map((name) => `${UIDS[name]}.json`),
  )
})

describe('agent-exporter dashboards', () => {
  it('lists them with the questions that they answer', async () => {
    const { code, out, err } = await runCli('dashboards')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(
      /^BOARD +ADDRESS +QUESTION\nfleet +\/d\/agent-exporter-fleet +Is anything wrong, .*\?\n/,
    )
    expect(out.trim().split('\n')).toHaveLength(BOARD_NAMES.length + 1)
  })

  it('prints one as it is shipped', async () => {
    const { code, out, err } = await runCli('dashboards', 'fleet')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toBe(readFileSync(join(FOLDER, 'agent-exporter-fleet.json'), 'utf8'))
  })

  it('prints one for other addresses', async () => {
    const { out } = await runCli(
      ...[
        'dashboards',
        'fleet',
        '--exporter-url',
        'https://x.example/{instance}/',
        '--runbooks',
        'https://w.example/$&',
      ],
    )
    expect(out).toContain('https://x.example/${__data.fields.instance}/ui/agents/')
    expect(out).toContain('(https://w.example/$&/docs/runbooks.md#')
  })

  it('adds buttons only when it is told to, and says what they need', async () => {
    const { out, err } = await runCli(
      'dashboards',
      'fleet',
      '--grafana-actions',
      'https://x.example/{instance}',
    )
    expect(out).toContain('https://x.example/${__data.fields.instance}/api/v1/agents/')
    expect(err).toContain('auth.allowedOrigins')
    expect((await runCli('dashboards', 'fleet')).out).not.toContain('/api/v1/agents/')
  })

  it('writes all of them with what provisions them, and nothing that Grafana would take for a board', async () => {
    using folder = temporaryFolder()
    const { code, out } = await runCli('dashboards', '--write', folder.path)
    expect(code).toBe(0)
    expect(out).toContain('written    agent-exporter-fleet.json\n')
    const jsons = readdirSync(folder.path).filter((name) => name.endsWith('.json'))
    expect(jsons).toHaveLength(BOARD_NAMES.length)
    const { apiVersion, providers } = parse(readFileSync(join(folder.path, 'provider.yaml'), 'utf8')) as {
      apiVersion: number
      providers: readonly { type: string; options: { path: string } }[]
    }
    expect([apiVersion, providers[0]!.type, providers[0]!.options.path]).toEqual([1, 'file', folder.path])
    const again = await runCli('dashboards', '--write', folder.path)
    expect(again.out.match(/^\w+(?= )/gm)?.filter((fate) => fate !== 'unchanged')).toEqual(['In'])
  })

  it('writes one of them and leaves the others alone', async () => {
    using folder = temporaryFolder()
    await runCli('dashboards', '--write', folder.path)
    const { out } = await runCli(
      'dashboards',
      'usage',
      '--write',
      folder.path,
      '--runbooks',
      'https://w.example',
    )
    expect(out.trim().split('\n').slice(1)).toEqual(['replaced   agent-exporter-usage.json'])
  })

  it('replaces an edited board only when it is told to', async () => {
    using folder = temporaryFolder()
    await runCli('dashboards', '--write', folder.path)
    writeFileSync(join(folder.path, 'agent-exporter-fleet.json'), '{}')
    const refused = await runCli('dashboards', '--write', folder.path)
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toMatch(/^AE_FILE_EXISTS: .*agent-exporter-fleet\.json/)
    const forced = await runCli('dashboards', '--write', folder.path, '--force')
    expect(forced.out).toContain('replaced   agent-exporter-fleet.json')
  })

  it.each([
    ['a board that there is not', ['boards'], 'Allowed choices are fleet, agent'],
    ['what is no address', ['fleet', '--exporter-url', 'exporters'], 'It must be an address'],
    ['an address of another kind', ['fleet', '--grafana-actions', 'file:///etc'], 'It must be an address'],
    ['addresses for a list', ['--runbooks', 'https://w.example'], 'Name a board to print, or a folder'],
  ])('refuses %s', async (_, argv, message) => {
    const { code, out, err } = await runCli('dashboards', ...argv)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })
})
