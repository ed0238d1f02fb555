import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CRASH_CAUSES } from '../../src/crashes/model.ts'
import { eventually } from '../support/child.ts'
import { type DeathDaemon, startDeathDaemon } from '../support/death-daemon.ts'
import { type DeathRow, runDeaths } from '../support/death-matrix.ts'
import { DEATHS } from '../support/deaths.ts'
import { type Dockerd, describeWithDockerd, type RunningContainer, startDockerd } from '../support/dockerd.ts'

/** The full run is `npm run bench:deaths`. */
const RUNS = 2
const MIB = 2 ** 20

/** As the API tells of an agent. */
interface Measured {
  readonly lifecycleMetrics: { readonly oomKills?: number; readonly workingSetBytes?: number }
}

describeWithDockerd('the cause of a death that really happened (R12, R14, E11, E12)', () => {
  let dockerd: Dockerd
  let daemon: DeathDaemon
  let rows: readonly DeathRow[]
  beforeAll(async () => {
    dockerd = await startDockerd()
    daemon = await startDeathDaemon({ dockerHost: `unix://${dockerd.socketPath}` })
    rows = await runDeaths({ daemon, dockerd, runs: RUNS, atOnce: 4 })
  }, 300_000)
  /** Waits for the word of the test at the beginning of each of its lives. */
  const WAITING =
    'n=$(($(cat /lives 2>/dev/null)+1)); echo $n >/lives; until [ -e /go$n ]; do usleep 100000; done'
  /** Tells a container to go on in this life, once the daemon has measured it. */
  async function goOn(id: string, { container }: RunningContainer, life: number): Promise<void> {
    const { State } = await eventually('it waits', async () => {
      const inspected = await container.inspect()
      return inspected.State.Running && inspected.RestartCount === life - 1 ? inspected : undefined
    })
    await eventually('it is measured', async () => {
      const found = await daemon.agent(id)
      const { lifecycleMetrics } = (found?.['state'] ?? {}) as Partial<Measured>
      const isOfLife = found?.['startedAt'] === new Date(State.StartedAt).toISOString()
      return (isOfLife && lifecycleMetrics?.workingSetBytes !== undefined) || undefined
    })
    writeFileSync(`/proc/${State.Pid}/root/go${life}`, '')
  }
  /** As the daemon knows it this moment. */
  async function counted(id: string): Promise<number | undefined> {
    const state = (await daemon.agent(id))?.['state'] as Measured | undefined
    return state?.lifecycleMetrics.oomKills
  }
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await dockerd?.[Symbol.asyncDispose]()
  })

  it.each(Object.entries(DEATHS))('%s', (name) => {
    const row = rows.find((one) => one.name === name)
    expect(row?.deaths).toHaveLength(RUNS)
    for (const { judged, evidence } of row!.deaths) {
      expect(judged, JSON.stringify(evidence)).toBe(row!.expected)
      if (CRASH_CAUSES.some((cause) => judged.endsWith(cause))) expect(evidence.length).toBeGreaterThan(0)
    }
  })

  it('counts every process that was killed for memory, the main process and over restarts', async () => {
    const id = `killed-twice-${process.pid}`
    const kills = () => daemon.series('agent_oom_kills_total', { agent: id })
    const script = `${WAITING}; a=x; while :; do a=$a$a; done`
    const labels = { 'agent-exporter.agent': id }
    const running = await dockerd.runContainer({ labels, memory: 32 * MIB, restarts: 1, script })
    const { container } = running
    try {
      // A scrape may be up to a second old: each count stands for the life of its agent.
      for (const count of [1, 2]) {
        await goOn(id, running, count)
        await eventually(`${count} are counted`, async () => (await kills()) === count || undefined)
      }
      await eventually(
        'both ends are judged',
        async () => (await daemon.crashes(id)).length === 2 || undefined,
      )
      const { RestartCount, State } = await container.inspect()
      expect({ RestartCount, Running: State.Running }).toEqual({ RestartCount: 1, Running: false })
      expect(await counted(id)).toBe(2)
    } finally {
      await container.remove({ force: true })
    }
  })

  it('counts a child that was killed for memory in a container that lives on', async () => {
    const id = `loses-children-${process.pid}`
    const kills = () => daemon.series('agent_oom_kills_total', { agent: id })
    const leak = `/bin/sh -c 'a=x; while :; do a=$a$a; done'`
    const labels = { 'agent-exporter.agent': id }
    // The second when somebody has seen that the first was counted.
    const script = `${WAITING}; ${leak}; until [ -e /again ]; do usleep 100000; done; ${leak}; sleep 3600`
    const running = await dockerd.runContainer({ labels, memory: 32 * MIB, script })
    const { container } = running
    try {
      await goOn(id, running, 1)
      await eventually('one is counted', async () => (await kills()) === 1 || undefined)
      writeFileSync(`/proc/${running.pid}/root/again`, '')
      await eventually('two are counted', async () => (await kills()) === 2 || undefined)
      expect((await container.inspect()).State.Running).toBe(true)
      await container.kill()
      await eventually('its end is judged', () => daemon.lastEnd(id))
      expect(await counted(id)).toBe(2)
    } finally {
      await container.remove({ force: true })
    }
  })

  it('is written down once for every crash, and for no other end', async () => {
    for (const { name, deaths } of rows) {
      for (const { agent, judged } of deaths) {
        // One that lives on is ended by the test when it has been told.
        if (judged.startsWith('living')) continue
        const written = (await daemon.crashes(agent)).filter(({ lives }) => !lives)
        expect(written.length, name).toBe(CRASH_CAUSES.some((cause) => judged === cause) ? 1 : 0)
      }
    }
  })
})
