// How long after a crossing an agent is verified stopped, and whether anything of it escapes.
//
//   npm run bench:reaction [-- --runs=200 --others=100 --kinds=mixed,relay,… --containers=auto|no]
//
// Real trees over the built daemon: usage over a budget is sent by HTTP, and an oracle that shares no code with the
// daemon reads /proc until nothing of the tree runs. Prints one JSON line per kind of tree; exits 1 when anything
// escaped or the budget was missed. earlyoom, for comparison, looks every 100 to 1,000 ms (earlyoom(1)).
import { randomUUID } from 'node:crypto'
import { cpus, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type ActingDaemon, startActingDaemon } from '../test/support/acting-daemon.ts'
import { eventually } from '../test/support/child.ts'
import { createContainerOracle } from '../test/support/container-look.ts'
import { type Dockerd, startDockerd } from '../test/support/dockerd.ts'
import { type HostileKind, startTree } from '../test/support/hostile-trees.ts'
import { samplesOf } from '../test/support/samples.ts'
import { findService } from '../test/support/services.ts'
import { createTreeOracle, movedBetween, type TreeOracle } from '../test/support/tree-oracle.ts'
import { startWalk } from './reaction-baseline.ts'

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    others: { type: 'string', default: '100' },
    kinds: { type: 'string', default: 'mixed,relay,escape,hop,session,leap,deaf' },
    containers: { type: 'string', default: 'auto' },
  },
})
const RUNS = Number(flags.runs)
const OTHERS = Number(flags.others)
/** Ignoring SIGTERM changes the end alone, which takes its grace. */
const DEAF_RUNS = Math.ceil(OTHERS / 5)
const BASELINE_RUNS = Math.ceil(OTHERS / 4)
/** A resume is verified for a second: not after every pause. */
const RESUME_EVERY = 10
const CYCLES_PER_CONTAINER = 10

/** DESIGN, section "Budgets". */
const BUDGET_MS = 250
const STILL_MS = 100
const LOOK_EVERY_MS = 2
const GIVE_UP_MS = 10_000
const MARK = 'REACTION_MARK'
const NAMED: ReadonlySet<HostileKind> = new Set(['escape', 'hop', 'session', 'leap'])
const BUDGET = { maxTokensConsumed: 1_000 }
const CROSSING = { tokens: 2_000 }

interface Reaction {
  /** The crossing sent until the oracle saw nothing run any more. */
  readonly stoppedMs: number
  /** Admitted until verified, as the daemon says itself. */
  readonly verifiedMs: number
  readonly faults: readonly string[]
}

interface Subject {
  readonly id: string
  readonly oracle: TreeOracle
  /** Grows while anything of it runs. */
  work(): number
}

/** Sends the crossing and looks until the journal says how it ended, and on until CPU time was seen to stand still. */
async function react(daemon: ActingDaemon, { id, oracle, work }: Subject): Promise<Reaction> {
  const faults: string[] = []
  const known = (await daemon.journal(id))[0]?.id
  const from = performance.now()
  const sent = daemon.call('POST', `/api/v1/agents/${id}/usage`, CROSSING)
  let stoppedAt: number | undefined
  let worked = work()
  let line: Awaited<ReturnType<ActingDaemon['journal']>>[number] | undefined
  while (line === undefined && performance.now() - from < GIVE_UP_MS) {
    await delay(LOOK_EVERY_MS)
    const { running } = oracle.look()
    const now = work()
    if (running.length > 0 || now !== worked) stoppedAt = undefined
    else stoppedAt ??= performance.now()
    worked = now
    // Asked only once there is something to hear: the daemon is not disturbed before.
    if (stoppedAt === undefined) continue
    const [newest] = await daemon.journal(id)
    if (newest !== undefined && newest.id !== known && newest.status !== 'intended') line = newest
  }
  line ??= (await daemon.journal(id))[0]
  const { status } = await sent
  if (status !== 200) faults.push(`usage answered ${status}`)
  const before = oracle.look()
  const workBefore = work()
  await delay(STILL_MS)
  const after = oracle.look()
  if (line?.status !== 'done')
    faults.push(`the journal says ${line === undefined ? 'nothing' : JSON.stringify(line)}`)
  if (after.running.length > 0) faults.push(`running: ${after.running.join(', ')}`)
  if (work() !== workBefore) faults.push('it works')
  const moved = movedBetween(before, after)
  if (moved.length > 0) faults.push(`used CPU time: ${moved.join(', ')}`)
  return { stoppedMs: (stoppedAt ?? Infinity) - from, verifiedMs: line?.durationMs ?? Infinity, faults }
}

