// Agents die and start ten thousand times: nothing may stay behind in the daemon.
//
//   npm run bench:churn            prints one JSON line; exits 1 when a limit is broken
//
// Real processes, in overlapping batches; each lives long enough to be sampled. What must come back to where it was after
// retention: descriptors, series, rows; the resident size may end 20 MB above the start and must not slope.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { eventually } from '../test/support/child.ts'
import { type Daemon, startDaemon } from '../test/support/daemon.ts'
import { createFleet, FLEET_COMMAND, type Fleet } from '../test/support/fleet.ts'
import { usageOf } from '../test/support/proc-usage.ts'
import { samplesOf } from '../test/support/samples.ts'

const CYCLES = Number(process.env['CHURN_CYCLES'] ?? 10_000)
const BATCH = 250
/** Two sweeps and a bit: every agent is found and measured, and its end is seen. */
const LIFE_SECONDS = 2.5
const RETENTION_SECONDS = 5
/** The same shape of load as what is measured, so that compiled code, pools and once-only series exist before the start. */
const WARM_UP_CYCLES = 1_000

const LIMITS = { rssGrowthBytes: 20e6, slopeBytesPerCycle: 1024, databaseBytes: 32 * 2 ** 20 }

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Standing {
  readonly openFds: number
  readonly series: number
  readonly liveRows: number
  readonly rssBytes: number
}

using fleet = createFleet()
await using daemon = await startDaemon({
  config: { agents: { discovery: { commands: [FLEET_COMMAND] }, retention: `${RETENTION_SECONDS}s` } },
  env: { NODE_ENV: 'production' },
})

await churn(fleet, WARM_UP_CYCLES, () => {})
const start = await settled(daemon)

const track: { readonly cycle: number; readonly rssBytes: number }[] = []
let seen = 0
const from = performance.now()
await churn(fleet, CYCLES, async (cycle) => {
  track.push({ cycle, rssBytes: usageOf(daemon.pid).rssBytes })
  seen += agentsIn(await daemon.scrape())
})
const seconds = (performance.now() - from) / 1000
const end = await settled(daemon)
const slope = slopeOf(track.filter(({ cycle }) => cycle > CYCLES / 2))
const databaseBytes = databaseSize(daemon)

const broken = [
  seen === 0 && 'no agent was ever seen',
  end.openFds !== start.openFds && 'descriptors',
  end.series !== start.series && 'series',
  end.liveRows !== start.liveRows && 'live rows',
  end.rssBytes > start.rssBytes + LIMITS.rssGrowthBytes && 'resident size',
  slope > LIMITS.slopeBytesPerCycle && 'slope of the resident size',
  databaseBytes > LIMITS.databaseBytes && 'database file',
].filter((name) => name !== false)

console.log(
  JSON.stringify({
    bench: 'churn',
    node: process.version,
    cycles: CYCLES,
    seconds: Math.round(seconds),
    start,
    end,
    rssSlopeBytesPerCycle: Math.round(slope),
    databaseBytes,
    limits: LIMITS,
    broken,
  }),
)
process.exitCode = broken.length === 0 ? 0 : 1

/** Starts and loses `cycles` agents, a batch at a time; the next batch starts while the last one is still ending. */
async function churn(on: Fleet, cycles: number, afterBatch: (cycle: number) => void | Promise<void>) {
  let last: Promise<unknown> = Promise.resolve()
  for (let cycle = 0; cycle < cycles; ) {
    const size = Math.min(BATCH, cycles - cycle)
    const batch = Promise.all(Array.from({ length: size }, () => on.live(LIFE_SECONDS)))
    await sleep((LIFE_SECONDS * 1000) / 2)
    await last
    last = batch
    cycle += size
    await afterBatch(cycle)
  }
  await last
}

/** What there is once everything that ended has been forgotten. */
async function settled(of: Daemon): Promise<Standing> {
  await sleep((RETENTION_SECONDS + 10) * 1000)
  // If one never goes, the figures below say so.
  await eventually(
    'every agent is forgotten',
    async () => agentsIn(await of.scrape()) === 0 || undefined,
    60_000,
    1_000,
  ).catch(() => {})
  const series = seriesIn(await of.scrape())
  // The first reading after a load still holds what the collector has not visited; the lowest of some is what is kept.
  let rssBytes = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) {
    await sleep(1_000)
    rssBytes = Math.min(rssBytes, usageOf(of.pid).rssBytes)
  }
  return { openFds: usageOf(of.pid).openFds, series, liveRows: liveRows(of), rssBytes }
}

/** Without the one family whose series are whatever the event loop happens to hold at that moment. */
function seriesIn(exposition: string): number {
  return [...samplesOf(exposition).keys()].filter((key) => !key.startsWith('nodejs_active_resources')).length
}

/** Registrations, and lives that have not ended: history is kept for days and bounded by the size of the file. */
function liveRows(of: Daemon): number {
  using database = new DatabaseSync(join(of.dataDir, 'agent-exporter.db'), { readOnly: true })
  const live =
    'select (select count(*) from agents) + (select count(*) from agent_incarnations where ended_ms is null) as n'
  return Number(database.prepare(live).get()?.['n'])
}

function databaseSize(of: Daemon): number {
  return readdirSync(of.dataDir)
    .filter((name) => name.startsWith('agent-exporter.db'))
    .map((name) => statSync(join(of.dataDir, name)).size)
    .reduce((sum, size) => sum + size, 0)
}

/** Least squares: bytes per cycle. */
function slopeOf(points: readonly { readonly cycle: number; readonly rssBytes: number }[]): number {
  const n = points.length
  const meanX = points.reduce((sum, { cycle }) => sum + cycle, 0) / n
  const meanY = points.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / n
  let above = 0
  let below = 0
  for (const { cycle, rssBytes } of points) {
    above += (cycle - meanX) * (rssBytes - meanY)
    below += (cycle - meanX) ** 2
  }
  return below === 0 ? 0 : above / below
}

function agentsIn(exposition: string): number {
  return [...samplesOf(exposition).keys()].filter((key) => key.startsWith('agent_info{')).length
}
