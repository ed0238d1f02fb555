import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bracket, seriesOf } from '../support/agent-oracle.ts'
import { eventually } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { procTruth, stateOf, TICK_SECONDS } from '../support/proc-truth.ts'
import { type AgentProcess, startAgent } from '../support/processes.ts'

/** Scrapes share a collection for a second: nothing printed was read longer ago than that before the request. */
const OLDEST_MS = 1_000
const SCRAPES = 25
const EVERY_MS = 150
const HELD_BYTES = 2 * 100 * 1024 * 1024

const CPU = 'agent_cpu_seconds_total{mode="user"}'

describe.runIf(process.platform === 'linux')('when the numbers of a scrape were true', () => {
  let daemon: Daemon
  const started: AgentProcess[] = []

  beforeAll(async () => {
    daemon = await startDaemon()
  })
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    for (const agent of started) await agent.stop()
  })

  it('at most a second before the request, however often is scraped', async () => {
    const id = `truth-fresh-${process.pid}`
    const agent = await startAgent('cpu', { id })
    started.push(agent)
    await eventually('it is found', async () => seriesOf(await daemon.scrape('openmetrics'), id).get(CPU))

    const timeline: { readonly at: number; readonly until: number; readonly seconds: number }[] = []
    // Who looks may be kept from running in the midst of it.
    const look = () => {
      const at = performance.now()
      const seconds = procTruth([agent.pid]).userSeconds
      const seen = { at, until: performance.now(), seconds }
      timeline.push(seen)
      return seen
    }
    look()
    const looking = setInterval(look, 20)
    const values: number[] = []
    const stale: string[] = []
    try {
      await delay(OLDEST_MS + 200)
      for (let i = 0; i < SCRAPES; i++) {
        const asked = look()
        const value = seriesOf(await daemon.scrape('openmetrics'), id).get(CPU)!
        const answered = look()
        values.push(value)
        const oldest = timeline.findLast(({ until }) => until <= asked.at - OLDEST_MS)!
        if (value < oldest.seconds - TICK_SECONDS || value > answered.seconds + TICK_SECONDS) {
          stale.push(`${value}, was ${oldest.seconds} to ${answered.seconds}`)
        }
        await delay(EVERY_MS)
      }
    } finally {
      clearInterval(looking)
    }
    expect(stale).toEqual([])
    // Collections were made anew, and none went back.
    expect(new Set(values).size).toBeGreaterThan(2)
    expect(values).toEqual(values.toSorted((a, b) => a - b))
  })

  it('also between scrapes: what orphans used that nobody scraped is in the counter and the high watermark', async () => {
    const id = `truth-passing-${process.pid}`
    const agent = await startAgent('passing', { id, stays: true })
    started.push(agent)
    const burners = [agent.pids['burner0'] as number, agent.pids['burner1'] as number]
    const passer = agent.pids['passer'] as number
    // What the last sample held, which no scrape has asked for.
    const sampled = async () => {
      const { state } = (await (await daemon.get(`/api/v1/agents/${id}`)).json()) as Sampled
      return state.lifecycleMetrics
    }
    // Only who was seen below the agent can be told to belong to it when nobody is between them any more.
    await eventually('all are seen', async () => (await sampled()).processes === 4 || undefined)
    const between = procTruth([passer])
    process.kill(passer, 'SIGKILL')
    const least = procTruth(burners)
    expect(least.rssBytes).toBeGreaterThan(HELD_BYTES)
    const own = procTruth([agent.pid])
    await eventually('a sample has seen so much', async () => {
      const { cpuUserSeconds, processes } = await sampled()
      return (processes === 3 && cpuUserSeconds! >= own.userSeconds + least.userSeconds) || undefined
    })
    for (const pid of burners) process.kill(pid, 'SIGSTOP')
    await eventually('both stand still', () => burners.every((pid) => stateOf(pid) === 'T') || undefined)
    const most = procTruth(burners)
    for (const pid of burners) process.kill(pid, 'SIGKILL')
    await eventually(
      'both have ended',
      () => burners.every((pid) => 'Z' === (stateOf(pid) ?? 'Z')) || undefined,
    )

    // Whoever inherited them may not have waited for them: zombies are no processes of the agent.
    const { before, text, after } = await bracket(daemon, () => procTruth([agent.pid]))
    const series = seriesOf(text, id)
    expect(series.get('agent_processes')).toBe(1)
    expect(series.get('agent_memory_rss_bytes')).toBeLessThan(HELD_BYTES)
    expect(series.get('agent_memory_high_watermark_bytes')).toBeGreaterThan(HELD_BYTES)
    expect(series.get(CPU)).toBeGreaterThanOrEqual(before.userSeconds + least.userSeconds - TICK_SECONDS)
    // Each that has ended is rounded down to a tick by itself.
    expect(series.get(CPU)).toBeLessThanOrEqual(
      after.userSeconds + between.userSeconds + most.userSeconds + 3 * TICK_SECONDS,
    )
  })
})

/** As the API tells of an agent. */
interface Sampled {
  readonly state: {
    readonly lifecycleMetrics: { readonly processes?: number; readonly cpuUserSeconds?: number }
  }
}
