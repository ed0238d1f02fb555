import { randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { liveCgroups } from '../support/cgroups.ts'
import { type Child, eventually, freePort, startChild } from '../support/child.ts'
import { BIN } from '../support/daemon.ts'
import {
  finishRun,
  isRunning,
  onTerminal,
  pidIn,
  runLine,
  startRun,
  TOKEN,
  type World,
  world,
} from '../support/run-world.ts'

/** A daemon that acts, beside whatever else runs on this host, and the environment of those who use it. */
interface ActingWorld extends AsyncDisposable {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
  /** Starts it again with the same data and address. */
  start(): Promise<void>
  kill(): Promise<void>
  /** Speaks with the control token unless told otherwise; answers the body with its status. */
  ask(method: string, path: string, body?: object, token?: string): Promise<Answer>
  agent(id: string): Promise<Record<string, unknown> | undefined>
  /** Started commands, which end with the world. */
  readonly started: Child[]
}

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function acting(exhaustion: object = {}): Promise<ActingWorld> {
  const place: World = world()
  const address = `127.0.0.1:${await freePort()}`
  const url = `http://${address}`
  const file = join(place.path, 'daemon.yaml')
  writeFileSync(file, stringify({ control: { lock: randomUUID() }, resourceExhaustion: exhaustion }))
  const started: Child[] = []
  let daemon: Child | undefined

  async function start(): Promise<void> {
    const args = [BIN, 'serve', `--web.listen-address=${address}`, `--config.file=${file}`]
    daemon = await startChild(process.execPath, args, { env: place.env })
    await eventually('the daemon is ready', async () => (await fetch(`${url}/-/ready`)).ok || undefined)
  }

  const ask: ActingWorld['ask'] = async (method, path, body, token = TOKEN) => {
    const answer = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
  }

  await start()
  return {
    path: place.path,
    env: { ...place.env, AGENT_EXPORTER_URL: url },
    start,
    ask,
    started,
    async kill() {
      await daemon?.stop('SIGKILL')
    },
    async agent(id) {
      const { status, body } = await ask('GET', `agents/${id}`)
      return status === 200 ? body : undefined
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) if (child.ended === undefined) await child.stop()
      await daemon?.stop()
      place[Symbol.dispose]()
    },
  }
}

/** A program that works for as long as its test, with a child that works as well. */
const BUSY = 'env >$0.env; echo $$ >$0; (while :; do :; done) & while :; do :; done'

const stateOf = (pid: number): string | undefined =>
  /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
const variable = (file: string, name: string): string =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? ''
const isStopped = (pid: number) => () => stateOf(pid) === 'T' || undefined
const isAtWork = (pid: number) => () => stateOf(pid) !== 'T' || undefined

/** Starts a busy agent and waits until the daemon knows it by its registration. */
async function busy(place: ActingWorld, id: string, ...flags: string[]) {
  const file = join(place.path, id)
  const wrapper = await startRun(place.env, [
    `--id=${id}`,
    '--grace=1',
    ...flags,
    '--',
    'sh',
    '-c',
    BUSY,
    file,
  ])
  const pid = await pidIn(file)
  await eventually(`${id} is registered`, async () => {
    const agent = await place.agent(id)
    // Limits are in force once they are durable, a moment after the agent is known.
    const hasLimits = flags.some((flag) => /^--(budget|profile|enforce)/.test(flag))
    return (agent?.['origin'] === 'registered' && (!hasLimits || agent['enforced'])) || undefined
  })
  return { wrapper, pid, env: `${file}.env`, token: variable(`${file}.env`, 'AGENT_EXPORTER_TOKEN') }
}

