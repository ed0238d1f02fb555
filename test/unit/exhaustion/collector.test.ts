import { describe, expect, it } from 'vitest'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { createInk } from '../../../src/platform/exposition/ink.ts'
import { createScraper, scrapeFamilies } from '../../../src/platform/exposition/scrape.ts'
import { render } from '../../../src/platform/exposition/writer.ts'
import { createRoom } from './room.ts'

async function setUp() {
  const room = createRoom({ thresholds: { maxApiCalls: 10, maxTokensPerMinute: 600 } })
  await room.start()
  const collectors = room.room.feature.collectors!
  const catalogue = createCatalogue([...collectors.flatMap(({ families }) => families), ...scrapeFamilies])
  const failures: unknown[] = []
  const scraper = createScraper({
    ...{ catalogue, collectors, clock: room.clock, newestFirst: () => 0 },
    onError: (_name, error) => void failures.push(error),
  })
  async function scrape(): Promise<string[]> {
    room.clock.advance(1_100)
    const snapshot = await scraper.scrape()
    expect(failures).toEqual([])
    const ink = createInk()
    for (const _ of render(snapshot, 'text', ink));
    const lines = ink.bytes().toString().split('\n')
    return lines.filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('agent_scrape'))
  }
  return { ...room, scrape }
}

describe('what Prometheus sees of budgets', () => {
  it('has every counter at 0 from the start, also for what a person does', async () => {
    const { scrape } = await setUp()
    const lines = await scrape()
    for (const name of ['warnings', 'interventions', 'terminations']) {
      const counters = lines.filter((line) => line.startsWith(`resource_exhaustion_${name}_total`))
      expect(counters).toHaveLength(9)
      for (const line of counters) expect(line).toMatch(/ 0$/)
      expect(counters.join()).toContain('{resource="manual"}')
    }
  })

  it('counts an excursion once and shows phase, use, limit and thresholds', async () => {
    const { scrape, appear, ledger, room, settle } = await setUp()
    await room.enrol(appear('a'), { enforce: true })
    ledger.use('a', { apiCalls: 9 }, { input: 60, cache_read: 999 })
    ledger.use('a', { apiCalls: 10 })
    ledger.use('a', { apiCalls: 11 })
    await settle()
    const lines = await scrape()
    for (const line of [
      'resource_exhaustion_warnings_total{resource="api_calls"} 1',
      'resource_exhaustion_interventions_total{resource="api_calls"} 1',
      'agents_tracked_current{phase="normal"} 0',
      'agents_tracked_current{phase="intervention"} 1',
      'agent_phase{agent="a",phase="intervention"} 1',
      'agent_phase{agent="a",phase="normal"} 0',
      'agent_enforced{agent="a"} 1',
      'agent_budget_used_ratio{agent="a",resource="api_calls"} 1.1',
      'agent_budget_used{agent="a",resource="api_calls",unit="calls"} 11',
      'agent_budget_limit{agent="a",resource="api_calls",unit="calls"} 10',
      'agent_budget_used{agent="a",resource="token_rate",unit="tokens_per_second"} 1',
      'agent_budget_limit{agent="a",resource="token_rate",unit="tokens_per_second"} 10',
      'agent_budget_limit{agent="a",resource="time_without_deliverable",unit="seconds"} 300',
      'agent_budget_threshold_ratio{agent="a",level="warning"} 0.8',
      'agent_budget_threshold_ratio{agent="a",level="intervention"} 1',
    ]) {
      expect(lines).toContain(line)
    }
    expect(lines.join()).not.toContain('cost_usd",unit')
  })

  it('keeps the phase of a terminated agent as long as it is shown, and nothing else of it', async () => {
    const { scrape, appear, world, person } = await setUp()
    const a = appear('a')
    person.terminate('a')
    world.agents.set('a', { ...a, endedAtMs: 1 })
    const lines = (await scrape()).filter((line) => line.includes('agent="a"'))
    expect(lines).toHaveLength(4)
    expect(lines).toContain('agent_phase{agent="a",phase="termination"} 1')
  })

  it('shows no gauge of an agent that ended, and no use that is not known', async () => {
    const { scrape, appear, ledger, world } = await setUp()
    const a = appear('a')
    appear('b')
    ledger.lose('b')
    world.agents.set('a', { ...a, endedAtMs: 1 })
    const lines = await scrape()
    expect(lines.join()).not.toContain('agent="a"')
    expect(lines).toContain('agent_budget_limit{agent="b",resource="api_calls",unit="calls"} 10')
    expect(lines.join()).not.toContain('agent_budget_used{agent="b"')
  })
})
