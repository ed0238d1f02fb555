import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createTail } from '../../src/crashes/tail.ts'
import { eventually } from './child.ts'
import { cleanEnvironment } from './daemon.ts'
import type { DeathDaemon, ToldCrash } from './death-daemon.ts'
import type { Dockerd, RunningContainer, RunOptions } from './dockerd.ts'

/** What the deaths are judged on. */
export interface World {
  readonly daemon: DeathDaemon
  readonly dockerd: Dockerd
}

export interface Death {
  /** Cause, or the reason where nothing crashed. */
  readonly judged: string
  readonly confidence: ToldCrash['confidence']
  /** Only of crashes. */
  readonly evidence: ToldCrash['evidence']
  /** From the kernel's count to the event that tells it; only of children of living containers. */
  readonly reportedMs?: number
}

/** As the API tells of an agent. */
interface Measured {
  readonly state: {
    readonly lifecycleMetrics: {
      readonly oomKills?: number
      readonly rssBytes?: number
      readonly workingSetBytes?: number
    }
  }
}

type Run = (world: World, id: string, turn: number) => Promise<Death>

/** One way to die, and what it must be called. */
export interface DeathClass {
  readonly expected: string
  readonly run: Run
}

const MIB = 2 ** 20
const LONGEST_WAIT_MS = 60_000
const ASK_EVERY_MS = 200
const MISSED: Death = { judged: 'missed', confidence: 'low', evidence: [] }
/** What a container waits for before it dies: that the daemon has measured it. */
const SETTLED = 'until [ -e /go ]; do usleep 100000; done'
const settle = ({ pid }: RunningContainer) => writeFileSync(`/proc/${pid}/root/go`, '')

/** Programs that take memory until nobody gives them more, for `/bin/sh -c` of busybox. */
const LEAKS = [
  'a=x; while :; do a=$a$a; done',
  `exec /bin/busybox awk 'BEGIN { while (1) a[i++] = sprintf("%1000d", i) }'`,
  'exec /bin/busybox dd if=/dev/zero of=/dev/null bs=512M',
] as const
const leak = (turn: number) => LEAKS[turn % LEAKS.length]!
const limit = (turn: number) => [16, 32, 64][turn % 3]! * MIB

const container = (
  script: (turn: number) => string,
  then?: (of: RunningContainer, turn: number, world: World, id: string) => Promise<unknown>,
): Run => {
  return async (world, id, turn) => {
    const options: RunOptions = {
      labels: { 'agent-exporter.agent': id, 'agent-exporter.enforce': 'true' },
      ...{ memory: limit(turn), script: `${SETTLED}; ${script(turn)}` },
    }
    const running = await world.dockerd.runContainer(options)
    try {
      await known(world.daemon, id)
      settle(running)
      await then?.(running, turn, world, id)
      return await nextEnd(world.daemon, id)
    } finally {
      await running.container.remove({ force: true }).catch(() => undefined)
    }
  }
}

interface Program {
  readonly file: string
  readonly args: readonly string[]
}

/** A perl program that begins when it is told. */
const perl = (source: string): Program => ({ file: 'perl', args: ['-e', `$| = 1; <STDIN>; ${source}`] })
/** A node program that begins when it is told. */
const node = (source: string, ...flags: string[]): Program => ({
  file: process.execPath,
  args: [...flags, '-e', `process.stdin.once('data', () => { ${source} })`],
})

/** A process agent whose parent waits for it, as `agent-exporter run` does, and tells how it ended. */
const child = (
  program: (turn: number) => Program,
  then?: (child: ChildProcess, turn: number, world: World, id: string) => Promise<unknown>,
): Run => {
  return async (world, id, turn) => {
    const { daemon } = world
    const started = startAgent(program(turn), id)
    await known(daemon, id)
    const told = tellEnd(daemon, id, started)
    started.stdin?.write('go\n')
    await then?.(started, turn, world, id)
    await told
    return await nextEnd(daemon, id)
  }
}

function startAgent({ file, args }: Program, id: string): ChildProcess {
  const env = { ...cleanEnvironment(), AGENT_EXPORTER_AGENT: id }
  const started = spawn(file, args, { env, stdio: ['pipe', 'ignore', 'pipe'] })
  started.stdin?.on('error', () => {})
  return started
}