describe('a daemon', () => {
  it('knows the command itself, under the life that its environment names', async () => {
    await using place = await acting()
    const { wrapper, env } = await busy(place, 'known', '--role=coder')
    expect(await place.agent('known')).toMatchObject({
      role: 'coder',
      runtime: 'process',
      incarnation: variable(env, 'AGENT_EXPORTER_INCARNATION'),
      conflict: false,
    })
    expect(await wrapper.stop()).toMatchObject({ signal: 'SIGTERM' })
  })

  it('is not needed for the start, and knows the command as soon as it is there', async () => {
    await using place = await acting()
    await place.kill()
    const child = await startRun(place.env, ['--id=early', '--', 'sh', '-c', 'echo begun; exec sleep 300'])
    await eventually('the command runs', () => child.stdout().includes('begun') || undefined)
    await eventually('it is said', () => child.output().includes('no agent-exporter answers') || undefined)
    await place.start()
    await eventually(
      'it is registered',
      () => child.output().includes('early is registered now') || undefined,
    )
    expect(await place.agent('early')).toMatchObject({ origin: 'registered', runtime: 'process' })
    expect(child.output().match(/no agent-exporter answers/g)).toHaveLength(1)
    await child.stop()
  })
})

describe('a budget', () => {
  it('pauses the command, lets it go on in a new epoch, and ends it so that a shell sees it', async () => {
    await using place = await acting()
    const file = join(place.path, 'spender')
    const line = `${runLine(`--id=spender --budget tokens=1000 -- sh -c '${BUSY}' ${file}`)}; echo code=$?`
    const shell = await startChild('/bin/sh', ['-c', line], { env: place.env })
    const pid = await pidIn(file)
    const token = variable(`${file}.env`, 'AGENT_EXPORTER_TOKEN')
    await eventually('it is enforced', async () => (await place.agent('spender'))?.['enforced'] || undefined)
    await place.ask('POST', 'agents/spender/usage', { tokens: 400 }, token)
    expect(stateOf(pid)).toBe('R')
    await place.ask('POST', 'agents/spender/usage', { tokens: 600 }, token)
    await eventually('it is stopped', isStopped(pid))
    const paused = await eventually('the pause is verified', async () => {
      const agent = await place.agent('spender')
      return agent?.['pausedAt'] === null ? undefined : agent
    })
    expect(paused).toMatchObject({ phase: 'intervention', resource: 'tokens', holds: [{ cause: 'budget' }] })
    // Only the agent is stopped: whoever waits for it goes on.
    const wrapper = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    expect(stateOf(wrapper)).not.toBe('T')

    const resumed = await place.ask('POST', 'agents/spender/resume?wait=60s', { reason: 'test' })
    expect(resumed.body).toMatchObject({ status: 'done' })
    expect(stateOf(pid)).toBe('R')
    expect(await place.agent('spender')).toMatchObject({ epoch: 2, tokensConsumed: 0, phase: 'normal' })

    const ended = await place.ask('POST', 'agents/spender/terminate?wait=60s', { reason: 'test' })
    expect(ended.body).toMatchObject({ status: 'done' })
    await shell.exit()
    expect(shell.stdout()).toContain('code=143')
    expect(isRunning(pid)).toBe(false)
  })

  it('comes with a profile as well', async () => {
    await using place = await acting()
    const { wrapper, pid, token } = await busy(place, 'professional', '--profile=production')
    expect(await place.agent('professional')).toMatchObject({
      enforced: true,
      thresholds: { maxFilesAccessed: 50, maxApiCalls: 20, maxSubtasksSpawned: 5 },
    })
    await place.ask('POST', 'agents/professional/usage', { apiCalls: 20 }, token)
    await eventually('it is stopped at 20 calls', isStopped(pid))
    await place.ask('POST', 'agents/professional/resume?wait=60s', {})
    await wrapper.stop()
    const wrong = await finishRun(place.env, '--profile=productoin', '--require', '--', 'true')
    expect(wrong.code).toBe(125)
    expect(wrong.output).toContain('/profile')
  })

  it('stays in force when the daemon is killed and comes back while the command runs', async () => {
    await using place = await acting()
    const { wrapper, pid, token } = await busy(place, 'lasting', '--budget=tokens=1000')
    await place.ask('POST', 'agents/lasting/usage', { tokens: 600 }, token)
    const before = await place.agent('lasting')
    await place.kill()
    await place.start()
    const after = await eventually('it is known again', () => place.agent('lasting'))
    expect(after).toMatchObject({
      incarnation: before?.['incarnation'],
      epoch: 1,
      tokensConsumed: 600,
      enforced: true,
      origin: 'registered',
    })
    expect(stateOf(pid)).toBe('R')
    await place.ask('POST', 'agents/lasting/usage', { tokens: 400 }, token)
    await eventually('it is stopped', isStopped(pid))
    await place.ask('POST', 'agents/lasting/resume?wait=60s', {})
    await wrapper.stop()
  })
})

