import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { greeting } from '../../../src/cli/greeting.ts'
import { noteLine } from '../../../src/cli/note.ts'
import { renderSummary } from '../../../src/cli/profile.ts'
import { terminalOf } from '../../../src/cli/terminal.ts'
import { displayWidth } from '../../../src/cli/width.ts'
import type { LinkAnswer } from '../../../src/launch/daemon-link.ts'
import { enrol } from '../../../src/launch/enrol.ts'
import { launch } from '../../../src/launch/launch.ts'
import type { LaunchRequest } from '../../../src/launch/request.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { HOSTILE } from '../../support/monitoring-answers.ts'
import { UNSAFE } from '../../support/terminal-modes.ts'

const GOLDEN = join(import.meta.dirname, '../../fixtures/golden/cli')

const SUMMARY = {
  version: '1.2.3',
  urls: ['http://127.0.0.1:10780'],
  dataDir: `/home/somebody/.local/share/${'deep/'.repeat(12)}agent-exporter`,
  configFile: `/etc/\u001b[2J\u202e/config.yaml`,
  acts: 'on registered agents that opted in, of this user; every action is written down before it is done',
  agents: [
    { id: 'claude-3f2a9c01', runtime: 'process', processes: 3 },
    { id: 'coder@build-7.example', runtime: 'container', processes: undefined },
    { id: HOSTILE, runtime: HOSTILE, processes: 1 },
  ],
  reach: [
    { name: 'processes', state: 'ok', detail: '/proc: 212 processes', cost: 'none' },
    { name: 'Docker', state: 'ok', detail: HOSTILE, cost: 'none' },
    {
      name: 'cgroups',
      state: 'limited',
      detail: 'version 1 at /sys/fs/cgroup, without the memory controller',
      cost: 'no memory of control groups, and an end by the OOM killer is told from the outside alone',
    },
  ],
} as const

const PROFILE = {
  seconds: 73.25,
  peakRssBytes: 812 * 2 ** 20,
  cpuSeconds: 61.04,
  hottest: [
    { name: 'parse', place: 'node_modules/some-parser/lib/parse.js:120', selfSeconds: 31.2 },
    { name: '(garbage collector)', place: '', selfSeconds: 12.5 },
    { name: HOSTILE, place: HOSTILE, selfSeconds: 4 },
    { name: 'f'.repeat(120), place: `${'p'.repeat(120)}.js:1`, selfSeconds: 0.01 },
  ],
  files: [
    { path: resolve('profiles/agent-20260131T120000-4711.cpuprofile'), bytes: 431_000, writtenAtMs: 0 },
    { path: resolve(`profiles/${'long-'.repeat(30)}\u001b[2J-timeline.csv`), bytes: 2_100, writtenAtMs: 0 },
  ],
}

const REQUEST: LaunchRequest = {
  ...{ command: ['no-such-command\u001b[2J\nforged'], id: 'coder', role: undefined, profile: undefined },
  ...{ budget: {}, mode: 'enforce', leftovers: 'end', graceMs: 0 },
}

const MODES = {
  terminal: [{ isTTY: true }, {}],
  'no-color': [{ isTTY: true }, { NO_COLOR: '1' }],
  pipe: [{ isTTY: false }, {}],
} as const

function shown(columns: number, show: (terminal: ReturnType<typeof terminalOf>) => string): string {
  const texts = Object.values(MODES).map(([{ isTTY }, env]) =>
    show(terminalOf({ isTTY, columns }, { ...env, COLUMNS: String(columns) })),
  )
  expect(new Set(texts).size).toBe(1)
  expect(texts[0]).not.toMatch(UNSAFE)
  return texts[0]!
}

describe.each([80, 140])('on %i columns', (columns) => {
  it('the greeting wraps, and leaves files and addresses whole', async () => {
    const text = shown(columns, (terminal) => greeting(SUMMARY, terminal))
    const lines = text.split('\n')
    const copied = lines.filter((line) => /^ {2}(data|config) /.test(line) || line.includes('http://'))
    expect(copied).toHaveLength(5)
    expect(text).toContain(SUMMARY.dataDir)
    for (const line of lines) {
      if (!copied.includes(line)) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
    }
    expect(text.replace(/\s+/g, ' ')).toContain(`${SUMMARY.reach[2].detail}; ${SUMMARY.reach[2].cost}`)
    await expect(text).toMatchFileSnapshot(join(GOLDEN, `greeting-${columns}.txt`))
  })

  it('the table of a profile fits, and names of files are whole', async () => {
    const text = shown(columns, (terminal) => renderSummary(PROFILE, terminal))
    const [table = '', files = ''] = text.split(/\n\n(?=profiles)/)
    for (const line of table.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
    expect(files).toContain('long-'.repeat(30))
    await expect(text).toMatchFileSnapshot(join(GOLDEN, `profile-${columns}.txt`))
  })
})

describe('what run says beside the command', () => {
  async function notesOf(
    mode: LaunchRequest['mode'],
    answers: (LinkAnswer | undefined)[],
  ): Promise<string[]> {
    const said: string[] = []
    const tell = (line: string): void => void said.push(noteLine(line))
    const clock = fakeClock()
    const link = { ask: async () => answers.shift() }
    const parts = { clock, link, url: 'http://127.0.0.1:10780', warn: tell, note: tell }
    const enrolment = enrol({ ...REQUEST, mode }, parts, { pid: 4_711, workspace: '/' })
    await new Promise(setImmediate)
    while (answers.length > 0) {
      clock.advance(10_000)
      await new Promise(setImmediate)
    }
    enrolment.stop()
    return said
  }

  it('is one line each, whole and without anything that steers', async () => {
    const notStarted: string[] = []
    const tell = (line: string): void => void notStarted.push(noteLine(line))
    const { code } = await launch(REQUEST, {
      ...{ clock: fakeClock(), link: { ask: async () => undefined }, url: 'http://127.0.0.1:10780' },
      ...{
        cwd: '/',
        environment: { PATH: '/nowhere' },
        token: undefined,
        dataDir: '/',
        warn: tell,
        note: tell,
      },
      commands: async () => new Set<string>(),
    })
    expect(code).toBe(127)
    const registered = { status: 201, body: { incarnation: 'i' } }
    const refused = { status: 409, body: { code: HOSTILE, detail: HOSTILE } }
    const lines = [
      ...notStarted,
      ...(await notesOf('enforce', [undefined, registered])),
      ...(await notesOf('measure', [undefined, registered])),
      ...(await notesOf('enforce', [{ status: 403, body: { code: 'AE_FORBIDDEN', detail: HOSTILE } }])),
      ...(await notesOf('measure', [refused, refused, refused, refused])),
    ]
    expect(lines).toHaveLength(7)
    for (const line of lines) expect(line).toMatch(/^agent-exporter: [^\n]+\n$/)
    expect(lines.join('')).not.toMatch(UNSAFE)
    await expect(lines.join('')).toMatchFileSnapshot(join(GOLDEN, 'run-notes.txt'))
  })
})
