import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { cleanEnvironment } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { alertFiles, recordingFiles } from '../support/rule-files.ts'
import { familiesOf } from '../support/samples.ts'

const ROOT = join(import.meta.dirname, '../..')
const SECRET = join(ROOT, `alerts/secrets/test-${process.pid}.token`)
const OLDEST_MAJOR = '22'
/** A command that takes longer hangs. */
const LIMIT_MS = 120_000

describe(`the package on Node.js ${OLDEST_MAJOR}`, () => {
  const folder = temporaryFolder()
  const consumer = join(folder.path, 'consumer')
  let env: NodeJS.ProcessEnv
  let files: readonly string[]

  beforeAll(() => {
    const node = execFileSync(join(ROOT, 'scripts/node-binary'), [OLDEST_MAJOR], { encoding: 'utf8' }).trim()
    env = strangerEnvironment(node)
    // Where the configuration of Alertmanager looks for its secrets, also in a clone.
    mkdirSync(dirname(SECRET), { recursive: true })
    writeFileSync(SECRET, 'not for everybody')
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder.path], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const { filename, paths } = packOf(packed)
    files = paths
    mkdirSync(consumer)
    // No install script may run: what the program needs must be there without any.
    execFileSync(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder.path, filename)],
      { cwd: consumer, env, stdio: 'ignore' },
    )
  })

  afterAll(() => {
    rmSync(SECRET, { force: true })
    folder[Symbol.dispose]()
  })

  it('brings the program and its documents, and nothing of the workshop', () => {
    for (const wanted of [
      'bin/agent-exporter.js',
      'dist/cli/main.js',
      'dist/index.d.ts',
      'LICENSE',
      'README.md',
    ]) {
      expect(files).toContain(wanted)
    }
    expect(files.filter((path) => /^(src|test|bench|scripts|\.|alerts\/secrets)/.test(path))).toEqual([])
  })

  it('pulls no development dependency', () => {
    const installed = readdirSync(join(consumer, 'node_modules'))
    expect(installed).toContain('agent-exporter')
    for (const name of ['node', 'vitest', 'typescript', 'knip', 'fast-check'])
      expect(installed).not.toContain(name)
    expect(existsSync(join(consumer, 'node_modules/@biomejs'))).toBe(false)
  })

  it('collects once to stdout with npx agent-exporter --once', () => {
    const run = spawnSync(
      'npx',
      ['--no-install', 'agent-exporter', '--once', '--data.dir', join(folder.path, 'data')],
      {
        cwd: consumer,
        env,
        encoding: 'utf8',
        timeout: LIMIT_MS,
      },
    )
    expect({ status: run.status, stderr: run.stderr.slice(-2000) }).toMatchObject({ status: 0 })
    expect(familiesOf(run.stdout)).toContain('agent_exporter_build_info')
    expect(run.stdout).toMatch(/^agent_exporter_build_info\{[^}]*\} 1$/m)
  })

  it('prints its rules, and writes them with the configuration of Alertmanager', () => {
    const run = (...args: string[]) =>
      spawnSync('npx', ['--no-install', 'agent-exporter', 'rules', ...args], {
        cwd: consumer,
        env,
        encoding: 'utf8',
        timeout: LIMIT_MS,
      })
    const printed = run('--set', 'selector=job="fleet"')
    expect({ status: printed.status, stderr: printed.stderr.slice(-2000) }).toMatchObject({ status: 0 })
    const names = (parse(printed.stdout) as { groups: { name: string }[] }).groups.map(({ name }) => name)
    expect(names).toEqual(
      [...alertFiles, ...recordingFiles].flatMap(({ groups }) => groups.map(({ name }) => name)),
    )
    const written = run('--write', 'rules')
    expect({ status: written.status, stderr: written.stderr.slice(-2000) }).toMatchObject({ status: 0 })
    for (const path of ['alerts/memory.rules.yml', 'alertmanager/templates/agent-exporter.tmpl']) {
      expect(existsSync(join(consumer, 'rules', path)), path).toBe(true)
    }
  })

  it('can be imported as a library', () => {
    const run = spawnSync('node', ['--input-type=module', '--eval', "await import('agent-exporter')"], {
      cwd: consumer,
      env,
      encoding: 'utf8',
    })
    expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' })
  })
})

/** What somebody has who only has this Node.js and npm: no folder of this checkout on the PATH, no npm variables. */
function strangerEnvironment(node: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(cleanEnvironment()).filter(([name]) => !/^(npm_|INIT_CWD$)/i.test(name))
  const path = (process.env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'))
  return { ...Object.fromEntries(inherited), PATH: [dirname(node), ...path].join(':') }
}

/** `npm pack --json` prints an array, and newer ones an object by package name; the build may print before it. */
function packOf(output: string): { readonly filename: string; readonly paths: readonly string[] } {
  const json: unknown = JSON.parse(output.slice(output.search(/^[[{]/m)))
  const entries = Object.values(
    json as Record<string, { filename: string; files: readonly { path: string }[] }>,
  )
  const entry = entries[0]
  if (entry === undefined) throw new Error(`npm pack printed no package: ${output}`)
  return { filename: entry.filename, paths: entry.files.map(({ path }) => path) }
}