/** Each process of it ends at once, and its child leads a session of its own. */
const HOP = (trace: string) => `use POSIX; open(my $out, '>>', '${trace}');
while (1) { exit 0 unless -e '${trace}'; POSIX::setsid(); syswrite($out, '.'); for (1 .. 5000) {} exit 0 if fork(); }`

describe('a command that may have a control group of its own', () => {
  const groups = liveCgroups(2)
  const needs = groups === undefined ? ' (skipped: needs control groups v2 that may be written)' : ''

  it.skipIf(groups === undefined)(`is stopped and ended as a whole, whatever it starts${needs}`, async () => {
    const top = `/agent-exporter-test-${process.pid}`
    groups!.make(top)
    // Whatever fails: a relay that goes on would be taken for the agent of the next test.
    await using _ = {
      async [Symbol.asyncDispose]() {
        groups!.end(top)
        await eventually('the group is empty', () => {
          groups!.remove(top)
          return true
        })
      },
    }
    await using place = await acting()
    const [file, hop, trace] = ['caged', 'hop.pl', 'trace'].map((name) => join(place.path, name))
    writeFileSync(hop!, HOP(trace!))
    writeFileSync(trace!, '')
    const size = () => readFileSync(trace!).length
    const command = `sh -c 'env >$0.env; echo $$ >$0; perl ${hop} >/dev/null 2>&1 & while :; do :; done' ${file}`
    const enter = `echo $$ >${groups!.root}${top}/cgroup.procs`
    const line = `${enter}; exec ${runLine(`--id=caged --budget tokens=1000 -- ${command}`)}`
    const shell = await startChild('/bin/sh', ['-c', line], { env: place.env })
    await pidIn(file!)
    const token = variable(`${file}.env`, 'AGENT_EXPORTER_TOKEN')
    await eventually('it is enforced', async () => (await place.agent('caged'))?.['enforced'] || undefined)
    await eventually('it hops', () => size() > 10 || undefined)

    await place.ask('POST', 'agents/caged/usage', { tokens: 1_000 }, token)
    const pause = await eventually('the pause is verified', async () => {
      const { body } = await place.ask('GET', 'actions?agent=caged&action=pause')
      const [entry] = body['items'] as Record<string, unknown>[]
      return entry?.['status'] === 'done' ? entry : undefined
    })
    expect(pause['rung']).toBe('freezer')
    // Its processes look asleep: only their group tells that they stand still.
    await eventually('a sample shows it', async () => {
      const state = (await place.agent('caged'))?.['state'] as Record<string, unknown> | undefined
      return state?.['lifecycleState'] === 'paused' || undefined
    })
    const stopped = size()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(size()).toBe(stopped)

    expect((await place.ask('POST', 'agents/caged/resume?wait=60s', {})).body['status']).toBe('done')
    await eventually('it hops again', () => size() > stopped || undefined)

    const ended = await place.ask('POST', 'agents/caged/terminate?wait=60s', {})
    expect(ended.body).toMatchObject({ status: 'done' })
    await shell.exit()
    const last = size()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(size()).toBe(last)
    expect(readdirSync(`${groups!.root}${top}`).filter((name) => name.includes('-run-'))).toEqual([])
  })
})

