import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { AgentsOptions } from '../../../src/agents/dependencies.ts'
import { createCatalogue } from '../../../src/platform/exposition/catalogue.ts'
import { createInk } from '../../../src/platform/exposition/ink.ts'
import { createScraper, scrapeFamilies } from '../../../src/platform/exposition/scrape.ts'
import { createSlices } from '../../../src/platform/exposition/slices.ts'
import { render } from '../../../src/platform/exposition/writer.ts'
import { createRoom } from './room.ts'

async function setUp(options: Partial<AgentsOptions> = {}, slices = createSlices()) {
  const room = createRoom(options)
  const collectors = room.agents.feature.collectors!
  const catalogue = createCatalogue([...collectors.flatMap(({ families }) => families), ...scrapeFamilies])
  const failures: unknown[] = []
  const scraper = createScraper({
    catalogue,
    collectors,
    clock: room.clock,
    newestFirst: room.agents.newestFirst,
    slices,
    onError: (_name, error) => void failures.push(error),
  })
  async function scrape(): Promise<string[]> {
    room.clock.advance(1_100)
    const snapshot = await scraper.scrape()
    expect(failures).toEqual([])
    const ink = createInk()
    for (const _ of render(snapshot, 'text', ink));
    const text = ink.bytes().toString()
    return text.split('\n').filter((line) => !line.startsWith('#') && line !== '')
  }
  return { room, scrape }
}

const marked = { environment: { AGENT_EXPORTER_AGENT: 'mine', AGENT_EXPORTER_ROLE: 'co"der' } }
const of = (lines: string[], family: string) => lines.filter((line) => line.startsWith(`${family}{`))