async function resume(daemon: ActingDaemon, { id, oracle }: Subject): Promise<string[]> {
  const path = `/api/v1/agents/${id}/resume?wait=10s`
  const { body } = await daemon.call(`POST`, path, { extraBudget: BUDGET })
  if (body['status'] !== 'done') return [`resume: ${JSON.stringify(body)}`]
  const before = oracle.look()
  await delay(STILL_MS)
  return movedBetween(before, oracle.look()).length > 0 ? [] : ['resume: it does not run']
}

async function terminate(daemon: ActingDaemon, { id, oracle }: Subject): Promise<string[]> {
  const ask = () => daemon.call('POST', `/api/v1/agents/${id}/terminate?wait=30s`, {})
  let { body } = await ask()
  // A disk that is slow at the moment is a reason to refuse an end, not a pause.
  for (let tries = 0; body['refusal'] === 'not_durable' && tries < 5; tries++) ({ body } = await ask())
  const { living } = oracle.look()
  return [
    ...(body['status'] === 'done' ? [] : [`terminate: ${JSON.stringify(body)}`]),
    ...(living.length === 0 ? [] : [`alive after the end: ${living.join(', ')}`]),
  ]
}

async function reactOfTree(daemon: ActingDaemon, kind: HostileKind, run: number): Promise<Reaction> {
  const id = `${kind}-${run}`
  const mark = randomUUID()
  // Sessions of their own are followed by what `agent-exporter run` leaves in the environment.
  const named = NAMED.has(kind) ? { agent: id } : {}
  await using tree = await startTree(kind, { env: { [MARK]: mark }, ...named })
  const oracle = createTreeOracle(`${MARK}=${mark}`)
  const subject = { id, oracle, work: tree.work }
  const registration = { id, runtime: { pid: tree.pid }, budget: BUDGET }
  const { status, body } = await daemon.call('POST', '/api/v1/agents', registration)
  if (status !== 201 && status !== 200) throw new Error(`registration: ${JSON.stringify(body)}`)
  tree.met()
  // The crossing meets the sampler at any point of its second.
  await delay(400 + Math.random() * 400)
  if (kind === 'leap') {
    tree.leap()
    await eventually('it has leapt', () => oracle.look().living.length > 1 || undefined, 5_000, 1)
  }
  const reaction = await react(daemon, subject)
  const resumed = run % RESUME_EVERY === 0 ? await resume(daemon, subject) : []
  const ended = await terminate(daemon, subject)
  return { ...reaction, faults: [...reaction.faults, ...resumed, ...ended] }
}

/** Many crossings in the life of one container, because starting one takes longer than all the rest. */
async function reactOfContainer(daemon: ActingDaemon, dockerd: Dockerd, run: number): Promise<Reaction[]> {
  const id = `container-${run}`
  const mark = randomUUID()
  const { container, pid } = await dockerd.runContainer({
    labels: { 'agent-exporter.agent': id, 'agent-exporter.enforce': 'true' },
    env: { [MARK]: mark },
    script: 'trap "" TERM; burn() { while :; do :; done; }; burn & (burn &) & while :; do (:); done',
  })
  const oracle = createContainerOracle(pid, createTreeOracle(`${MARK}=${mark}`))
  const subject = { id, oracle, work: () => 0 }
  await eventually('the container is known', async () => {
    const { status } = await daemon.call('GET', `/api/v1/agents/${id}`)
    return status === 200 || undefined
  })
  const { status, body } = await daemon.call('POST', '/api/v1/agents', { id, budget: BUDGET })
  if (status !== 201 && status !== 200) throw new Error(`registration: ${JSON.stringify(body)}`)
  const reactions: Reaction[] = []
  for (let cycle = 0; cycle < CYCLES_PER_CONTAINER; cycle++) {
    await delay(Math.random() * 500)
    const reaction = await react(daemon, subject)
    const isLast = cycle === CYCLES_PER_CONTAINER - 1
    const then = isLast ? await terminate(daemon, subject) : await resumePlainly(daemon, subject)
    reactions.push({ ...reaction, faults: [...reaction.faults, ...then] })
  }
  await container.remove({ force: true })
  return reactions
}

async function resumePlainly(daemon: ActingDaemon, { id }: Subject): Promise<string[]> {
  const { body } = await daemon.call('POST', `/api/v1/agents/${id}/resume?wait=10s`, {})
  return body['status'] === 'done' ? [] : [`resume: ${JSON.stringify(body)}`]
}

