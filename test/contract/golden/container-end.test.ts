import { expect, it } from 'vitest'
import { CONTAINER_ID } from '../../../scripts/fixture-trees/tree.ts'
import { eventually } from '../../support/child.ts'
import { parseExposition } from '../../support/exposition-parser.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordedEngine } from '../../support/fake-docker.ts'
import { startGoldenDaemon } from './daemon.ts'

/** Longer than two scrapes share a collection. */
const LATER_MS = 1_100
const RETENTION_MS = 5 * 60_000

interface Inspected {
  State: { Status: string; Running: boolean; Pid: number; ExitCode: number; FinishedAt: string }
}

it('when the engine tells that a container died its gauges go at once and its counters stay for the retention', async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 2))
  const recording = recordedEngine()
  await using daemon = await startGoldenDaemon('v2-systemd', { settings: { clock }, recording })
  const page = async () => {
    clock.advance(LATER_MS)
    const { samples, types } = parseExposition(await daemon.scrape('text'), 'text')
    const own = samples.filter(({ labels }) => labels['agent'] === 'box-1')
    const kept = (type: string) =>
      new Set(own.filter(({ name }) => types.get(name) === type).map(({ name }) => name))
    const state = own.find(({ name, value }) => name === 'agent_state' && value === 1)?.labels['state']
    return { gauges: kept('gauge'), counters: kept('counter'), state }
  }
  const alive = await page()
  expect(alive.gauges).toContain('agent_memory_rss_bytes')

  const { State } = recording.inspect[CONTAINER_ID] as Inspected
  Object.assign(State, {
    Status: 'exited',
    Running: false,
    Pid: 0,
    ExitCode: 137,
    FinishedAt: '2026-01-02T00:00:01Z',
  })
  daemon.engine.emit({
    Type: 'container',
    Action: 'die',
    Actor: { ID: CONTAINER_ID, Attributes: { exitCode: '137', 'agent-exporter.agent': 'box-1' } },
    timeNano: Date.UTC(2026, 0, 2) * 1e6,
  })
  const ended = await eventually('its end is known and looked into', async () => {
    const now = await page()
    return now.state === 'exited' && now.gauges.has('agent_last_crash_timestamp_seconds') ? now : undefined
  })
  expect(ended.counters).toEqual(alive.counters)
  expect([...ended.gauges].sort()).toEqual([
    'agent_info',
    'agent_last_crash_timestamp_seconds',
    'agent_start_timestamp_seconds',
    'agent_state',
  ])

  clock.advance(RETENTION_MS)
  await page()
  const after = await page()
  expect([...after.gauges, ...after.counters]).toEqual([])
})