describe('without a budget', () => {
  it('only looks, and says so, even where the daemon has limits that somebody wrote', async () => {
    await using place = await acting({ thresholds: { maxTokensConsumed: 1_000 } })
    const { wrapper, pid, token } = await busy(place, 'free')
    expect(wrapper.output()).toContain('measures free only')
    const answer = await place.ask('POST', 'agents/free/usage', { tokens: 5_000 }, token)
    expect(answer.body).toMatchObject({ phase: 'intervention' })
    expect(await place.agent('free')).toMatchObject({ enforced: false, pausedAt: null })
    // The same record stops one that wants to be stopped, and by then this one would be, too.
    const other = await busy(place, 'bound', '--enforce')
    await place.ask('POST', 'agents/bound/usage', { tokens: 5_000 }, other.token)
    await eventually('the enforced one is stopped', isStopped(other.pid))
    expect(stateOf(pid)).toBe('R')
    await place.ask('POST', 'agents/bound/terminate?wait=60s', {})
    await Promise.all([wrapper.stop(), other.wrapper.exit()])
  })

  it('tells the daemon how many agents the command started', async () => {
    await using place = await acting()
    const claude = join(place.path, 'claude')
    copyFileSync('/bin/sleep', claude)
    const wrapper = await startRun(place.env, [
      '--id=boss',
      '--',
      'sh',
      '-c',
      `${claude} 60 & ${claude} 61 & wait`,
    ])
    await eventually(
      'both are counted',
      async () => (await place.agent('boss'))?.['subtasksSpawned'] === 2 || undefined,
    )
    await wrapper.stop()
  })
})

describe('an id that is taken', () => {
  it('is said loudly, and with --require nothing is started', async () => {
    await using place = await acting()
    const first = await busy(place, 'taken')
    const mark = join(place.path, 'mark')
    const strict = await finishRun(place.env, '--id=taken', '--require', '--', 'touch', mark)
    expect(strict.code).toBe(125)
    expect(strict.output).toContain('touch was not started: 409 AE_AGENT_CONFLICT')
    expect(existsSync(mark)).toBe(false)
    const second = await startRun(place.env, ['--id=taken', '--enforce', '--', 'sleep', '300'])
    await eventually(
      'it is said',
      () =>
        second.output().includes('taken is NOT ENFORCED, nothing will stop it: 409 AE_AGENT_CONFLICT') ||
        undefined,
    )
    await Promise.all([first.wrapper.stop(), second.stop()])
  })
})

describe('the token of the agent', () => {
  it('is good for what the agent tells and asks about itself, and for nothing else', async () => {
    await using place = await acting()
    const { wrapper, pid, token } = await busy(place, 'inmate', '--budget=tokens=1000')
    const other = await busy(place, 'other', '--budget=tokens=1000')
    const as = (method: string, path: string, body?: object) => place.ask(method, path, body, token)
    expect((await as('POST', 'agents/inmate/usage', { tokens: 2_000 })).status).toBe(200)
    expect((await as('POST', 'agents/inmate/deliverables', { type: 'other' })).status).toBe(201)
    await eventually('it is stopped', isStopped(pid))
    expect((await as('GET', 'agents/inmate/gate')).body).toMatchObject({
      allowed: false,
      phase: 'intervention',
    })

    const register = { id: 'inmate', runtime: { pid } }
    const forbidden: [string, string, object?][] = [
      ['POST', 'agents/inmate/resume', {}],
      ['POST', 'agents/inmate/pause', {}],
      ['POST', 'agents/inmate/terminate', {}],
      ['POST', 'agents/inmate/resize', { memoryBytes: 1e9 }],
      ['DELETE', 'agents/inmate', {}],
      ['POST', 'agents', { ...register, budget: { maxTokensConsumed: 1e9 } }],
      ['POST', 'agents', { ...register, profile: 'exploratory' }],
      ['POST', 'agents', { ...register, enforce: false }],
      ['POST', 'agents', { id: 'inmate', runtime: { pid: other.pid } }],
      ['POST', 'agents', { id: 'other', runtime: { pid: other.pid } }],
      ['POST', 'agents/other/usage', { tokens: 5_000 }],
      ['POST', 'agents/other/deliverables', { type: 'other' }],
      ['GET', 'agents/other/gate'],
      ['PUT', 'control/kill-switch', { engaged: true }],
      ['POST', 'control/reset', {}],
      ['GET', 'actions'],
      ['GET', 'agents'],
    ]
    const answers = await Promise.all(
      forbidden.map(
        async ([method, path, body]) => `${method} ${path} ${(await as(method, path, body)).status}`,
      ),
    )
    expect(answers).toEqual(forbidden.map(([method, path]) => `${method} ${path} 403`))
    expect(stateOf(pid)).toBe('T')
    expect(stateOf(other.pid)).toBe('R')
    expect(await place.agent('inmate')).toMatchObject({ enforced: true, epoch: 1 })
    for (const id of ['inmate', 'other']) await place.ask('POST', `agents/${id}/terminate?wait=60s`, {})
    await Promise.all([wrapper.exit(), other.wrapper.exit()])
  })
})