/** What a script does that stops a tree process by process: no look afterwards, no second pass. */
async function reactOfWalk(): Promise<{ readonly stoppedMs: number | undefined }> {
  const mark = randomUUID()
  await using tree = await startTree('mixed', { env: { [MARK]: mark } })
  tree.met()
  const oracle = createTreeOracle(`${MARK}=${mark}`)
  await using walk = await startWalk(tree.pid)
  const from = performance.now()
  walk.begin()
  let stoppedAt: number | undefined
  while (performance.now() - from < 500) {
    await delay(LOOK_EVERY_MS)
    if (oracle.look().running.length > 0) stoppedAt = undefined
    else stoppedAt ??= performance.now()
  }
  return { stoppedMs: stoppedAt === undefined ? undefined : stoppedAt - from }
}

function spread(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
    return value === undefined ? undefined : Math.round(value * 10) / 10
  }
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

const load = () => loadavg().map((value) => Math.round(value * 10) / 10)

function report(kind: string, reactions: readonly Reaction[], loadBefore: readonly number[]): void {
  const failed = reactions.filter(({ faults }) => faults.length > 0)
  const stoppedMs = spread(reactions.map((reaction) => reaction.stoppedMs))
  const withinBudget = (stoppedMs.p99 ?? Infinity) <= BUDGET_MS
  console.log(
    JSON.stringify({
      bench: 'reaction',
      kind,
      runs: reactions.length,
      stoppedMs,
      verifiedMs: spread(reactions.map((reaction) => reaction.verifiedMs)),
      escapes: failed.length,
      faults: failed.flatMap(({ faults }) => faults).slice(0, 5),
      budgetMs: BUDGET_MS,
      withinBudget,
      load: { before: loadBefore, after: load() },
    }),
  )
  if (failed.length > 0 || !withinBudget) process.exitCode = 1
}

const hasDocker =
  flags.containers !== 'no' && process.getuid?.() === 0 && findService('dockerd') !== undefined
await using dockerd = hasDocker ? await startDockerd() : undefined
await using daemon = await startActingDaemon({
  config: {
    agents: { retention: '5s' },
    control: { grace: '300ms' },
  },
  env: {
    NODE_ENV: 'production',
    DOCKER_HOST: dockerd === undefined ? 'unix:///nowhere' : `unix://${dockerd.socketPath}`,
  },
})
console.log(JSON.stringify({ bench: 'reaction', node: process.version, cores: cpus().length, load: load() }))

const plan: readonly (readonly [HostileKind, number])[] = [
  ['mixed', RUNS],
  ['relay', OTHERS],
  ['escape', OTHERS],
  ['hop', OTHERS],
  ['session', OTHERS],
  ['leap', OTHERS],
  ['deaf', DEAF_RUNS],
]
let ours: readonly Reaction[] = []
for (const [kind, runs] of plan) {
  if (!flags.kinds.split(',').includes(kind)) continue
  const before = load()
  const reactions: Reaction[] = []
  for (let run = 0; run < runs; run++) reactions.push(await reactOfTree(daemon, kind, run))
  report(kind, reactions, before)
  if (kind === 'mixed') ours = reactions
}
if (dockerd === undefined) {
  console.log(JSON.stringify({ bench: 'reaction', kind: 'container', skipped: 'no dockerd, or not root' }))
} else {
  const before = load()
  const reactions: Reaction[] = []
  for (let run = 0; reactions.length < OTHERS; run++) {
    reactions.push(...(await reactOfContainer(daemon, dockerd, run)))
  }
  report('container', reactions, before)
}

const walks: (number | undefined)[] = []
for (let run = 0; run < BASELINE_RUNS; run++) walks.push((await reactOfWalk()).stoppedMs)
const held = walks.filter((ms) => ms !== undefined)
console.log(
  JSON.stringify({
    bench: 'reaction',
    kind: 'baseline: one walk of kill -STOP, unverified',
    runs: walks.length,
    stoppedMs: spread(held),
    escapes: walks.length - held.length,
    oursOverBaselineP50: ratio(spread(ours.map(({ stoppedMs }) => stoppedMs)).p50, spread(held).p50),
  }),
)
const page = samplesOf(await daemon.scrape())
const buckets = [...page].filter(([key]) => /^agent_reaction_duration_seconds.*trigger="budget"/.test(key))
console.log(JSON.stringify({ bench: 'reaction', histogram: Object.fromEntries(buckets) }))

function ratio(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.round((one / other) * 10) / 10
}
