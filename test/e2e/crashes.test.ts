import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { incarnationSpace } from '../../src/launch/environment.ts'
import { eventually } from '../support/child.ts'
import { BIN, cleanEnvironment } from '../support/daemon.ts'
import { type DeathDaemon, startDeathDaemon } from '../support/death-daemon.ts'
import { temporaryFolder } from '../support/folder.ts'

const folder = temporaryFolder()
const started: ChildProcess[] = []
afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
  folder[Symbol.dispose]()
})

function start(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stderr: number | 'ignore' = 'ignore',
) {
  const child = spawn(file, args, { env, cwd: folder.path, stdio: ['ignore', 'ignore', stderr] })
  started.push(child)
  return child
}

/** `agent-exporter run`, with its standard error in a file. */
function run(daemon: DeathDaemon, id: string, flags: readonly string[], ...command: string[]): ChildProcess {
  const file = openSync(join(folder.path, `${id}.log`), 'a')
  const args = [BIN, 'run', `--id=${id}`, '--role=tester', '--grace=1', ...flags, '--', ...command]
  const child = start(process.execPath, args, daemon.env, file)
  closeSync(file)
  return child
}

/** An agent that is only discovered: this test is its parent and tells nothing. */
const discovered = (id: string) =>
  start('sleep', ['600'], { ...cleanEnvironment(), AGENT_EXPORTER_AGENT: id })

async function pidOf({ agent }: DeathDaemon, id: string): Promise<number> {
  const found = await eventually(`${id} is known`, () => agent(id))
  return Number(String(found['incarnation']).split(':').at(-2))
}

const endOf = ({ lastEnd }: DeathDaemon, id: string) => eventually(`${id} has ended`, () => lastEnd(id))

/** Is there as soon as the test lets the command end. */
const leaveOf = (id: string) => join(folder.path, `${id}.leave`)
/** What a command of a shell waits for; not longer than there is a test. */
const untilLeave = (id: string) =>
  `until [ -e ${leaveOf(id)} ] || [ ! -d ${folder.path} ]; do sleep 0.05; done`
const HEAP = `
const { existsSync } = require('node:fs')
const fill = () => { const a = []; for (;;) a.push(new Array(1000).fill({}).map((_, i) => ({ i }))) }
setInterval(() => existsSync(${JSON.stringify(leaveOf('heap'))}) && fill(), 50)`

/** What else runs on this host has roles and ends of its own. */
const NO_DISCOVERY = {
  agents: { discovery: { processes: false } },
  control: { lock: `crashes-${process.pid}`, maxFleetShare: 1, grace: '1s' },
}

/** Waits until the daemon has measured them, which is when it knows them as well as it ever will. */
async function measured({ agent }: DeathDaemon, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await eventually(`${id} is measured`, async () => {
      const state = (await agent(id))?.['state'] as { lifecycleMetrics?: { rssBytes?: number } } | undefined
      return state?.lifecycleMetrics?.rssBytes
    })
  }
}

/** As soon as the daemon knows them by their registration and has measured them. */
async function letEnd(daemon: DeathDaemon, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await eventually(`${id} is registered`, async () => {
      return (await daemon.agent(id))?.['origin'] === 'registered' || undefined
    })
  }
  await measured(daemon, ...ids)
  for (const id of ids) writeFileSync(leaveOf(id), '')
}

