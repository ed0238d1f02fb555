import { spawnSync } from 'node:child_process'
import { chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { BIN, type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../support/dockerd.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startAgent } from '../support/processes.ts'
import { startStranger } from '../support/stranger.ts'

type Body = Readonly<Record<string, unknown>>
interface Answer {
  readonly status: number
  readonly body: Body & { readonly code?: string }
}

const NOBODY = 65_534
const LAST_PID = '/proc/sys/kernel/ns_last_pid'
/** Nobody looks at processes by itself meanwhile: only the act itself can find out what has changed. */
const SELDOM = { interval: '5m' }
/** Processes name themselves so for every daemon of this machine. */
const [ONLY, FOUND, TWICE] = ['only', 'found', 'twice'].map((name) => `${name}-${process.pid}`) as [
  string,
  string,
  string,
]
const isRoot = process.getuid?.() === 0
let locks = 0

/** The daemon with its control token in hand. */
async function startActing(options: DaemonOptions & { control?: object; sampling?: object } = {}) {
  const { control, sampling, config, ...rest } = options
  const daemon = await startDaemon({
    ...rest,
    config: {
      ...config,
      control: { lock: `guard-${process.pid}-${++locks}`, ...control },
      ...(sampling === undefined ? {} : { sampling }),
    },
  })
  const ask = callerOf(daemon)
  return {
    daemon,
    ask,
    act: (id: string, action = 'pause', body: object = {}) =>
      ask('POST', `/api/v1/agents/${id}/${action}?wait=20s`, body),
    register: (id: string, runtime: object) => ask('POST', '/api/v1/agents', { id, runtime }),
    /** What the journal and the metric say of the one refusal that there is for this agent; pages are kept for a moment. */
    async refusal(id: string, action = 'pause', times = 1) {
      const { body } = await ask('GET', `/api/v1/actions?agent=${id}&action=${action}`)
      const [entry, ...others] = body['items'] as { status: string; refusal?: string }[]
      expect(others).toEqual([])
      const counted = await eventually('it is counted', async () => {
        const key = `${action} ${entry?.refusal}`
        const count = Object.fromEntries(await refusals(daemon))[key]
        return count === undefined || count < times ? undefined : count
      })
      return { status: entry?.status, reason: entry?.refusal, counted }
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}

function callerOf(daemon: Daemon) {
  const token = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
  return async (method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await daemon.get(path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Body) }
  }
}

/** Counted refusals, `action reason` → how many. */
async function refusals(daemon: Daemon): Promise<[string, number][]> {
  const { samples } = parseExposition(await daemon.scrape(), 'openmetrics')
  return samples
    .filter(({ name, value }) => name === 'agent_action_refusals_total' && value > 0)
    .map(({ labels, value }) => [`${labels['action']} ${labels['reason']}`, value])
}

const refused = (reason: string, counted = 1) => ({ status: 'refused', reason, counted })

const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
const startTimeOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')[19]
const runs = (pid: number) => expect(stateOf(pid)).toMatch(/^[RSD]$/)

const sleeper = (env: Record<string, string> = {}) => startStranger('/bin/sleep', ['600'], { env })

/** A new process that bears the number of one that has ended. */
function recycle(pid: number) {
  // Others start processes as well, and any of them may get it first for as long as it runs.
  return eventually(
    `the number ${pid} is given again`,
    async () => {
      writeFileSync(LAST_PID, String(pid - 1))
      const next = await sleeper()
      if (next.pid === pid) return next
      await next.stop()
      return undefined
    },
    60_000,
    1,
  )
}

/** Namespaces and numbers of processes are root's to make; `CI=true` has root, or fails here. */
function asRoot(name: string, body: () => Promise<void>): void {
  if (isRoot) it(name, body)
  else if (process.env['CI'] === 'true') it(name, () => expect(isRoot, 'needs root').toBe(true))
  else it.skip(`${name} (needs root: sudo npm run test:integration)`, body)
}

describe('the guard, over the real daemon', () => {
  it('never touches the daemon itself or a process above it', async () => {
    await using acting = await startActing()
    const { daemon, register, act, refusal } = acting
    const ours = [daemon.pid, process.pid, process.ppid].filter((pid) => pid > 1)
    for (const [at, pid] of ours.entries()) {
      const id = `exporter-${at}`
      expect((await register(id, { pid })).status).toBe(201)
      for (const action of ['pause', 'terminate']) {
        expect((await act(id, action)).body).toMatchObject({
          status: 'refused',
          refusal: 'protected_process',
        })
        expect(await refusal(id, action, at + 1)).toEqual(refused('protected_process', at + 1))
      }
      runs(pid)
    }
    expect(ours.length).toBeGreaterThanOrEqual(2)
  })

  asRoot('never touches process 1, though its environment says that it is an agent', async () => {
    // A pid namespace of its own, in which an agent's shell is process 1 and has started the daemon.
    await using acting = await startActing({
      node: 'unshare',
      nodeArgs: [
        ...[
          '--pid',
          '--fork',
          '--mount-proc',
          '--kill-child',
          'sh',
          '-c',
          '"$0" "$@" & wait',
          process.execPath,
        ],
      ],
      env: { AGENT_EXPORTER_AGENT: 'init' },
    })
    try {
      const incarnation = await eventually('it is found', async () => {
        const { status, body } = await acting.ask('GET', '/api/v1/agents/init')
        return status === 200 ? String(body['incarnation']) : undefined
      })
      expect(incarnation.split(':').at(-2)).toBe('1')
      expect((await acting.register('first', { pid: 1 })).body.code).toBe('AE_INVALID')
      await acting.act('init', 'pause', { enforce: true })
      expect(await acting.refusal('init')).toEqual(refused('protected_process'))
      expect((await acting.daemon.get('/-/ready')).status).toBe(200)
    } finally {
      // `unshare` takes no notice of SIGTERM; with it everything in its namespace ends.
      await acting.daemon.child.stop('SIGKILL')
    }
  })

  asRoot('does not take a new process for the one that had its number', async () => {
    await using acting = await startActing({ sampling: SELDOM })
    const first = await sleeper()
    const { pid } = first
    expect((await acting.register('short-lived', { pid })).status).toBe(201)
    await first.stop()
    await using second = await recycle(pid)
    expect(second.pid).toBe(pid)
    expect((await acting.act('short-lived')).body).toMatchObject({ status: 'refused' })
    const { reason, counted } = await acting.refusal('short-lived')
    expect([reason, counted]).toEqual([expect.stringMatching(/^(ended|missing_data)$/), 1])
    runs(pid)
  })

  asRoot('continues nobody who bears the number of one it had stopped', async () => {
    await using acting = await startActing({ sampling: SELDOM })
    const first = await sleeper()
    const { pid } = first
    await acting.register('paused-once', { pid })
    expect((await acting.act('paused-once')).body).toMatchObject({ status: 'done', rung: 'sigstop' })
    expect(stateOf(pid)).toBe('T')
    const startTime = startTimeOf(pid)
    await first.stop()
    await using second = await recycle(pid)
    expect(startTimeOf(pid)).not.toBe(startTime)
    process.kill(second.pid, 'SIGSTOP')
    await eventually('the new process is stopped', () => stateOf(pid) === 'T' || undefined)
    for (const action of ['resume', 'terminate']) await acting.act('paused-once', action)
    expect(stateOf(pid)).toBe('T')
    const { body } = await acting.ask('GET', '/api/v1/actions?agent=paused-once')
    const outcomes = (body['items'] as { action: string; status: string }[]).map(({ action, status }) => [
      action,
      status,
    ])
    expect(outcomes).toContainEqual(['pause', 'done'])
    for (const [action, status] of outcomes) if (action !== 'pause') expect(status).not.toBe('done')
  })

  it("touches no other user's process when it may not", async ({ skip }) => {
    const asNobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', process.execPath]
    const mayRun =
      isRoot && spawnSync('setpriv', [...asNobody, BIN, '--version'], { cwd: '/', encoding: 'utf8' })
    if (mayRun === false || mayRun.status !== 0)
      skip('needs root, and a built clone that other users may read')
    using home = temporaryFolder()
    chownSync(home.path, NOBODY, NOBODY)
    await using others = await startAgent('idle')
    // A configuration file in a folder that only we may read is none.
    const lock = `guard-${process.pid}-nobody`
    await using daemon = await startDaemon({
      node: 'setpriv',
      nodeArgs: asNobody,
      args: [`--data.dir=${join(home.path, 'data')}`],
      env: {
        XDG_CONFIG_HOME: home.path,
        HOME: home.path,
        DOCKER_HOST: 'unix:///nonexistent.sock',
        AGENT_EXPORTER__control__lock: lock,
      },
    })
    const ask = callerOf({ ...daemon, dataDir: join(home.path, 'data'), get: daemon.get })
    const id = await eventually('the agent is found', async () => {
      const { items } = (await ask('GET', '/api/v1/agents?limit=500')).body as {
        items: { id: string; incarnation: string }[]
      }
      return items.find(({ incarnation }) => incarnation.split(':').at(-2) === String(others.pid))?.id
    })
    for (const action of ['pause', 'terminate']) {
      await ask('POST', `/api/v1/agents/${id}/${action}?wait=20s`, { enforce: true })
      const { items } = (await ask('GET', `/api/v1/actions?agent=${id}&action=${action}`)).body as {
        items: object[]
      }
      expect(items).toMatchObject([{ status: 'refused', refusal: 'other_user' }])
    }
    await eventually('they are counted', async () => {
      const counted = Object.fromEntries(await refusals(daemon))
      return (counted['pause other_user'] === 1 && counted['terminate other_user'] === 1) || undefined
    })
    runs(others.pid)
  })

  it('acts on nobody for an id that is empty, a pattern, or a list', async () => {
    await using acting = await startActing()
    await using one = await sleeper({ AGENT_EXPORTER_AGENT: ONLY })
    await eventually(
      'it is found',
      async () => (await acting.ask('GET', `/api/v1/agents/${ONLY}`)).status === 200 || undefined,
    )
    for (const id of ['', '%20', '*', '%2a', 'only-*', `${ONLY},other`, '?', '.', '..', '%2e%2e', '%00']) {
      for (const action of ['pause', 'terminate']) {
        const answer = await acting.ask('POST', `/api/v1/agents/${id}/${action}`, { enforce: true })
        expect(answer.status, id).toBeGreaterThanOrEqual(400)
        expect(answer.status, id).toBeLessThan(500)
        expect(answer.body.code, id).toMatch(/^AE_/)
      }
    }
    expect((await acting.ask('GET', '/api/v1/actions')).body['items']).toEqual([])
    runs(one.pid)
  })

  it('does nothing while the kill switch is engaged, by the API or by its file', async () => {
    await using acting = await startActing()
    await using one = await sleeper()
    await acting.register('one', { pid: one.pid })
    expect((await acting.ask('PUT', '/api/v1/control/kill-switch', { engaged: true })).status).toBe(200)
    for (const action of ['pause', 'terminate']) {
      await acting.act('one', action)
      expect(await acting.refusal('one', action)).toEqual(refused('kill_switch'))
    }
    runs(one.pid)
    await acting.ask('PUT', '/api/v1/control/kill-switch', { engaged: false })
    const file = join(acting.daemon.dataDir, 'STOP')
    writeFileSync(file, 'stop')
    expect((await acting.act('one')).body).toMatchObject({ status: 'refused', refusal: 'kill_switch' })
    runs(one.pid)
    rmSync(file)
    expect((await acting.act('one')).body).toMatchObject({ status: 'done' })
  })

  it('does nothing as the second daemon of the host', async () => {
    await using one = await sleeper()
    const lock = `guard-${process.pid}-shared`
    await using first = await startActing({ control: { lock } })
    await using second = await startActing({ control: { lock } })
    for (const acting of [first, second]) await acting.register('one', { pid: one.pid })
    for (const action of ['pause', 'terminate']) {
      await second.act('one', action)
      expect(await second.refusal('one', action)).toEqual(refused('second_daemon'))
    }
    runs(one.pid)
    expect((await first.act('one')).body).toMatchObject({ status: 'done' })
  })

  it.each(['off', 'dry-run'])('does nothing when control.mode is %s', async (mode) => {
    await using one = await sleeper()
    await using acting = await startActing({ control: { mode } })
    await acting.register('one', { pid: one.pid })
    for (const action of ['pause', 'terminate']) {
      await acting.act('one', action)
      if (mode === 'off') {
        expect(await acting.refusal('one', action)).toEqual(refused('control_off'))
      } else {
        const { body } = await acting.ask('GET', `/api/v1/actions?agent=one&action=${action}`)
        expect(body['items']).toMatchObject([{ status: 'dry_run' }])
      }
    }
    runs(one.pid)
  })

  it('only rehearses on what was only found, until a person says so for this one time', async () => {
    await using acting = await startActing()
    await using one = await sleeper({ AGENT_EXPORTER_AGENT: FOUND })
    await eventually(
      'it is found',
      async () => (await acting.ask('GET', `/api/v1/agents/${FOUND}`)).status === 200 || undefined,
    )
    await acting.act(FOUND)
    expect(await acting.refusal(FOUND)).toEqual({
      status: 'dry_run',
      reason: 'not_enforced',
      counted: 1,
    })
    runs(one.pid)
  })

  it('acts on neither of two that name themselves the same', async () => {
    await using one = await sleeper({ AGENT_EXPORTER_AGENT: TWICE })
    await using two = await sleeper({ AGENT_EXPORTER_AGENT: TWICE })
    await using acting = await startActing()
    await eventually(
      'both are found',
      async () => (await acting.ask('GET', `/api/v1/agents/${TWICE}`)).body['conflict'] === true || undefined,
    )
    await acting.act(TWICE, 'pause', { enforce: true })
    expect(await acting.refusal(TWICE)).toEqual(refused('conflict'))
    runs(one.pid)
    runs(two.pid)
  })
})

describeWithDockerd('the guard and containers', () => {
  let dockerd: Dockerd
  let acting: Awaited<ReturnType<typeof startActing>>
  beforeAll(async () => {
    dockerd = await startDockerd()
    acting = await startActing({ env: { DOCKER_HOST: `unix://${dockerd.socketPath}` } })
  })
  afterAll(async () => {
    await acting?.[Symbol.asyncDispose]()
    await dockerd?.[Symbol.asyncDispose]()
  })

  it.each([
    ['without a label', undefined],
    ['that only its image labels', { 'agent-exporter.agent': 'imaged', 'agent-exporter.enforce': 'true' }],
  ])('has no container %s as an agent, also when a person names it', async (_, labels) => {
    if (labels !== undefined) await dockerd.importImage('labelled-by-image', labels)
    const { id, container } = await dockerd.runContainer(
      labels === undefined ? {} : { image: 'labelled-by-image' },
    )
    // One that is labelled and was started later is known: so is what the engine tells of the first.
    const own = { 'agent-exporter.agent': `later-${id.slice(0, 8)}` }
    await using later = await labelled(own)
    expect((await acting.register('named', { container: id })).body.code).toBe('AE_RUNTIME_GONE')
    for (const agent of ['named', 'imaged', id.slice(0, 12)]) {
      for (const [action, body] of [
        ['pause', { enforce: true }],
        ['terminate', { enforce: true }],
        ['resize', { cpus: 0.5, enforce: true }],
      ] as const) {
        expect((await acting.act(agent, action, body)).body.code).toBe('AE_AGENT_NOT_FOUND')
      }
    }
    expect((await container.inspect()).State).toMatchObject({ Running: true, Paused: false })
    expect((await later.state()).Paused).toBe(false)
  })

  it('only rehearses on one that is an agent by its label and did not opt in by it', async () => {
    await using one = await labelled({ 'agent-exporter.agent': 'boxed' })
    for (const action of ['pause', 'terminate']) {
      await acting.act('boxed', action)
      expect(await acting.refusal('boxed', action)).toMatchObject({
        status: 'dry_run',
        reason: 'not_enforced',
      })
    }
    expect(await one.state()).toMatchObject({ Running: true, Paused: false })
  })

  async function labelled(labels: Record<string, string>) {
    const { container } = await dockerd.runContainer({ labels })
    const id = labels['agent-exporter.agent']
    await eventually(
      'it is known',
      async () => (await acting.ask('GET', `/api/v1/agents/${id}`)).status === 200 || undefined,
    )
    return {
      state: async () => (await container.inspect()).State,
      [Symbol.asyncDispose]: () => container.remove({ force: true }),
    }
  }
})
