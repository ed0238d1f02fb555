import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fileHandles, parseFileHandles } from '../../../docs/examples/file-handles-collector.ts'
import { referenceSettings } from '../../../scripts/documents.ts'
import { type Addition, createExporter, type ExporterOptions, gauge } from '../../../src/index.ts'
import { renderMetricsPage } from '../../../src/platform/exposition/metrics-page.ts'
import { metricsGroups } from '../../../src/reference.ts'
import { COLLECTOR_NAMES } from '../../../src/settings.ts'
import { ACCEPT } from '../../support/accept-proxy.ts'
import { parseExposition } from '../../support/exposition-parser.ts'
import { temporaryFolder } from '../../support/folder.ts'

interface Running extends AsyncDisposable {
  /** One scrape in either format. */
  page(format: 'text' | 'openmetrics', query?: string): Promise<string>
  get(path: string): Promise<Response>
}

/** An exporter on the processes of nobody. */
async function running(additions: readonly Addition[], more: ExporterOptions = {}): Promise<Running> {
  const folder = temporaryFolder()
  const exporter = createExporter({
    dataDir: join(folder.path, 'data'),
    listenAddresses: ['127.0.0.1:0'],
    config: 'agents: { discovery: { processes: false, containers: false } }',
    additions,
    ...more,
  })
  await exporter.start()
  const [url = ''] = exporter.summary().urls
  const get = (path: string, accept = '*/*') => fetch(`${url}${path}`, { headers: { accept } })
  return {
    get,
    page: async (format, query = '') => (await get(`/metrics${query}`, ACCEPT[format])).text(),
    async [Symbol.asyncDispose]() {
      await exporter.stop()
      folder[Symbol.dispose]()
    },
  }
}

/** A proc file system in which this is all there is. */
function procWith(fileNr: string): { readonly path: string } & Disposable {
  const folder = temporaryFolder()
  mkdirSync(join(folder.path, 'sys/fs'), { recursive: true })
  writeFileSync(join(folder.path, 'sys/fs/file-nr'), fileNr)
  return folder
}

describe('the collector of docs/examples', () => {
  it('is on the page of a real host, in both formats, with what the kernel says', async () => {
    await using exporter = await running([fileHandles])
    for (const format of ['text', 'openmetrics'] as const) {
      const { samples, types, help } = parseExposition(await exporter.page(format), format)
      const [used, limit] = ['agent_host_file_handles', 'agent_host_file_handles_limit'].map(
        (name) => samples.find((sample) => sample.name === name)?.value,
      )
      expect(used).toBeGreaterThan(0)
      expect(limit).toBeGreaterThan(used!)
      expect(types.get('agent_host_file_handles')).toBe('gauge')
      expect(help.get('agent_host_file_handles')).toContain('/proc/sys/fs/file-nr')
    }
    expect(await exporter.page('text')).toContain(
      'agent_scrape_collector_success{collector="file_handles"} 1',
    )
  })

  it('can be asked for alone, and be switched off', async () => {
    await using exporter = await running([fileHandles])
    const alone = parseExposition(await exporter.page('text', '?collect[]=file_handles'), 'text')
    expect([...alone.types.keys()].filter((name) => !name.startsWith('agent_scrape_'))).toEqual([
      'agent_host_file_handles',
      'agent_host_file_handles_limit',
    ])
    await using without = await running([fileHandles], { disabledCollectors: ['file_handles'] })
    expect(await without.page('text')).not.toContain('file_handles')
  })

  it('leaves out what cannot be read, and costs nobody else anything', async () => {
    using garbled = procWith('many\n')
    await using absent = await running([fileHandles], { procRoot: garbled.path })
    expect(await absent.page('text')).not.toMatch(/^agent_host_file_handles/m)

    using empty = temporaryFolder()
    await using failing = await running([fileHandles], { procRoot: empty.path })
    const page = await failing.page('text')
    expect(page).toContain('agent_scrape_collector_success{collector="file_handles"} 0')
    expect(page).toContain('agent_scrape_collector_success{collector="agents"} 1')
  })

  it('is in the catalogue, printed before the exporter’s own numbers, and in the reference of metrics', async () => {
    const groups = await metricsGroups({ ...referenceSettings, additions: [fileHandles] })
    expect(groups.map(({ name }) => name).slice(-3)).toEqual(['file_handles', 'self', 'scrape'])
    expect(renderMetricsPage(groups)).toMatch(/\| `agent_host_file_handles` \| gauge \|/)
  })

  it.each([
    ['1824\t0\t9223372036854775807\n', { used: 1824, limit: 2 ** 63 }],
    ['1 0 2', { used: 1, limit: 2 }],
    ['', undefined],
    ['1 0', undefined],
    ['-1 0 2', undefined],
  ])('reads %j', (text, expected) => expect(parseFileHandles(text)).toEqual(expected))
})

it('every collector of our own has its flag and its place', async () => {
  const groups = await metricsGroups(referenceSettings)
  expect(groups.map(({ name }) => name)).toEqual([...COLLECTOR_NAMES, 'scrape'])
})

describe('a room from outside', () => {
  it('starts after ours, stops before them, sees the agents, and has routes and a part of the health', async () => {
    const steps: string[] = []
    const count = gauge('agent_count_of_somebody', { help: 'Agents that are known (the registry).' })
    const room: Addition = ({ agents }) => ({
      name: 'somebody',
      collectors: [
        { name: 'somebody', families: [count], collect: (out) => out.set(count, {}, [...agents()].length) },
      ],
      health: () => ({ status: 'healthy', steps: steps.length }),
      routes: async (app) => {
        app.get('/somebody', { config: { scope: 'read', subject: 'handler' } }, async () => ({ steps }))
      },
      start: async () => void steps.push('start'),
      stop: async () => void steps.push('stop'),
    })
    {
      await using exporter = await running([room])
      expect(await (await exporter.get('/somebody')).json()).toEqual({ steps: ['start'] })
      expect(await exporter.page('text')).toMatch(/^agent_count_of_somebody 0$/m)
      const health = (await (await exporter.get('/health')).json()) as { checks: object }
      expect(health.checks).toHaveProperty('somebody.status', 'healthy')
    }
    expect(steps).toEqual(['start', 'stop'])
  })

  it('that cannot say how it is, is ill, and what the others say stays', async () => {
    const room: Addition = () => ({
      name: 'somebody',
      health() {
        throw new Error('no idea')
      },
    })
    await using exporter = await running([room])
    const answer = await exporter.get('/health')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      status: 'unhealthy',
      checks: {
        database: { status: 'healthy' },
        somebody: { status: 'unhealthy', error: 'Error: no idea' },
      },
    })
  })

  it('is refused at the start when it takes the name of a collector, or of a metric for something else', async () => {
    const taken: Addition = () => ({
      name: 'x',
      collectors: [{ name: 'host', families: [], collect() {} }],
    })
    await expect(running([taken])).rejects.toThrow('Two collectors have the same name: host')
    const state = gauge('agent_state', { help: 'Something else.' })
    const other: Addition = () => ({
      name: 'x',
      collectors: [{ name: 'x', families: [state], collect() {} }],
    })
    await expect(running([other])).rejects.toThrow('agent_state: declared twice and differently')
  })
})
