import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { preloadEnvironment } from '../../src/profiling/profile.ts'
import { type Child, eventually, startChild } from '../support/child.ts'
import { BIN, cleanEnvironment } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'

const ROOT = join(import.meta.dirname, '../..')

const BURN = `
function burnHotLoop(ms) { let x = 0; for (const from = process.cpuUsage().user; process.cpuUsage().user - from < ms * 1e3;) for (let i = 0; i < 1e5; i++) x += Math.sqrt(i); return x }
globalThis.kept = Array.from({ length: 1e5 }, (_, i) => ({ i, text: 'kept ' + i }))
`

function start(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Child> {
  return startChild(process.execPath, [BIN, 'profile', ...args], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
  })
}

const filesIn = (folder: string, ending: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(ending))
        .map((name) => join(folder, name))
    : []

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[]
}
const functionsIn = (file: string): string[] =>
  (JSON.parse(readFileSync(file, 'utf8')) as CpuProfile).nodes.map(({ callFrame }) => callFrame.functionName)

const nodes: readonly string[] = ['22', '26'].map((major) =>
  execFileSync(join(ROOT, 'scripts/node-binary'), [major], { encoding: 'utf8' }).trim(),
)

describe('R31 profile -- COMMAND', () => {
  it.each([process.execPath, ...nodes])('writes real profiles of a Node.js program: %s', async (node) => {
    using folder = temporaryFolder()
    const script = `${BURN}console.log('out'); burnHotLoop(400); process.exitCode = 3`
    const child = await start(folder.path, ['--name', 'mine', '--', node, '-e', script])
    expect(await child.exit()).toMatchObject({ code: 3, signal: null })
    expect(child.stdout()).toBe('out\n')
    const output = join(folder.path, 'profiles')
    const [cpu, ...more] = filesIn(output, '.cpuprofile')
    expect(more).toEqual([])
    expect(functionsIn(cpu!)).toContain('burnHotLoop')
    expect(statSync(cpu!).mode & 0o077).toBe(0)
    const [heap] = filesIn(output, '.heapprofile')
    expect(JSON.parse(readFileSync(heap!, 'utf8'))).toHaveProperty('head.children')
    const said = child.output()
    expect(said).toMatch(/ran \d+\.\d s, \d+\.\d s CPU, peak memory \d+/)
    expect(said).toMatch(/SELF +FUNCTION +WHERE\n\d\.\d\d s +burnHotLoop/)
    for (const file of [cpu, heap]) expect(said).toContain(file!.slice(folder.path.length + 1))
  })

  it('draws the timeline of whatever runs, and ends as it ended', async () => {
    using folder = temporaryFolder()
    const child = await start(folder.path, [
      '--output-dir',
      'here',
      '--',
      'sh',
      '-c',
      'sleep 3 & wait; exit 7',
    ])
    expect(await child.exit()).toMatchObject({ code: 7, signal: null })
    const output = join(folder.path, 'here')
    const [csv] = filesIn(output, '.csv')
    const rows = readFileSync(csv!, 'utf8').trim().split('\n')
    expect(rows[0]).toBe('time_s,rss_bytes,cpu_seconds,processes')
    expect(rows.length).toBeGreaterThan(2)
    expect(rows.slice(1).some((row) => row.endsWith(',2'))).toBe(true)
    const [svg] = filesIn(output, '.svg')
    const chart = readFileSync(svg!, 'utf8')
    expect(chart.match(/<polyline/g)!.length).toBeGreaterThanOrEqual(1)
    execFileSync('python3', ['-c', 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])', svg!])
    expect(child.output()).toContain('no Node.js process was profiled')
    const replayed = await startChild(process.execPath, [BIN, 'replay', csv!, '--json'])
    expect(await replayed.exit()).toMatchObject({ code: 0 })
  })

  it('neither opens a port nor waits, keeps NODE_OPTIONS, and follows the children of the program', async () => {
    using folder = temporaryFolder()
    const place = join(folder.path, 'a "quoted" place')
    mkdirSync(place)
    writeFileSync(join(place, 'before.cjs'), 'globalThis.before = true')
    const inner = `${BURN}burnHotLoop(200); console.log(require('node:inspector').url(), globalThis.before)`
    const outer = `require('node:child_process').execFileSync(process.execPath, ['-e', process.argv[1]], { stdio: 'inherit' })`
    const env = { NODE_OPTIONS: `--require ${JSON.stringify(join(place, 'before.cjs'))}` }
    const child = await start(place, ['--', process.execPath, '-e', outer, inner], env)
    expect(await child.exit()).toMatchObject({ code: 0 })
    expect(child.stdout()).toBe('undefined true\n')
    const profiles = filesIn(join(place, 'profiles'), '.cpuprofile')
    expect(profiles).toHaveLength(2)
    expect(profiles.filter((file) => functionsIn(file).includes('burnHotLoop'))).toHaveLength(1)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('writes the profile before %s ends the program', async (signal) => {
    using folder = temporaryFolder()
    const script = `${BURN}burnHotLoop(200); console.log('ready'); setInterval(() => {}, 1e6)`
    const child = await start(folder.path, ['--', process.execPath, '-e', script])
    await eventually('it is ready', () => child.stdout().includes('ready') || undefined)
    expect(await child.stop(signal)).toMatchObject({ code: null, signal })
    const [cpu] = filesIn(join(folder.path, 'profiles'), '.cpuprofile')
    expect(functionsIn(cpu!)).toContain('burnHotLoop')
  })

  it('leaves signals to a program that handles them, also to one that counts the listeners', async () => {
    using folder = temporaryFolder()
    const script = `
      process.on('SIGTERM', () => {
        console.log('listeners', process.listeners('SIGTERM').length, process.listenerCount('SIGTERM'))
        setTimeout(() => process.exit(9), 100)
      })
      console.log('ready'); setInterval(() => {}, 1e6)`
    const child = await start(folder.path, ['--', process.execPath, '-e', script])
    await eventually('it is ready', () => child.stdout().includes('ready') || undefined)
    expect(await child.stop('SIGTERM')).toMatchObject({ code: 9 })
    expect(child.stdout()).toContain('listeners 1 1')
  })

  it('lets a program die that acts only as the last listener, and ends one that hears nothing at the second Ctrl-C', async () => {
    using folder = temporaryFolder()
    // As signal-exit does it: whoever finds only its own listeners ends the process by the signal itself.
    const last = `
      const own = () => {
        if (process.listeners('SIGTERM').length !== 1) return
        process.removeListener('SIGTERM', own)
        process.kill(process.pid, 'SIGTERM')
      }
      process.on('SIGTERM', own); console.log('ready'); setInterval(() => {}, 1e6)`
    const polite = await start(folder.path, ['--', process.execPath, '-e', last])
    await eventually('it is ready', () => polite.stdout().includes('ready') || undefined)
    expect(await polite.stop('SIGTERM')).toMatchObject({ code: null, signal: 'SIGTERM' })

    const deaf = await start(folder.path, ['--', process.execPath, '-e', `console.log('ready'); for (;;);`])
    await eventually('it is ready', () => deaf.stdout().includes('ready') || undefined)
    await eventually('it has ended', () => {
      if (deaf.ended === undefined) process.kill(deaf.pid, 'SIGINT')
      return deaf.ended
    })
    expect(deaf.ended).toMatchObject({ signal: 'SIGKILL' })
  })

  it('has written what it measured before a SIGKILL', async () => {
    using folder = temporaryFolder()
    const order = {
      ...{ environment: cleanEnvironment(), outputDir: folder.path, prefix: 'killed' },
      ...{ kinds: ['cpu', 'heap'] as const, chunkMs: 100, snapshotMs: 0 },
    }
    const script = `${BURN}setInterval(() => burnHotLoop(30), 50)`
    const { NODE_OPTIONS = '', ...env } = preloadEnvironment(order)
    const built = NODE_OPTIONS.replace('/src/profiling/preload.cts', '/dist/profiling/preload.cjs')
    const child = spawn(process.execPath, ['-e', script], {
      env: { ...cleanEnvironment(), ...env, NODE_OPTIONS: built },
      stdio: 'ignore',
    })
    await eventually('two profiles are written, and what it did is in them', () => {
      const written = filesIn(folder.path, '.cpuprofile')
      if (written.length < 2 || filesIn(folder.path, '.heapprofile').length === 0) return undefined
      return written.flatMap(functionsIn).includes('burnHotLoop') || undefined
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const profiles = filesIn(folder.path, '.cpuprofile')
    expect(profiles.flatMap(functionsIn)).toContain('burnHotLoop')
    expect(filesIn(folder.path, '.heapprofile')).toHaveLength(1)
  })

  it('writes heap snapshots when asked to', async () => {
    using folder = temporaryFolder()
    const script = `${BURN}setTimeout(() => {}, 2_500)`
    const args = [
      '--heap-snapshot-interval',
      '1s',
      '--no-cpu',
      '--no-heap',
      '--',
      process.execPath,
      '-e',
      script,
    ]
    const child = await start(folder.path, args)
    expect(await child.exit()).toMatchObject({ code: 0 })
    const output = join(folder.path, 'profiles')
    const [first] = filesIn(output, '.heapsnapshot')
    expect(JSON.parse(readFileSync(first!, 'utf8'))).toHaveProperty('snapshot.node_count')
    expect(filesIn(output, 'profile')).toEqual([])
  })

  it('does not start what is not there', async () => {
    using folder = temporaryFolder()
    const child = await start(folder.path, ['--', 'no-such-command'])
    expect(await child.exit()).toMatchObject({ code: 127 })
    expect(child.output()).toContain('no-such-command: command not found')
    expect(existsSync(join(folder.path, 'profiles'))).toBe(false)
  })
})