async function tellEnd({ ask, agent }: DeathDaemon, id: string, started: ChildProcess): Promise<void> {
  const tail = createTail()
  started.stderr?.on('data', (chunk: Buffer) => tail.push(chunk))
  const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    started.once('close', (...how) => resolve(how))
  })
  const incarnation = (await agent(id))?.['incarnation']
  const how = signal === null ? { exitCode } : { signal }
  await ask('POST', `/api/v1/agents/${id}/exit`, { ...how, incarnation, lastOutput: tail.text(16_384) })
}

/** What the daemon answers when it has concluded how the agent ended. */
async function nextEnd(daemon: DeathDaemon, id: string): Promise<Death> {
  const until = performance.now() + LONGEST_WAIT_MS
  while (performance.now() < until) {
    const end = await daemon.lastEnd(id)
    if (end !== undefined) {
      const [crash] = await daemon.crashes(id)
      const judged = end.reason === 'crashed' ? (end.cause ?? 'crashed') : end.reason
      return { judged, confidence: end.confidence, evidence: crash?.evidence ?? [] }
    }
    await delay(ASK_EVERY_MS)
  }
  return MISSED
}

async function known({ agent }: DeathDaemon, id: string): Promise<void> {
  await eventually(`${id} is measured`, async () => {
    const found = await agent(id)
    if (found?.['endedAt'] != null) return undefined
    const { rssBytes, workingSetBytes } = (found as unknown as Measured).state.lifecycleMetrics
    return rssBytes ?? workingSetBytes
  })
  // One sample more, so that it has a past.
  await delay(1_100)
}

const terminate = async (of: object, _: number, { daemon }: World, id: string) => {
  // A container opted in by its label.
  if ('pid' in of) {
    await daemon.ask('POST', '/api/v1/agents', { id, runtime: { pid: of.pid }, enforce: true })
  }
  return await daemon.ask('POST', `/api/v1/agents/${id}/terminate?wait=60s`, { reason: 'its time has come' })
}

/** A child is killed for memory and the container lives on: `docker inspect` says nothing of it. */
const livingChild: Run = async ({ daemon, dockerd }, id, turn) => {
  const reported = daemon.nextCrash(id, LONGEST_WAIT_MS)
  const running = await dockerd.runContainer({
    labels: { 'agent-exporter.agent': id },
    memory: limit(turn),
    script: `${SETTLED}; /bin/sh -c '${LEAKS[0]}'; sleep 3600`,
  })
  const file = `/sys/fs/cgroup/memory/docker/${running.id}/memory.oom_control`
  let countedAt: number | undefined
  const looking = setInterval(() => {
    try {
      if (/^oom_kill [1-9]/m.test(readFileSync(file, 'latin1'))) countedAt ??= performance.now()
    } catch {}
  }, 5)
  try {
    await known(daemon, id)
    settle(running)
    const at = (await reported)?.atMs
    const [crash] = await daemon.crashes(id)
    if (at === undefined || crash === undefined) return MISSED
    const { State } = await running.container.inspect()
    const isLiving = crash.lives && !State.OOMKilled && State.Running
    const { confidence, evidence, cause } = crash
    const death = { judged: isLiving ? `living ${cause}` : `${cause}, not living`, confidence, evidence }
    return countedAt === undefined ? death : { ...death, reportedMs: at - countedAt }
  } finally {
    clearInterval(looking)
    await running.container.remove({ force: true }).catch(() => undefined)
  }
}

