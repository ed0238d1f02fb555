import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { referenceSettings } from '../../../scripts/documents.ts'
import { CONTAINER_ID, SHAPES, type Shape } from '../../../scripts/fixture-trees/tree.ts'
import { createApp } from '../../../src/app.ts'
import { metricsGroups } from '../../../src/reference.ts'
import { type ParsedExposition, parseExposition } from '../../support/exposition-parser.ts'
import { startFakeDocker } from '../../support/fake-docker.ts'
import { describeWith } from '../../support/services.ts'
import { type GoldenDaemon, goldenSettings, startGoldenDaemon } from './daemon.ts'
import { withoutLeftOut } from './left-out.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/golden')
/** `UPDATE_GOLDEN=1 npx vitest run test/contract/golden` writes the files; read the difference before committing it. */
const isUpdate = process.env['UPDATE_GOLDEN'] === '1'

const pages = new Map<
  Shape,
  { readonly text: string; readonly openmetrics: string; readonly asked: string[] }
>()

beforeAll(async () => {
  for (const shape of SHAPES) {
    await using daemon: GoldenDaemon = await startGoldenDaemon(shape)
    const text = await daemon.scrape('text')
    const openmetrics = await daemon.scrape('openmetrics')
    pages.set(shape, { text, openmetrics, asked: [...daemon.engine.requests] })
  }
})

afterAll(() => pages.clear())