describe('what Prometheus sees', () => {
  it('has one state that is 1 and the others 0', async () => {
    const { room, scrape } = await setUp()
    room.run(room.shell(), 'claude', marked)
    await room.start()
    expect(of(await scrape(), 'agent_state')).toEqual([
      'agent_state{agent="mine",state="starting"} 0',
      'agent_state{agent="mine",state="running"} 1',
      'agent_state{agent="mine",state="idle"} 0',
      'agent_state{agent="mine",state="waiting"} 0',
      'agent_state{agent="mine",state="paused"} 0',
      'agent_state{agent="mine",state="exited"} 0',
    ])
  })

  it('shows a workspace by its last part unless paths may be shown', async () => {
    const hidden = await setUp()
    hidden.room.run(hidden.room.shell(), 'claude', marked)
    await hidden.room.start()
    expect(of(await hidden.scrape(), 'agent_info')).toEqual([
      'agent_info{agent="mine",name="mine",role="co\\"der",runtime="process",vendor="claude",workspace="work"} 1',
    ])
    const shown = await setUp({ exposePaths: () => true })
    shown.room.run(shown.room.shell(), 'claude', marked)
    await shown.room.start()
    expect(of(await shown.scrape(), 'agent_info')[0]).toContain('workspace="/home/me/work"')
  })

  it('leaves out what does not exist: no limit, no working set, no network for a process', async () => {
    const { room, scrape } = await setUp()
    room.run(room.shell(), 'claude', marked)
    await room.start()
    const names = new Set(
      (await scrape()).filter((line) => line.includes('"mine"')).map((line) => line.split('{')[0]),
    )
    expect(names).toContain('agent_memory_rss_bytes')
    expect(names).toContain('agent_open_fds')
    for (const absent of [
      'agent_memory_limit_bytes',
      'agent_memory_working_set_bytes',
      'agent_network_receive_bytes_total',
    ]) {
      expect(names).not.toContain(absent)
    }
  })

  it('keeps info, state, counters and timestamps of an ended agent and none of its gauges', async () => {
    const { room, scrape } = await setUp()
    const root = room.run(room.shell(), 'claude', marked)
    room.world.burn(root, 6)
    await room.start()
    room.world.exit(root)
    await room.seconds(1)
    const lines = (await scrape()).filter((line) => line.includes('agent="mine"'))
    expect(lines).toContain('agent_state{agent="mine",state="exited"} 1')
    expect(lines).toContain('agent_cpu_seconds_total{agent="mine",mode="user"} 6')
    expect(new Set(lines.map((line) => line.split('{')[0]))).toEqual(
      new Set([
        'agent_info',
        'agent_state',
        'agent_start_timestamp_seconds',
        'agent_cpu_seconds_total',
        'agent_context_switches_total',
        'agent_io_read_bytes_total',
        'agent_io_write_bytes_total',
      ]),
    )
  })

  it('tells of one moment: who ended since the last sample is neither running nor measured', async () => {
    const { room, scrape } = await setUp()
    const root = room.run(room.shell(), 'claude', marked)
    await room.start()
    room.world.exit(root)
    // The table of a host with many processes is read in another thread.
    const refresh = room.world.table.refresh
    Object.assign(room.world.table, {
      refresh: async () => {
        await delay(20)
        return refresh()
      },
    })
    const lines = await scrape()
    expect(of(lines, 'agent_processes')).toEqual([])
    expect(lines).toContain('agent_state{agent="mine",state="exited"} 1')
  })

  it('has nobody half on a page who is found while it is written', async () => {
    const slices = createSlices()
    let begin = async () => {}
    const turn = async () => {
      await slices.turn()
      await begin()
    }
    const { room, scrape } = await setUp({}, { ...slices, turn })
    room.run(room.shell(), 'claude', marked)
    await room.start()
    // A collector each time, and a second of samples in between.
    let n = 0
    begin = async () => {
      room.run(room.shell(), 'claude', { environment: { AGENT_EXPORTER_AGENT: `meanwhile-${++n}` } })
      await room.seconds(3)
    }
    const lines = await scrape()
    expect(n).toBeGreaterThan(1)
    expect(room.ids()).toContain('meanwhile-1')
    const agentsOf = (family: string) => of(lines, family).map((line) => /agent="([^"]*)"/.exec(line)?.[1])
    expect(agentsOf('agent_info')).toEqual(['mine'])
    expect(agentsOf('agent_processes')).toEqual(['mine'])
  })

  it('still says who there is when nothing can be measured', async () => {
    const room = createRoom()
    room.run(room.shell(), 'claude', marked)
    await room.start()
    room.world.table.refresh = () => {
      throw new Error('EMFILE')
    }
    const collectors = room.agents.feature.collectors!
    const catalogue = createCatalogue([...collectors.flatMap(({ families }) => families), ...scrapeFamilies])
    const { clock } = room
    const failed: string[] = []
    const scraper = createScraper({ catalogue, collectors, clock, onError: (name) => void failed.push(name) })
    const snapshot = await scraper.scrape()
    const ink = createInk()
    for (const _ of render(snapshot, 'text', ink));
    const lines = ink.bytes().toString().split('\n')
    expect(failed).toEqual(['process', 'container'])
    expect(lines).toContain('agent_state{agent="mine",state="running"} 1')
    expect(of(lines, 'agent_processes')).toEqual([])
  })

  it('has fewer families with perAgentMetrics: core', async () => {
    const { room, scrape } = await setUp({ perAgentMetrics: () => 'core' })
    room.run(room.shell(), 'claude', marked)
    await room.start()
    const lines = await scrape()
    expect(of(lines, 'agent_io_read_bytes_total')).toEqual([])
    expect(of(lines, 'agent_cpu_seconds_total').length).toBe(2)
  })

  it('describes a container by its group', async () => {
    const { room, scrape } = await setUp()
    room.container('a', { labels: { 'agent-exporter.agent': 'boxed' }, pid: 77, cpuLimitCores: 1.5 })
    await room.start()
    const lines = await scrape()
    expect(lines).toContain('agent_cpu_limit_cores{agent="boxed"} 1.5')
    expect(lines).toContain('agent_network_receive_bytes_total{agent="boxed"} 11')
    expect(lines).toContain('agent_restarts_total{agent="boxed"} 0')
  })
})
