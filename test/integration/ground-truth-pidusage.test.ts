import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bracket, disagreements, pidusageOracle, processInfo, seriesOf } from '../support/agent-oracle.ts'
import { eventually } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { procTruth, TICK_SECONDS } from '../support/proc-truth.ts'
import { type AgentProcess, type Shape, startAgent } from '../support/processes.ts'

const SHAPES = ['idle', 'resident', 'threads', 'wrapper', 'spent', 'cpu'] as const
/** A runtime that collects garbage moves its memory between any two readings. */
const MOVING_MEMORY = 0.05
const id = (shape: Shape) => `portable-${shape}-${process.pid}`

describe.runIf(process.platform === 'linux')('numbers of the portable reader equal what /proc says', () => {
  const agents = new Map<Shape, AgentProcess>()
  let daemon: Daemon

  beforeAll(async () => {
    // Before the daemon: what children used and nobody saw is in no number of this reader.
    for (const shape of SHAPES) agents.set(shape, await startAgent(shape, { id: id(shape) }))
    daemon = await startDaemon({ args: ['--collector.process.reader=pidusage'] })
    await eventually('all are found', async () => {
      const text = await daemon.scrape('openmetrics')
      return SHAPES.every((shape) => seriesOf(text, id(shape)).has('agent_memory_rss_bytes')) || undefined
    })
  })
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    for (const agent of agents.values()) await agent.stop()
  })

  it.each(SHAPES)('%s: CPU and resident memory, and nothing that the reader does not give', async (shape) => {
    const { pid, pids } = agents.get(shape)!
    const members = [...new Set([pid, ...Object.values(pids)])]
    const { before, text, after } = await bracket(daemon, () => procTruth(members))
    const info = processInfo(pid, { name: id(shape), vendor: 'claude' })
    const memorySlack = shape === 'cpu' ? MOVING_MEMORY : 0
    const oracle = pidusageOracle({ before, after, info, memorySlack })
    expect(disagreements(seriesOf(text, id(shape)), oracle)).toEqual([])
  })

  it('the end: gauges gone at once, the counter kept', async () => {
    const agent = agents.get('cpu')!
    const { before: seen } = await bracket(daemon, () => procTruth([agent.pid]))
    await agent.stop()
    const series = await eventually('it has ended', async () => {
      const found = seriesOf(await daemon.scrape('openmetrics'), id('cpu'))
      return found.get('agent_state{state="exited"}') === 1 ? found : undefined
    })
    expect(series.has('agent_memory_rss_bytes')).toBe(false)
    expect(series.has('agent_processes')).toBe(false)
    const used = series.get('agent_cpu_seconds_total{mode="unspecified"}')
    expect(used).toBeGreaterThan(seen.ownCpuSeconds - 2 * TICK_SECONDS)
  })
})
