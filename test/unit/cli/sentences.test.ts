import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { actingAnswer } from '../../support/acting-answers.ts'
import { type Ended, runCli } from '../../support/command-line.ts'
import { type FakeApi, startFakeApi } from '../../support/fake-api.ts'
import { HOSTILE } from '../../support/monitoring-answers.ts'
import { enterTerminal, leaveTerminal, type Mode, UNSAFE } from '../../support/terminal-modes.ts'

const GOLDEN = join(import.meta.dirname, '../../fixtures/golden/cli')
const ALERT = '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed'

const folder = mkdtempSync(join(tmpdir(), 'sentences-'))
let api: FakeApi
let goneUrl: string

beforeAll(async () => {
  writeFileSync(join(folder, 'good.yaml'), 'agents: { exposePaths: true }')
  writeFileSync(
    join(folder, 'bad.yaml'),
    'agents: { exposePath: true, maxSeries: 1, "\\e]0;owned\\a\\u202e": 1 }\nstore: { url: "\\e[2J\\u009b2J" }\n',
  )
  writeFileSync(join(folder, 'broken.yaml'), 'agents: {\u001b[2J')
  api = await startFakeApi(actingAnswer)
  const gone = await startFakeApi(() => undefined)
  goneUrl = gone.url
  await gone[Symbol.asyncDispose]()
})
afterAll(() => api[Symbol.asyncDispose]())
beforeEach(() => {
  vi.stubEnv('XDG_CONFIG_HOME', folder)
  vi.stubEnv('AGENT_EXPORTER_CONFIG', '')
  vi.stubEnv('AGENT_EXPORTER_TOKEN', '')
})
afterEach(leaveTerminal)

type Line = readonly [name: string, code: number, argv: readonly string[]]

const DAEMON: readonly Line[] = [
  ['alerts acknowledge', 0, ['alerts', 'acknowledge', ALERT]],
  ['alerts acknowledge hostile', 0, ['alerts', 'acknowledge', HOSTILE]],
  ['deliverable', 0, ['deliverable', 'coder', 'code_commit', '--artifact', 'abc123']],
  ['deliverable of a hostile agent', 0, ['deliverable', HOSTILE, 'code_commit']],
  ['pause done', 0, ['pause', 'coder']],
  ['resume done', 0, ['resume', 'coder']],
  ['terminate done', 0, ['terminate', 'coder']],
  ['pause noop', 0, ['pause', 'again']],
  ['pause refused', 1, ['pause', 'guarded']],
  ['terminate refused with a detail', 1, ['terminate', 'other']],
  ['pause dry run asked for', 0, ['pause', 'tried', '--dry-run']],
  ['pause dry run', 1, ['pause', 'found']],
  ['terminate pending approval', 1, ['terminate', 'asked']],
  ['resume needs foreground', 1, ['resume', 'shell']],
  ['terminate partial', 1, ['terminate', 'half']],
  ['pause failed', 1, ['pause', 'broken']],
  ['pause not verified', 1, ['pause', 'slow']],
  ['pause hostile', 1, ['pause', 'hostile']],
  ['kill-switch on', 0, ['kill-switch', 'on', '--reason', 'somebody must look first']],
  ['kill-switch off', 0, ['kill-switch', 'off']],
  ['kill-switch status hostile', 0, ['kill-switch', 'status']],
  ['error 401', 1, ['pause', 'stranger']],
  ['error 404 hostile', 4, ['pause', 'cursed']],
  ['error of a proxy', 1, ['pause', 'proxy']],
  ['error without words', 1, ['pause', 'nothing']],
  ['error in another form', 1, ['pause', 'odd']],
  ['another server', 1, ['pause', 'page']],
  ['another status', 1, ['pause', 'imposter']],
]

const ALONE: readonly Line[] = [
  ['check-config good', 0, ['check-config', join(folder, 'good.yaml')]],
  ['check-config bad', 2, ['check-config', join(folder, 'bad.yaml')]],
  ['check-config broken', 2, ['check-config', join(folder, 'broken.yaml')]],
  ['check-config hostile name', 2, ['check-config', join(folder, '\u001b[2J\u202e.yaml')]],
  ['error hostile option', 2, ['--\u001b[2J']],
  ['error hostile command', 2, ['pause', '\u001b]0;owned\u0007', '--url', 'http://127.0.0.1']],
  ['error hostile choice', 2, ['crashes', '--cause', '\u009b2J']],
  ['error hostile address', 2, ['agents', '--url', 'http://\u001b[2J']],
  ['rules hostile setting', 2, ['rules', '--set', '\u001b[2J\u202e=x']],
  ['rules hostile value', 2, ['rules', '--set', 'dashboards=https://\u001b[2J']],
  ['rules mixin without a folder', 2, ['rules', '--format', 'mixin']],
  ['rules mixin of alertmanager', 2, ['rules', '--format', 'mixin', '--only', 'alertmanager']],
  ['version', 0, ['--version']],
]

/** What a person sees, without what differs from machine to machine. */
function goldenOf({ code, out, err }: Ended): string {
  const text = `exit ${code}\n${out === '' ? '' : `stdout: ${out}`}${err === '' ? '' : `stderr: ${err}`}`
  return text
    .replaceAll(folder, '<folder>')
    .replaceAll(goneUrl, '<address>')
    .replace(/(agent-exporter )\d+\.\d+\.\d+\S*/g, '$1<version>')
}

/**
 * A sentence is one line however narrow the terminal is, and never cut: the terminal breaks it, a person copies it
 * whole and a script finds it with grep.
 */
async function says(name: string, code: number, argv: readonly string[]): Promise<void> {
  const seen = new Set<string>()
  for (const mode of ['terminal', 'no-color', 'pipe'] satisfies Mode[]) {
    for (const columns of [80, 140]) {
      enterTerminal(columns, mode)
      const ended = await runCli('--data.dir', folder, ...argv)
      expect(ended.code).toBe(code)
      expect(code === 0 ? ended.err : ended.out).toBe('')
      seen.add(goldenOf(ended))
    }
  }
  expect(seen.size).toBe(1)
  const [text = ''] = seen
  expect(text).not.toMatch(UNSAFE)
  expect(text).not.toMatch(/\[object|undefined|NaN|\n +at /)
  await expect(text).toMatchFileSnapshot(join(GOLDEN, `sentence-${name.replaceAll(' ', '-')}.txt`))
}

describe('a sentence is the same on every terminal, without colour', () => {
  it.each(DAEMON)('%s', (name, code, argv) => says(name, code, [...argv, '--url', api.url]))
  it.each(ALONE)('%s', says)
  it('error without a daemon', () => says('error without a daemon', 3, ['agents', '--url', goneUrl]))
})

describe('as JSON the same commands', () => {
  it.each(DAEMON)('%s: nothing that steers, and the same end', async (_name, code, argv) => {
    const { out, err, ...ended } = await runCli('--data.dir', folder, ...argv, '--url', api.url, '--json')
    expect(ended.code).toBe(code)
    // An error is a sentence beside what the daemon answered, if that was an answer.
    expect(`${out}${err}`).not.toMatch(
      /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/,
    )
    expect(err === '').toBe(code === 0)
    if (out !== '') expect(() => JSON.parse(out)).not.toThrow()
    else expect(code).not.toBe(0)
  })
})