describe.each(SHAPES)('the whole daemon on a %s host', (shape) => {
  const page = () => pages.get(shape)!
  const values = (): ParsedExposition['values'] => parseExposition(page().text, 'text').values

  it.each([
    ['text', 'txt'],
    ['openmetrics', 'om'],
  ] as const)('prints the golden page in %s', (format, extension) => {
    const file = join(FOLDER, `${shape}.${extension}`)
    const printed = withoutLeftOut(page()[format])
    if (isUpdate) writeFileSync(file, printed)
    expect(existsSync(file), `${file} is missing; UPDATE_GOLDEN=1 writes it`).toBe(true)
    expect(printed).toBe(readFileSync(file, 'utf8'))
  })

  it('says the same in both formats', () => {
    const openmetrics = parseExposition(page().openmetrics, 'openmetrics')
    expect(Object.fromEntries(openmetrics.values)).toEqual(Object.fromEntries(values()))
  })

  it('shows one agent for the program with its child and one for the container with all of its processes', () => {
    const ids = [...values().keys()].filter((key) => key.startsWith('agent_info{'))
    expect(ids).toEqual([
      'agent_info{agent="box-1",name="box",role="worker",runtime="container",vendor="",workspace="work"}',
      expect.stringMatching(/^agent_info\{agent="claude-[0-9a-f]{8}".*runtime="process",vendor="claude"/),
    ])
    expect([...values()].filter(([key]) => key.startsWith('agent_conflict{'))).toEqual([
      ['agent_conflict{agent="box-1"}', 0],
      [expect.stringContaining('claude-'), 0],
    ])
  })

  it('asks the engine for nothing but what it needs to know', () => {
    expect(page().asked.map((request) => request.replace(/sha256:\w+/, '<image>'))).toEqual([
      'GET /_ping',
      'GET /version',
      'GET /events',
      'GET /containers/json',
      `GET /containers/${CONTAINER_ID}/json`,
      'GET /images/<image>/json',
    ])
  })
})

it('--once prints the same page, but for the store that it does not open', async () => {
  await using engine = await startFakeDocker()
  const app = createApp(goldenSettings('v2-systemd', '/nonexistent', engine))
  const withoutStore = (page: string) =>
    withoutLeftOut(page)
      .split('\n')
      .filter((line) => !/^(# (HELP|TYPE) )?agent_exporter_store_/.test(line))
  // Nothing is judged or done by a single look, so nothing is said about that either: not even 0.
  const rooms = ['usage', 'exhaustion', 'control', 'alerts']
  const judged = new Set(
    (await metricsGroups(referenceSettings))
      .filter(({ name }) => rooms.includes(name))
      .flatMap(({ families }) => families.map(({ name }) => name)),
  )
  const familyOf = (line: string) =>
    line.replace(/^# (HELP|TYPE) /, '').replace(/(_bucket|_sum|_count)?[{ ].*$/, '')
  const isMeasured = (line: string) =>
    !judged.has(familyOf(line)) && !rooms.some((room) => line.includes(`{collector="${room}"}`))
  expect(withoutStore(await app.once())).toEqual(
    withoutStore(pages.get('v2-systemd')!.text).filter(isMeasured),
  )
})

/** A family that is read from a file the shape does not have must have no sample at all, not a 0. */
describe('absence', () => {
  const families = (shape: Shape, agent: RegExp) =>
    new Set(
      parseExposition(pages.get(shape)!.text, 'text')
        .samples.filter(({ labels }) => agent.test(labels['agent'] ?? ''))
        .map(({ name }) => name),
    )
  const hostFamilies = (shape: Shape) =>
    [...parseExposition(pages.get(shape)!.text, 'text').values.keys()].filter((key) =>
      key.startsWith('agent_host_pressure_'),
    )
  const PRESSURE = [
    'agent_memory_pressure_waiting_seconds_total',
    'agent_memory_pressure_stalled_seconds_total',
  ]

  test.each(['v2-systemd', 'v2-cgroupfs', 'v2-namespaced'] as const)('%s has stall times', (shape) => {
    expect([...families(shape, /^box/)]).toEqual(expect.arrayContaining(PRESSURE))
    expect(hostFamilies(shape)).toHaveLength(5)
  })

  test('v1 has no stall times of its containers, though the engine’s service has', () => {
    for (const name of PRESSURE) expect(families('v1', /^box/)).not.toContain(name)
    expect(hostFamilies('v1')).toHaveLength(5)
  })

  test('a kernel without PSI has none at all', () => {
    for (const name of PRESSURE) expect(families('v2-no-psi-no-permission', /^box/)).not.toContain(name)
    expect(hostFamilies('v2-no-psi-no-permission')).toEqual([])
  })

  test('what may not be read of processes is absent, what may be read is there', () => {
    const seen = families('v2-no-psi-no-permission', /^claude/)
    for (const name of ['agent_io_read_bytes_total', 'agent_io_write_bytes_total', 'agent_open_fds'])
      expect(seen).not.toContain(name)
    for (const name of ['agent_cpu_seconds_total', 'agent_memory_rss_bytes', 'agent_threads'])
      expect(seen).toContain(name)
  })

  test('what may not be read of a group is absent, what may be read is there', () => {
    const seen = families('v2-no-psi-no-permission', /^box/)
    for (const name of [
      'agent_memory_rss_bytes',
      'agent_memory_working_set_bytes',
      'agent_memory_high_watermark_bytes',
      'agent_io_read_bytes_total',
      'agent_network_receive_bytes_total',
    ])
      expect(seen).not.toContain(name)
    for (const name of ['agent_memory_swap_bytes', 'agent_memory_limit_bytes', 'agent_cpu_seconds_total'])
      expect(seen).toContain(name)
  })

  test('only containers have limits, and a network of their own', () => {
    for (const shape of SHAPES) {
      const seen = families(shape, /^claude/)
      for (const name of seen)
        expect(name).not.toMatch(/(?<!budget_|judged_)limit|network|working_set|throttled|restarts|oom_kills/)
    }
  })

  test('nothing of this machine leaks in: not its file systems, not its processors', () => {
    for (const shape of SHAPES) {
      const values = parseExposition(pages.get(shape)!.text, 'text').values
      expect(values.get('agent_host_cpu_cores')).toBe(2)
      expect([...values.keys()].filter((key) => key.startsWith('agent_host_filesystem_size_bytes'))).toEqual([
        'agent_host_filesystem_size_bytes{mountpoint="/"}',
      ])
    }
  })
})

describeWith('promtool', 'promtool check metrics', ({ promtool }) => {
  it.each(SHAPES)('finds nothing in the page of a %s host', (shape) => {
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
      input: pages.get(shape)!.text,
      encoding: 'utf8',
    })
    expect({ status, findings: stdout + stderr }).toEqual({ status: 0, findings: '' })
  })
})