describe('a daemon tells of every end what it was', () => {
  let daemon: DeathDaemon
  beforeAll(async () => {
    // Whoever else is found on this host may end, too.
    daemon = await startDeathDaemon({ config: NO_DISCOVERY })
    run(daemon, 'clean', [], 'sh', '-c', `${untilLeave('clean')}; exit 0`)
    run(
      daemon,
      'error',
      [],
      'sh',
      '-c',
      `${untilLeave('error')}; echo "api_key=$KEY sk-abcdefghijklmnop" >&2; exit 3`,
    )
    run(daemon, 'segfault', [], 'sh', '-c', `${untilLeave('segfault')}; kill -SEGV $$`)
    run(daemon, 'heap', [], process.execPath, '--max-old-space-size=40', '-e', HEAP)
    run(daemon, 'quick', [], 'sh', '-c', 'exit 4')
    run(daemon, 'killed', [], 'sleep', '600')
    run(daemon, 'stopped', [], 'sleep', '600')
    run(daemon, 'ours', ['--enforce'], 'sleep', '600')
    await eventually('it may be ended', async () => (await daemon.agent('ours'))?.['enforced'] || undefined)
    await letEnd(daemon, 'clean', 'error', 'segfault', 'heap', 'killed', 'stopped', 'ours')
    process.kill(await pidOf(daemon, 'killed'), 'SIGKILL')
    process.kill(await pidOf(daemon, 'stopped'), 'SIGTERM')
    const ended = await daemon.ask('POST', '/api/v1/agents/ours/terminate?wait=60s', { reason: 'enough' })
    expect(ended.body).toMatchObject({ status: 'done' })
  })
  afterAll(() => daemon?.[Symbol.asyncDispose]())

  it.each([
    ['clean', { reason: 'clean', exitCode: 0 }],
    ['error', { reason: 'crashed', cause: 'error', exitCode: 3, confidence: 'high' }],
    ['segfault', { reason: 'crashed', cause: 'segfault', signal: 'SIGSEGV', confidence: 'high' }],
    ['heap', { reason: 'crashed', cause: 'heap_limit', confidence: 'high' }],
    ['killed', { reason: 'crashed', cause: 'killed', signal: 'SIGKILL' }],
    ['stopped', { reason: 'stopped', cause: null, signal: 'SIGTERM' }],
    ['ours', { reason: 'terminated', cause: null }],
  ])('%s: as it was, in the answer about the agent (R12, R14)', async (id, end) => {
    expect(await endOf(daemon, id)).toMatchObject(end)
  })

  it('also of a command that was over before anybody could look (R12)', async () => {
    const [crash] = await eventually('it is told', async () => {
      const found = await daemon.crashes('quick')
      return found.length > 0 ? found : undefined
    })
    expect(crash).toMatchObject({ cause: 'error', exitCode: 4, role: 'tester' })
  })

  it('keeps one record of every crash and none of other ends, with evidence and what to do (R13, R15)', async () => {
    const crashes = await daemon.crashes()
    expect(crashes.map(({ agentName, cause }) => `${agentName} ${cause}`).toSorted()).toEqual([
      'error error',
      'heap heap_limit',
      'killed killed',
      'quick error',
      'segfault segfault',
    ])
    for (const crash of crashes) {
      expect(crash.evidence.length, crash.agentName).toBeGreaterThan(0)
      expect(crash.recommendations.length, crash.agentName).toBeGreaterThan(0)
      expect(crash).toMatchObject({ lives: false, occurrences: 1 })
    }
  })

  it('keeps the last output without its secrets, of a file only (R12)', async () => {
    const [crash] = await daemon.crashes('error')
    const { body } = await daemon.ask('GET', `/api/monitoring/crashes/${crash!.id}`)
    const { lastOutput } = body['crash'] as { lastOutput: string }
    expect(lastOutput).toContain('<secret>')
    expect(lastOutput).not.toContain('abcdefghijklmnop')
  })

  it('counts what it tells: exits, crashes, statistics and health agree (R17, R20)', async () => {
    const count = (name: string, labels: object) => daemon.series(name, { role: 'tester', ...labels })
    expect(await count('agent_exits_total', { reason: 'crashed' })).toBe(5)
    expect(await count('agent_exits_total', { reason: 'clean' })).toBe(1)
    expect(await count('agent_exits_total', { reason: 'stopped' })).toBe(1)
    expect(await count('agent_exits_total', { reason: 'terminated' })).toBe(1)
    expect(await count('agent_crashes_total', { cause: 'error' })).toBe(2)
    expect(await count('agent_crashes_total', { cause: 'heap_limit' })).toBe(1)
    const { body: health } = await daemon.ask('GET', '/api/metrics/health')
    expect(health).toMatchObject({ stats: { totalCrashes24h: 5 } })
    const { body: insights } = await daemon.ask('GET', '/api/monitoring/insights')
    expect(insights['stats']).toMatchObject({
      crashes24h: 5,
      crashesByCause: { error: 2, heap_limit: 1, killed: 1, segfault: 1 },
    })
    await eventually('health is the same for Prometheus', async () => {
      const ratio = /^agent_fleet_health_ratio (.+)$/m.exec(await daemon.daemon.scrape())?.[1]
      const { body } = await daemon.ask('GET', '/api/metrics/health')
      return Math.round(Number(ratio) * 100) === body['healthScore'] || undefined
    })
  })

  it('knows the crash by the agent, too, and when it was (R13)', async () => {
    const about = await daemon.agent('segfault')
    expect(about).toMatchObject({ crashes: 1, lastCrash: { cause: 'segfault' } })
    const at = await daemon.series('agent_last_crash_timestamp_seconds', { agent: 'segfault' })
    expect(Math.round(at)).toBe(Math.round(Date.parse((about!['lastCrash'] as { at: string }).at) / 1_000))
    expect(await daemon.agent('clean')).toMatchObject({ crashes: 0 })
  })

  it('relates a crash to others, and sees that one agent crashes again and again (R16, R18)', async () => {
    for (let life = 0; life < 3; life++) {
      const child = run(daemon, 'loop', [], 'sh', '-c', 'exit 7')
      await new Promise((resolve) => child.once('exit', resolve))
    }
    const crashes = await eventually('all are told', async () => {
      const found = await daemon.crashes('loop')
      return found.length === 3 ? found : undefined
    })
    const { body } = await daemon.ask('GET', `/api/monitoring/crashes/${crashes[0]!.id}`)
    const { relatedCrashes } = body['crash'] as { relatedCrashes: string[] }
    expect(relatedCrashes).toEqual(expect.arrayContaining(crashes.slice(1).map(({ id }) => id)))
    const { body: insights } = await daemon.ask('GET', '/api/monitoring/insights')
    const { patterns } = insights['stats'] as { patterns: { pattern: string; affectedAgents: string[] }[] }
    expect(patterns.find(({ pattern }) => pattern === 'crash_loop')?.affectedAgents).toEqual(['loop'])
  })
})

