import { copyFileSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Bound,
  bracket,
  disagreements,
  processInfo,
  seriesOf,
  statesBut,
} from '../support/agent-oracle.ts'
import { eventually, startChild } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { procTruth, stateOf, TICK_SECONDS } from '../support/proc-truth.ts'
import { type AgentProcess, startAgent } from '../support/processes.ts'
import { startStranger } from '../support/stranger.ts'

/** Long enough for a busy machine to look at what is kept so long. */
const RETENTION_SECONDS = 10

describe.runIf(process.platform === 'linux')('the end of an agent', () => {
  let daemon: Daemon
  const started: AgentProcess[] = []

  beforeAll(async () => {
    daemon = await startDaemon({ config: { agents: { retention: `${RETENTION_SECONDS}s` } } })
  })
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    for (const agent of started) await agent.stop()
  })

  async function start(...args: Parameters<typeof startAgent>): Promise<AgentProcess> {
    const agent = await startAgent(...args)
    started.push(agent)
    return agent
  }

  const series = async (id: string) => seriesOf(await daemon.scrape('openmetrics'), id)

  /** The first page that tells of the end. */
  const ended = (id: string) =>
    eventually('it has ended', async () => {
      const found = await series(id)
      return found.get('agent_state{state="exited"}') === 1 ? found : undefined
    })

  it('takes the gauges away at once, keeps counters, info and state for the retention, then nothing', async () => {
    const id = `truth-ending-${process.pid}`
    const agent = await start('cpu', { id })
    const info = processInfo(agent.pid, { name: id, vendor: 'claude' })
    await eventually('it is found', async () => (await series(id)).size > 0 || undefined)
    const { before: seen } = await bracket(daemon, () => procTruth([agent.pid]))
    const last = procTruth([agent.pid])
    const endsAt = performance.now()
    await agent.stop()
    // What it used after its last sample dies with it; a scrape has seen what it had used until then.
    const unseenSeconds = ((performance.now() - endsAt) / 1_000) * availableParallelism()
    const left = await ended(id)

    const atMost = (name: 'userSeconds' | 'systemSeconds'): Bound => ({
      low: seen[name] - TICK_SECONDS,
      high: last[name] + unseenSeconds + TICK_SECONDS,
    })
    const since = (low: number): Bound => ({ low, high: Number.POSITIVE_INFINITY })
    expect(
      disagreements(left, {
        [`agent_info{${info}}`]: { low: 1, high: 1 },
        ...statesBut('exited'),
        agent_start_timestamp_seconds: { low: seen.startedAt - 1, high: seen.startedAt + 1 },
        agent_last_activity_timestamp_seconds: { low: seen.startedAt, high: Date.now() / 1_000 },
        'agent_cpu_seconds_total{mode="user"}': atMost('userSeconds'),
        'agent_cpu_seconds_total{mode="system"}': atMost('systemSeconds'),
        'agent_context_switches_total{kind="voluntary"}': since(seen.voluntarySwitches),
        'agent_context_switches_total{kind="involuntary"}': since(seen.involuntarySwitches),
        agent_io_read_bytes_total: since(seen.ioReadBytes),
        agent_io_write_bytes_total: since(seen.ioWriteBytes),
      }),
    ).toEqual([])

    await eventually('nothing is left', async () => (await series(id)).size === 0 || undefined)
    expect((performance.now() - endsAt) / 1_000).toBeGreaterThan(RETENTION_SECONDS)
  })

  it('has come when the program ended, also when its parent never waits for it', async () => {
    const folder = temporaryFolder()
    const script = join(folder.path, 'claude')
    copyFileSync(join(import.meta.dirname, '../support/agent-shapes.js'), script)
    const id = `truth-zombie-${process.pid}`
    // The shell becomes a sleep that knows of no child.
    const command = `AGENT_EXPORTER_AGENT=${id} "$0" "$1" idle "$2" & exec sleep 600`
    const pidFile = join(folder.path, 'pids')
    const parent = await startChild('sh', ['-c', command, process.execPath, script, pidFile])
    try {
      await eventually(
        'it is found',
        async () => (await series(id)).get('agent_processes') === 1 || undefined,
      )
      // The daemon may find it before it has come so far as to write its number down.
      const pid = await eventually(
        'its number is known',
        () => Number.parseInt(readFileSync(pidFile, 'utf8'), 10) || undefined,
      )
      process.kill(pid, 'SIGKILL')
      await eventually('it is a zombie', () => stateOf(pid) === 'Z' || undefined)
      expect((await ended(id)).has('agent_processes')).toBe(false)
      expect(stateOf(pid)).toBe('Z')
    } finally {
      await parent.stop('SIGKILL')
      folder[Symbol.dispose]()
    }
  })

  it('has not come while the program that a wrapper started lives', async () => {
    const id = `truth-wrapper-${process.pid}`
    const agent = await start('wrapper', { id })
    await eventually(
      'both are found',
      async () => (await series(id)).get('agent_processes') === 2 || undefined,
    )
    // A second look at its command line tells that the child is the agent's own program. Nobody sees that from outside,
    // but who started later and must wait for that look as well has been looked at later.
    await using later = await startStranger('/bin/sleep', ['600'], {
      env: { AGENT_EXPORTER_AGENT: `truth-later-${process.pid}` },
    })
    await eventually(
      `${later.pid} is found`,
      async () => (await series(`truth-later-${process.pid}`)).size > 0 || undefined,
    )
    process.kill(agent.pid, 'SIGKILL')
    await eventually('one is left', async () => (await series(id)).get('agent_processes') === 1 || undefined)
    const { before, text, after } = await bracket(daemon, () => procTruth([agent.pids['link0'] as number]))
    const left = seriesOf(text, id)
    expect(left.get('agent_processes')).toBe(1)
    expect(left.get('agent_memory_rss_bytes')).toBeGreaterThanOrEqual(
      Math.min(before.rssBytes, after.rssBytes),
    )
    expect(left.get('agent_state{state="exited"}')).toBe(0)
  })

  it('gives the id to the next life at once', async () => {
    const id = `truth-again-${process.pid}`
    const first = await start('cpu', { id })
    await eventually('the first is found', async () => (await series(id)).size > 0 || undefined)
    await first.stop()
    const second = await start('idle', { id })
    const startedAt = procTruth([second.pid]).startedAt
    await eventually('the second has the id', async () => {
      const answer = await daemon.get(`/api/v1/agents/${id}`)
      const { incarnation } = (await answer.json()) as { incarnation: string }
      return incarnation.split(':').at(-2) === String(second.pid) || undefined
    })
    const { before, text, after } = await bracket(daemon, () => procTruth([second.pid]))
    const now = seriesOf(text, id)
    expect(now.get('agent_cpu_seconds_total{mode="user"}')).toBeGreaterThanOrEqual(before.userSeconds)
    expect(now.get('agent_cpu_seconds_total{mode="user"}')).toBeLessThanOrEqual(after.userSeconds)
    expect(Math.abs(now.get('agent_start_timestamp_seconds')! - startedAt)).toBeLessThanOrEqual(1)
  })
})