/** Two agents share a group with a limit: one asks for memory, and the kernel kills the other. */
const sibling: Run = async (world, id) => {
  const group = join('/sys/fs/cgroup/memory', `agent-exporter-test-${randomUUID()}`)
  mkdirSync(group)
  writeFileSync(join(group, 'memory.limit_in_bytes'), String(128 * MIB))
  const large = startAgent(perl('$n = 40; $a = "x" x ($n << 20); sleep 60'), id)
  const small = startAgent(
    perl(`$a = ""; while (1) { $a .= "x" x ${MIB}; select(undef, undef, undef, 0.02) }`),
    `${id}-small`,
  )
  try {
    for (const { pid } of [large, small]) writeFileSync(join(group, 'cgroup.procs'), String(pid))
    // By default the kernel takes the largest; which of the two that is should not hang on allocators.
    writeFileSync(`/proc/${large.pid}/oom_score_adj`, '500')
    const told = tellEnd(world.daemon, id, large)
    large.stdin?.write('go\n')
    await known(world.daemon, id)
    await known(world.daemon, `${id}-small`)
    small.stdin?.write('go\n')
    await told
    return await nextEnd(world.daemon, id)
  } finally {
    const gone = [large, small].map(
      (one) => (one.exitCode ?? one.signalCode) === null && new Promise((done) => one.once('exit', done)),
    )
    for (const one of [large, small]) one.kill('SIGKILL')
    await Promise.all(gone)
    rmdirSync(group)
  }
}

const SEGFAULTS = [
  'unpack("p", pack("J", 1))',
  'kill SEGV => $$; sleep 9',
  'kill BUS => $$; sleep 9',
] as const

/** Every way to die that is tried, by its name. */
export const DEATHS: Readonly<Record<string, DeathClass>> = {
  'container over its limit': { expected: 'oom_cgroup', run: container(leak) },
  'child over the limit, container lives': { expected: 'living oom_child', run: livingChild },
  'child over the limit, container gives up': {
    expected: 'oom_child',
    run: container(() => `/bin/sh -c '${LEAKS[0]}' || exit 3`),
  },
  'docker kill': {
    expected: 'killed',
    run: container(
      () => 'sleep 3600',
      ({ container: one }) => one.kill(),
    ),
  },
  'docker kill after a child was killed for memory': {
    expected: 'killed',
    run: container(
      () => `/bin/sh -c '${LEAKS[0]}'; sleep 3600`,
      async ({ container: one }, _, { daemon }, id) => {
        await eventually('the child is counted', async () => {
          const { state } = (await daemon.agent(id)) as unknown as Measured
          return (state.lifecycleMetrics.oomKills ?? 0) > 0 || undefined
        })
        // Not of the same moment: nobody could tell what came of what.
        await delay(4_000)
        await one.kill()
      },
    ),
  },
  'docker stop': {
    expected: 'stopped',
    run: container(
      () => 'sleep 3600',
      ({ container: one }) => one.stop({ t: 1 }),
    ),
  },
  'container terminated by us': { expected: 'terminated', run: container(() => 'sleep 3600', terminate) },
  'container ends cleanly': { expected: 'clean', run: container(() => 'exit 0') },
  'container ends with an error': {
    expected: 'error',
    run: container((turn) => `exit ${[1, 2, 127][turn % 3]}`),
  },
  'V8 heap limit': {
    expected: 'heap_limit',
    run: child(() =>
      node(
        'const a = []; for (;;) a.push(new Array(1000).fill({}).map((_, i) => ({ i })))',
        '--max-old-space-size=40',
      ),
    ),
  },
  segfault: { expected: 'segfault', run: child((turn) => perl(SEGFAULTS[turn % SEGFAULTS.length]!)) },
  abort: {
    expected: 'abort',
    run: child((turn) => (turn % 2 === 0 ? node('process.abort()') : perl('kill ABRT => $$; sleep 9'))),
  },
  'SIGKILL by an operator': {
    expected: 'killed',
    run: child(
      () => perl('sleep 60'),
      async (one) => one.kill('SIGKILL'),
    ),
  },
  'SIGTERM by an operator': {
    expected: 'stopped',
    run: child(
      (turn) => (turn % 2 === 0 ? perl('sleep 60') : node('setTimeout(() => {}, 60000)')),
      async (one) => one.kill('SIGTERM'),
    ),
  },
  'process terminated by us': { expected: 'terminated', run: child(() => perl('sleep 60'), terminate) },
  'process ends cleanly': { expected: 'clean', run: child(() => perl('exit 0')) },
  'process ends with an error': {
    expected: 'error',
    run: child((turn) => (turn % 2 === 0 ? perl('exit 3') : node('throw new TypeError("no")'))),
  },
  'the kernel chooses a sibling': { expected: 'oom_cgroup', run: sibling },
}