it('of one that nobody waited for nothing is known but that it ended', async () => {
  await using daemon = await startDeathDaemon()
  const found = discovered('found')
  await measured(daemon, 'found')
  found.kill('SIGKILL')
  expect(await endOf(daemon, 'found')).toMatchObject({ reason: 'unknown' })
  expect(await daemon.series('agent_exits_total', { role: 'none', reason: 'unknown' })).toBeGreaterThan(0)
  expect(await daemon.crashes('found')).toEqual([])
})

describe('many ends', () => {
  it('at once are each told once (R13, R17)', async () => {
    await using daemon = await startDeathDaemon()
    const children = Array.from({ length: 200 }, () => start('sleep', ['600'], cleanEnvironment()))
    const lives = await Promise.all(
      children.map(async ({ pid }, n) => {
        const registration = { id: `many-${n}`, role: 'many', runtime: { pid } }
        return (await daemon.ask('POST', '/api/v1/agents', registration)).body['incarnation']
      }),
    )
    await measured(daemon, ...children.map((_, n) => `many-${n}`))
    await Promise.all(
      children.map(async (child, n) => {
        child.kill('SIGSEGV')
        await new Promise((resolve) => child.once('exit', resolve))
        const end = { signal: 'SIGSEGV', incarnation: lives[n] }
        expect((await daemon.ask('POST', `/api/v1/agents/many-${n}/exit`, end)).status).toBe(204)
      }),
    )
    await eventually('all are told', async () => {
      const count = await daemon.series('agent_crashes_total', { role: 'many', cause: 'segfault' })
      return count === 200 || undefined
    })
    const crashes = await daemon.crashes()
    expect(new Set(crashes.map(({ agentName }) => agentName)).size).toBe(200)
    expect(crashes).toHaveLength(200)
    expect(await daemon.series('agent_exits_total', { role: 'many', reason: 'crashed' })).toBe(200)
  })

  it('in a thousand roles have fifty names and one for the others', async () => {
    await using daemon = await startDeathDaemon({ config: NO_DISCOVERY })
    for (let n = 0; n < 1_000; n++) {
      // Numbers that no process of this host has: pid_max is 4,194,304 at most.
      const life = { exitCode: 1, role: `role-${n}`, incarnation: `${incarnationSpace()}:${4_194_305 + n}:1` }
      await daemon.ask('POST', `/api/v1/agents/role-${n}/exit`, life)
    }
    const lines = await eventually('all are told', async () => {
      const found = (await daemon.daemon.scrape())
        .split('\n')
        .filter((one) => one.startsWith('agent_crashes_total{'))
      const sum = found.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
      return sum === 1_000 ? found : undefined
    })
    expect(new Set(lines.map((line) => /role="([^"]*)"/.exec(line)?.[1])).size).toBe(51)
    expect(await daemon.series('agent_crashes_total', { role: 'other', cause: 'error' })).toBe(950)
  })
})

describe('crashes that were seen', () => {
  it('are there after a restart; what ended meanwhile is no crash (R19, R21)', async () => {
    const dataDir = join(folder.path, 'restarted')
    let before: unknown
    let sleeper: ChildProcess
    {
      await using daemon = await startDeathDaemon({ dataDir })
      run(daemon, 'early', [], 'sh', '-c', `${untilLeave('early')}; exit 3`)
      sleeper = discovered('meanwhile')
      await letEnd(daemon, 'early')
      await endOf(daemon, 'early')
      await pidOf(daemon, 'meanwhile')
      before = await daemon.crashes()
    }
    sleeper.kill('SIGKILL')
    await using daemon = await startDeathDaemon({ dataDir })
    expect(await daemon.crashes()).toEqual(before)
    expect(await daemon.crashes('meanwhile')).toEqual([])
    const { body } = await daemon.ask('GET', '/api/metrics/health')
    expect(body).toMatchObject({ stats: { totalCrashes24h: 1 } })
    // One error of a single agent is 84; of many agents it is less.
    expect(body['healthScore']).toBeGreaterThanOrEqual(84)
    expect(body['healthScore']).toBeLessThan(100)
  })

  it('are as many, and their outputs as long, as the configuration says, also when it is loaded anew (R21)', async () => {
    const file = join(folder.path, 'reloaded.yaml')
    const configure = (crashes: object) =>
      writeFileSync(file, stringify({ control: { lock: `crashes-reload-${process.pid}` }, crashes }))
    configure({ retain: 1_000, outputTail: 2_000 })
    await using daemon = await startDeathDaemon({ configFile: file })
    let n = 0
    const crash = () => {
      const incarnation = `${incarnationSpace()}:${4_194_400 + ++n}:1`
      const end = { exitCode: 1, incarnation, lastOutput: 'a line of it\n'.repeat(1_000) }
      return daemon.ask('POST', `/api/v1/agents/tail-${n}/exit`, end)
    }
    const told = (count: number) =>
      eventually(`${count} are kept`, async () => {
        const { body } = await daemon.ask('GET', '/api/monitoring/insights')
        return (body['stats'] as { crashes24h: number }).crashes24h === count || undefined
      })
    const lastOutput = async () => {
      const [found] = await daemon.crashes(`tail-${n}`)
      const { body } = await daemon.ask('GET', `/api/monitoring/crashes/${found?.id}`)
      return (body['crash'] as { lastOutput: string }).lastOutput
    }
    for (let count = 0; count < 20; count++) await crash()
    await told(20)
    expect((await lastOutput()).length).toBeGreaterThan(1_900)
    configure({ retain: 10, outputTail: 100 })
    expect((await daemon.ask('POST', '/-/reload')).status).toBeLessThan(300)
    await crash()
    await told(10)
    expect((await lastOutput()).length).toBeLessThanOrEqual(100)
    expect(await daemon.crashes()).toHaveLength(10)
  })
})

describe('what others tell of crashes', () => {
  /** From a process of another user. */
  function asNobody(url: string, body: object): Promise<number> {
    const script = `fetch(${JSON.stringify(url)}, { method: 'POST', headers: { 'content-type': 'application/json' },
      body: ${JSON.stringify(JSON.stringify(body))} }).then((answer) => process.exit(answer.status - 300))`
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['-e', script], {
        uid: 65_534,
        gid: 65_534,
        cwd: '/',
        stdio: 'ignore',
      })
      child.once('exit', (code) => resolve((code ?? 0) + 300))
    })
  }

  it('neither changes nor hides what was seen, and counts for nothing without credentials (R13, R19)', async () => {
    await using daemon = await startDeathDaemon({
      config: { control: { lock: `told-${process.pid}` }, crashes: { retain: 40 } },
    })
    run(daemon, 'victim', [], 'sh', '-c', `${untilLeave('victim')}; exit 3`)
    const living = discovered('living')
    await letEnd(daemon, 'victim')
    await pidOf(daemon, 'living')
    await endOf(daemon, 'victim')
    const seen = await daemon.crashes()
    const { body: before } = await daemon.ask('GET', '/api/metrics/health')
    const tell = (crash: object, token?: string | null) =>
      daemon.ask('POST', '/api/monitoring/crash', { crash }, token)

    // An agent of another user says nothing about any agent.
    const lie = { agentName: 'living', signal: 'SIGSEGV' }
    expect(await asNobody(`${daemon.daemon.url}/api/monitoring/crash`, { crash: lie })).toBe(403)
    expect(await asNobody(`${daemon.daemon.url}/api/v1/agents/living/exit`, { exitCode: 1 })).toBe(403)
    // One of ours is heard, and not believed.
    expect((await tell(lie, null)).body).toMatchObject({ witness: 'alleged', confidence: 'medium' })
    expect((await tell(lie)).body).toMatchObject({ witness: 'alleged' })
    expect((await tell({ agentName: 'victim', signal: 'SIGSEGV' }, null)).body).toMatchObject({
      ...{ crashId: seen[0]!.id, witness: 'seen', cause: 'error' },
    })
    // Nobody makes up lives that nobody saw.
    const made = { exitCode: 1, incarnation: `${incarnationSpace()}:4194305:1` }
    expect((await daemon.ask('POST', '/api/v1/agents/made-up/exit', made, null)).status).toBe(404)
    // It lives, and nothing said of its end is kept for the day when it ends.
    await daemon.ask('POST', '/api/v1/agents/living/exit', { exitCode: 0 })
    // As many as it likes.
    let refused = 0
    for (let n = 0; n < 600; n++) {
      const { status } = await tell({ agentName: `made-up-${n}`, exitCode: n % 255 || 1 }, null)
      if (status === 429) refused++
      else expect(status).toBe(200)
    }
    expect(refused).toBeGreaterThan(50)

    const { body: after } = await daemon.ask('GET', '/api/metrics/health')
    const { issues, recommendations, crashes } = before
    expect(after).toMatchObject({ issues, recommendations, crashes, stats: { totalCrashes24h: 1 } })
    expect((await daemon.crashes()).filter(({ witness }) => witness === 'seen')).toEqual(seen)
    expect(await daemon.crashes()).toHaveLength(40)
    expect(await daemon.series('agent_crashes_total', { role: 'none', cause: 'error' })).toBe(0)
    expect((await daemon.agent('living'))?.['crashes']).toBe(0)
    living.kill('SIGKILL')
    expect(await endOf(daemon, 'living')).toMatchObject({ reason: 'unknown' })
    expect(readFileSync(join(folder.path, 'victim.log'), 'utf8')).not.toContain('rror:')
  })
})