describe('on a terminal', () => {
  it('is paused without the shell noticing, and goes on', async () => {
    await using place = await acting()
    const file = join(place.path, 'typist')
    const script = join(place.path, 'asks.sh')
    writeFileSync(
      script,
      `echo $$ >${file}; read answer; echo "heard $answer"; read more; echo "and $more"\n`,
    )
    const terminal = onTerminal(place.env, runLine(`--id=typist --enforce -- sh ${script}`))
    const pid = await pidIn(file)
    await eventually('it is enforced', async () => (await place.agent('typist'))?.['enforced'] || undefined)
    const paused = await place.ask('POST', 'agents/typist/pause?wait=60s', { reason: 'test' })
    expect(paused.body).toMatchObject({ status: 'done', rung: 'sigstop' })
    expect(stateOf(pid)).toBe('T')
    const wrapper = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    expect(stateOf(wrapper)).not.toBe('T')
    terminal.type('blue\r')
    const resumed = await place.ask('POST', 'agents/typist/resume?wait=60s', {})
    expect(resumed.body).toMatchObject({ status: 'done' })
    terminal.type('green\r')
    expect(await terminal.exit).toBe(0)
    expect(terminal.text()).toContain('heard blue')
    expect(terminal.text()).toContain('and green')
  })

  it('needs the foreground when its shell has taken the terminal back meanwhile, and fg gives it', async () => {
    await using place = await acting()
    const file = join(place.path, 'reader')
    const script = join(place.path, 'asks.sh')
    writeFileSync(script, `echo $$ >${file}; while :; do read answer && echo "heard $answer"; done\n`)
    const shell = onTerminal(place.env, 'bash --norc --noprofile -i')
    shell.type(`${runLine(`--id=reader --enforce -- sh ${script}`)}\r`)
    const pid = await pidIn(file)
    await eventually('it is enforced', async () => (await place.agent('reader'))?.['enforced'] || undefined)
    const paused = await place.ask('POST', 'agents/reader/pause?wait=60s', { reason: 'test' })
    expect(paused.body).toMatchObject({ status: 'done' })
    shell.type('\x1a')
    await eventually('the shell has it stopped', () => /Stopped/.test(shell.text()) || undefined)
    const resumed = await place.ask('POST', 'agents/reader/resume?wait=60s', {})
    expect(resumed.body).toMatchObject({ status: 'needs_foreground' })
    await eventually('it is stopped by its terminal', isStopped(pid))
    shell.type('fg\r')
    await eventually('it goes on', isAtWork(pid))
    shell.type('blue\r')
    await eventually('it reads', () => shell.text().includes('heard blue') || undefined)
    shell.type('\x03')
    await eventually('it has ended', () => !isRunning(pid) || undefined)
    shell.type('exit\r')
    await shell.exit
  })
})
