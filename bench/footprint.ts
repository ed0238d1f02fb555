// What the daemon itself costs: CPU and memory while it samples every second and is scraped every 15 s.
//
//   npm run bench:footprint        prints one JSON line per fleet
//
// The figures come from /proc/<daemon>/stat and status, read here, not from the daemon.
import { eventually } from '../test/support/child.ts'
import { startDaemon } from '../test/support/daemon.ts'
import { createFleet, FLEET_COMMAND } from '../test/support/fleet.ts'
import { usageOf } from '../test/support/proc-usage.ts'
import { samplesOf } from '../test/support/samples.ts'

const SCRAPE_EVERY_MS = 15_000
const SCRAPES = 5
/** Until discovery, the first garbage collections and the compiler have settled. */
const SETTLE_MS = 30_000

interface Load {
  readonly agents: number
  /** Processes of the agent with this index. */
  readonly processes: (index: number) => number
  readonly budget: { readonly cpuPercent?: number; readonly rssMiB: number }
}

// DESIGN, section "Budgets".
const LOADS: readonly Load[] = [
  { agents: 100, processes: () => 5, budget: { cpuPercent: 1, rssMiB: 90 } },
  { agents: 1_000, processes: (index) => 1 + (index % 2), budget: { rssMiB: 160 } },
]

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

for (const load of LOADS) {
  using fleet = createFleet()
  let processes = 0
  for (let i = 0; i < load.agents; i++) {
    processes += load.processes(i)
    fleet.start(load.processes(i))
  }
  await using daemon = await startDaemon({
    config: { agents: { discovery: { commands: [FLEET_COMMAND] } } },
    env: { NODE_ENV: 'production' },
  })
  await eventually(
    'every agent is exposed',
    async () => agentsIn(await daemon.scrape()) >= load.agents || undefined,
    60_000,
    1_000,
  )
  await sleep(SETTLE_MS)

  const before = usageOf(daemon.pid)
  const from = performance.now()
  let series = 0
  let rssBytes = 0
  for (let scrape = 1; scrape <= SCRAPES; scrape++) {
    await sleep(from + scrape * SCRAPE_EVERY_MS - performance.now())
    series = samplesOf(await daemon.scrape()).size
    rssBytes = Math.max(rssBytes, usageOf(daemon.pid).rssBytes)
  }
  const seconds = (performance.now() - from) / 1000
  const after = usageOf(daemon.pid)
  const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100
  const rssMiB = rssBytes / 2 ** 20
  console.log(
    JSON.stringify({
      bench: 'footprint',
      node: process.version,
      agents: load.agents,
      processes,
      series,
      seconds: round(seconds),
      cpuPercentOfOneCore: round(cpuPercent),
      rssMiB: round(rssMiB),
      peakRssMiB: round(after.peakRssBytes / 2 ** 20),
      openFds: after.openFds,
      budget: load.budget,
      withinBudget: rssMiB <= load.budget.rssMiB && cpuPercent <= (load.budget.cpuPercent ?? Infinity),
    }),
  )
}

function agentsIn(exposition: string): number {
  return [...samplesOf(exposition).keys()].filter((key) => key.startsWith('agent_info{')).length
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
