// How long Alertmanager waits for its answer, and how long after it an agent stands still.
//
//   npm run bench:webhook [-- --seconds=30 --rate=100 --alerts=50 --agents=100 --alertnames=100 --deaf=1m --reactions=50]
//
// The built daemon with real processes. The load is told at its pace whether or not it is answered; half of the alerts
// of each notification have a fingerprint that was never told before. Each answer says that all is on disk, so what an
// fsync costs on the same disk is printed beside it, and the budget is made of that (DESIGN, section "Budgets"). Beside
// it: a receiver that answers when a command of 200 ms has ended, as am-executor does. Prints JSON lines; exits 1 when
// the budget was missed or an agent did not stop.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { startActingDaemon } from '../test/support/acting-daemon.ts'
import { createFleet } from '../test/support/fleet.ts'
import { usageOf } from '../test/support/proc-usage.ts'
import { samplesOf } from '../test/support/samples.ts'
import { fsyncTimes } from './webhook/disk.ts'
import { createNotifications, disconnect, type Told, tellAtPace } from './webhook/load.ts'
import { type Reaction, react } from './webhook/reaction.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    rate: { type: 'string', default: '100' },
    alerts: { type: 'string', default: '50' },
    agents: { type: 'string', default: '100' },
    alertnames: { type: 'string', default: '100' },
    // 1h: all of the load is heard and nothing of it is followed.
    deaf: { type: 'string', default: '1m' },
    reactions: { type: 'string', default: '50' },
  },
})
const SECONDS = Number(flags.seconds)
const RATE = Number(flags.rate)
const ALERTS = Number(flags.alerts)
const REACTIONS = Number(flags.reactions)

/** DESIGN, section "Budgets". */
const BUDGET_MS = 50
const BUDGET_FSYNCS = 3
const FSYNCS = 500
const HELD_SECONDS = 5
const WARM_UP_SECONDS = 2
/** The least that `deafFor` may be, and a little: before, nothing would be asked of the action plane. */
const DEAF_MS = 60_000
const MARGIN_MS = 2_000
/** Notifications of a storm do not come in the same second as the one that counts. */
const PAUSE_MS = 200

const print = (line: object) => console.log(JSON.stringify({ bench: 'webhook', ...line }))
const round = (value: number) => Math.round(value * 100) / 100
const load = () => loadavg().map((value) => Math.round(value * 10) / 10)

function spread(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN)
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

