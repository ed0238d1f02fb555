import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { displayWidth } from '../../../src/cli/width.ts'
import { runCli } from '../../support/command-line.ts'
import { type FakeApi, startFakeApi } from '../../support/fake-api.ts'
import { monitoringAnswer } from '../../support/monitoring-answers.ts'
import { COLOUR, enterTerminal, leaveTerminal, type Mode, UNSAFE } from '../../support/terminal-modes.ts'

const GOLDEN = join(import.meta.dirname, '../../fixtures/golden/cli')

const folder = mkdtempSync(join(tmpdir(), 'outputs-'))
const trace = join(folder, 'trace.csv')
let api: FakeApi

beforeAll(async () => {
  const rows = Array.from({ length: 300 }, (_, t) => `${t},${(t >= 60 && t < 120 ? 1_010 : 200) * 2 ** 20}`)
  writeFileSync(trace, ['time_s,rss_bytes', ...rows].join('\n'))
  api = await startFakeApi(monitoringAnswer)
})
afterAll(() => api[Symbol.asyncDispose]())
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-31T12:00:00Z') })
  vi.stubEnv('XDG_CONFIG_HOME', folder)
  vi.stubEnv('AGENT_EXPORTER_CONFIG', '')
})
afterEach(() => {
  vi.useRealTimers()
  leaveTerminal()
})

const COMMANDS: readonly (readonly [name: string, ...argv: string[]])[] = [
  ['R29 metrics', 'metrics'],
  ['R30 health', 'health', '--crashes', '--alerts'],
  ['crashes', 'crashes'],
  ['one crash', 'crashes', '7c1e0b52-93f4-4c5e-8a11-0c9f3b6f2a01'],
  ['a hostile crash', 'crashes', 'e04b7a9d-1f6c-4d27-b3f0-5a8d2c417e02'],
  ['a crash with much to say', 'crashes', 'b52d0c1e-8f37-4e69-9a40-6d1b7e3c5f03'],
  ['alerts', 'alerts', '--all'],
  ['agents', 'agents'],
  ['actions', 'actions'],
  ['top', 'top', '--count', '1', '--no-clear'],
  ['replay', 'replay', trace, '--limit', '1GiB'],
]

async function shown(argv: readonly string[], columns: number, mode: Mode): Promise<string> {
  enterTerminal(columns, mode)
  const at = argv[0] === 'replay' ? [] : ['--url', api.url]
  const { code, out, err } = await runCli(...argv, ...at)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

describe.each([80, 140])('on %i columns', (columns) => {
  it.each(COMMANDS)('%s fits, in colour on a terminal only', async (name, ...argv) => {
    const onTerminal = await shown(argv, columns, 'terminal')
    const plain = await shown(argv, columns, 'no-color')
    expect(await shown(argv, columns, 'pipe')).toBe(plain)
    expect(onTerminal.replace(COLOUR, '')).toBe(plain)
    expect(plain).not.toMatch(UNSAFE)
    expect(plain).not.toMatch(/\[object|undefined|NaN/)
    for (const line of plain.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
    const file = `${name.replaceAll(' ', '-')}-${columns}`
    await expect(plain).toMatchFileSnapshot(join(GOLDEN, `${file}.txt`))
    await expect(onTerminal.replaceAll('\x1b', 'ESC')).toMatchFileSnapshot(join(GOLDEN, `${file}.colour.txt`))
  })
})

describe('into a pipe without a width', () => {
  it.each(COMMANDS)('%s shows every column and no colour', async (_name, ...argv) => {
    const wide = await shown(argv, 100_000, 'pipe')
    vi.stubEnv('COLUMNS', '')
    expect(wide).not.toContain('\x1b')
    const at = argv[0] === 'replay' ? [] : ['--url', api.url]
    expect((await runCli(...argv, ...at)).out.replace(/ +$/gm, '')).toBe(wide.replace(/ +$/gm, ''))
  })
})

describe('as JSON', () => {
  it.each(COMMANDS.filter(([name]) => name !== 'replay'))(
    '%s has the same text, and nothing that steers',
    async (_name, ...argv) => {
      const { out } = await runCli(...argv, '--json', '--url', api.url)
      expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u202e\ufeff]/)
      expect(() => JSON.parse(out)).not.toThrow()
    },
  )
})
