import { afterEach, expect, it } from 'vitest'
import { eventually } from '../../support/child.ts'
import { type ParsedSample, parseExposition } from '../../support/exposition-parser.ts'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'
import { type ProcTree, procTree } from '../../support/proc-tree.ts'
import { type GoldenDaemon, startGoldenDaemon } from './daemon.ts'

/** Room for the daemon's own series and some agents, not for all. */
const MOST_SERIES = 1_500
const EARLY = 5
const LATE = 60
/** One container is an agent on this host as well. */
const CONTAINERS = 1
/** Longer than two scrapes share a collection. */
const LATER_MS = 1_100

let tree: ProcTree
afterEach(() => tree.dispose())

const agentOf = ({ labels }: ParsedSample) => labels['agent']
const idOf = (n: number) => `synthetic-${n}`

function startAgents(from: number, count: number): void {
  for (let n = from; n < from + count; n++) {
    const pid = 1_000 + n
    tree.write(`${pid}/cmdline`, 'claude\0')
    tree.write(`${pid}/environ`, `AGENT_EXPORTER_AGENT=${idOf(n)}\0`)
    tree.put(pid, {
      comm: 'claude',
      startTime: 5_000 + n,
      uid: 0,
      rssKb: 1_024,
      io: { read: 1, write: 1 },
      fds: 2,
    })
  }
}

async function listed(daemon: GoldenDaemon): Promise<number> {
  const answer = await fetch(`${daemon.url}/api/v1/agents?limit=200`)
  return ((await answer.json()) as { items: unknown[] }).items.length
}

async function scrapeLater(daemon: GoldenDaemon, clock: FakeClock) {
  clock.advance(LATER_MS)
  return parseExposition(await daemon.scrape('text'), 'text')
}

it('above agents.maxSeries whole newest agents are left out of the page, counted, and still watched', async () => {
  tree = procTree()
  tree.write('loadavg', '0.50 0.50 0.50 1/100 42\n')
  startAgents(0, EARLY)
  const clock = fakeClock()
  await using daemon = await startGoldenDaemon('v2-systemd', {
    config: `agents: { maxSeries: ${MOST_SERIES} }`,
    settings: { procRoot: tree.root, clock },
  })
  const before = await scrapeLater(daemon, clock)
  expect(before.values.get('agent_exporter_series_dropped_total')).toBe(0)
  const perAgent = before.samples.filter((sample) => agentOf(sample) === idOf(0)).length
  expect(perAgent).toBeGreaterThan(15)

  startAgents(EARLY, LATE)
  await eventually('every agent is known', async () => {
    await scrapeLater(daemon, clock)
    return (await listed(daemon)) === EARLY + LATE + CONTAINERS || undefined
  })

  const first = await scrapeLater(daemon, clock)
  expect(first.samples.length).toBeLessThanOrEqual(MOST_SERIES)
  // Not a sample less than had to go: one more agent would not have fitted.
  expect(first.samples.length + perAgent).toBeGreaterThan(MOST_SERIES)
  const shown = new Set(first.samples.map(agentOf).filter((id) => id !== undefined))
  for (let n = 0; n < EARLY; n++) expect(shown).toContain(idOf(n))
  expect(shown).toContain('box-1')
  expect(shown.size).toBeLessThan(EARLY + LATE)
  for (const id of shown) {
    if (id === 'box-1') continue
    expect(
      first.samples.filter((sample) => agentOf(sample) === id),
      id,
    ).toHaveLength(perAgent)
  }
  // Families of the fleet and of the exporter are never left out.
  for (const [name] of before.types)
    if (name.startsWith('agent_exporter_')) expect(first.types.has(name), name).toBe(true)

  const second = await scrapeLater(daemon, clock)
  const dropped = (page: typeof first) => page.values.get('agent_exporter_series_dropped_total')!
  const leftOut = EARLY + LATE + CONTAINERS - shown.size
  expect(dropped(second) - dropped(first)).toBe(leftOut * perAgent)
  expect(await listed(daemon)).toBe(EARLY + LATE + CONTAINERS)
})