function sumOf(told: readonly Told[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {}
  for (const { answer } of told) {
    for (const [outcome, count] of Object.entries(answer.outcomes ?? {})) {
      sum[outcome] = (sum[outcome] ?? 0) + count
    }
  }
  return sum
}

print({ node: process.version, cores: cpus().length, load: load() })
using fleet = createFleet()
await using daemon = await startActingDaemon({
  config: {
    // Registered ones alone, so that their number is the fleet's.
    agents: { discovery: { processes: false, containers: false } },
    // A tenth of them is not enough to measure; the guard itself is the same.
    control: { maxFleetShare: 1 },
    alertmanager: {
      rules: [
        { match: { alertname: 'BenchReaction' }, action: 'pause', dryRun: false, deafFor: '1m' },
        { matchers: ['alertname=~"BenchLoad.+"'], action: 'pause', deafFor: flags.deaf },
      ],
    },
  },
  env: { NODE_ENV: 'production' },
})
const target = { url: `${daemon.url}/api/v1/alertmanager`, token: daemon.token }

async function enlist(name: string, count: number, processes: number) {
  const enlisted: { readonly id: string; readonly pid: number }[] = []
  for (let index = 0; index < count; index++) {
    const id = `${name}-${index}`
    const pid = fleet.start(processes).pid as number
    const { status, body } = await daemon.call('POST', '/api/v1/agents', {
      id,
      runtime: { pid },
      enforce: true,
    })
    if (status !== 201) throw new Error(`registration: ${JSON.stringify(body)}`)
    enlisted.push({ id, pid })
  }
  return enlisted
}

const crowd = await enlist('crowd', Number(flags.agents), 1)
const victims = await enlist('victim', REACTIONS, 3)
if (REACTIONS > 0 || flags.deaf === '1m') await delay(DEAF_MS + MARGIN_MS)

const notifications = createNotifications(
  {
    agents: crowd.map(({ id }) => id),
    alertnames: Array.from({ length: Number(flags.alertnames) }, (_, index) => `BenchLoad${index}`),
  },
  ALERTS,
)
const quietBefore = await fsyncTimes(daemon.dataDir, FSYNCS)
await tellAtPace(target, notifications.next, RATE, RATE * WARM_UP_SECONDS)
// What this process was late itself is in the figures: it shares the processors with the daemon.
const ownDelay = monitorEventLoopDelay({ resolution: 1 })
ownDelay.enable()
const before = usageOf(daemon.pid)
const told = await tellAtPace(target, notifications.next, RATE, RATE * SECONDS)
const after = usageOf(daemon.pid)
ownDelay.disable()
const fsyncMs = spread([...quietBefore, ...(await fsyncTimes(daemon.dataDir, FSYNCS))])

const held = fork(new URL('./webhook/held.ts', import.meta.url), ['0.2'])
const [{ url }] = (await once(held, 'message')) as [{ url: string }]
const heldTold = await tellAtPace({ url, token: 'none' }, notifications.next, RATE, RATE * HELD_SECONDS)
held.disconnect()

const acknowledgedMs = spread(told.map(({ ms }) => ms))
const heldMs = spread(heldTold.map(({ ms }) => ms))
const budgetMs = Math.max(BUDGET_MS, BUDGET_FSYNCS * fsyncMs.p99)
const page = samplesOf(await daemon.scrape())
print({
  what: 'acknowledgement',
  notifications: told.length,
  perSecond: RATE,
  alerts: ALERTS,
  fingerprints: notifications.fingerprints,
  episodes: crowd.length * Number(flags.alertnames),
  acknowledgedMs,
  fsyncMs,
  budgetMs: round(budgetMs),
  withinBudget: acknowledgedMs.p99 <= budgetMs,
  outcomes: sumOf(told),
  senderLateMs: { p99: round(ownDelay.percentile(99) / 1e6), max: round(ownDelay.max / 1e6) },
  cpuPercentOfOneCore: round(((after.cpuSeconds - before.cpuSeconds) / SECONDS) * 100),
  rssMiB: round(after.rssBytes / 2 ** 20),
  active: page.get('agent_alertmanager_active_alerts{state="firing"}'),
  load: load(),
})
print({
  what: 'a receiver that waits for a command of 200 ms',
  notifications: heldTold.length,
  acknowledgedMs: heldMs,
  heldOverOurs: { p50: round(heldMs.p50 / acknowledgedMs.p50), p99: round(heldMs.p99 / acknowledgedMs.p99) },
})
if (acknowledgedMs.p99 > budgetMs) process.exitCode = 1

const reactions: Reaction[] = []
for (const victim of victims) {
  reactions.push(await react(daemon, target, victim, 'BenchReaction'))
  await delay(PAUSE_MS)
}
const faults = reactions.flatMap(({ fault }) => fault ?? [])
const verifiedMs = spread(reactions.map((reaction) => reaction.verifiedMs))
print({
  what: 'reaction: webhook sent until the agent stands still',
  runs: reactions.length,
  acknowledgedMs: spread(reactions.map((reaction) => reaction.acknowledgedMs)),
  stoppedMs: spread(reactions.map((reaction) => reaction.stoppedMs)),
  verifiedMs,
  faults: faults.slice(0, 5),
  failed: faults.length,
})
if (faults.length > 0) process.exitCode = 1

const buckets = [...samplesOf(await daemon.scrape())].filter(([key]) =>
  /^agent_reaction_duration_seconds.*trigger="alert"/.test(key),
)
print({ what: 'startsAt until verified, by the daemon', histogram: Object.fromEntries(buckets) })

const SECOND_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }
const secondsOf = (text: string) => Number(text.slice(0, -1)) * (SECOND_UNITS[text.slice(-1)] ?? Number.NaN)
const yamlOf = (path: string) => parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'))

interface Intervals {
  readonly scrape: number
  readonly evaluation: number
  /** How long the expression must be true: `for`. */
  readonly lasting: number
  readonly groupWait: number
}

/** What we ship, with the rule on the rate of tokens. */
function shipped(): Intervals {
  const { global } = yamlOf('prometheus/prometheus.yml')
  const { route } = yamlOf('alerts/alertmanager.yml')
  const { groups } = yamlOf('alerts/usage.rules.yml')
  const rules = groups.flatMap(({ rules: some }: { rules: object[] }) => some)
  const rule = rules.find((one: { alert?: string }) => one.alert === 'AgentTokenRateHigh')
  const own = route.routes.find((one: { receiver: string }) => one.receiver === 'agent-exporter')
  return {
    scrape: secondsOf(global.scrape_interval),
    evaluation: secondsOf(global.evaluation_interval),
    lasting: secondsOf(rule.for),
    groupWait: secondsOf(own.group_wait),
  }
}

/** The shortest that make sense: `for` two scrapes, and a group that waits for nobody. */
const FAST: Intervals = { scrape: 1, evaluation: 1, lasting: 2, groupWait: 0 }

/**
 * A crossing waits for the next scrape, that for the next evaluation, that until the expression has been true for long
 * enough at an evaluation, and the group for `group_wait`; then it is ours. Prometheus' `startsAt` is when it began to
 * fire, after all of that but `group_wait`. How far back the expression looks comes on top and is the rule's.
 */
function arithmetic({ scrape, evaluation, lasting, groupWait }: Intervals) {
  const pending = Math.ceil(lasting / evaluation) * evaluation
  const ours = verifiedMs.p99 / 1_000
  return {
    seconds: { scrape, evaluation, for: lasting, groupWait, ours: round(ours) },
    startsAtUntilVerified: round(groupWait + ours),
    crossingUntilVerified: {
      mean: round(scrape / 2 + evaluation / 2 + pending + groupWait + ours),
      worst: round(scrape + evaluation + pending + groupWait + ours),
    },
  }
}
print({ what: 'end to end', shipped: arithmetic(shipped()), fast: arithmetic(FAST) })
disconnect()
