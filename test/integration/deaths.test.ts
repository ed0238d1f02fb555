import { afterAll, beforeAll, expect, it } from 'vitest'
import { CRASH_CAUSES } from '../../src/crashes/model.ts'
import { type DeathDaemon, startDeathDaemon } from '../support/death-daemon.ts'
import { type DeathRow, runDeaths } from '../support/death-matrix.ts'
import { DEATHS } from '../support/deaths.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../support/dockerd.ts'

/** The full run is `npm run bench:deaths`. */
const RUNS = 2

describeWithDockerd('the cause of a death that really happened (R12, R14, E11, E12)', () => {
  let dockerd: Dockerd
  let daemon: DeathDaemon
  let rows: readonly DeathRow[]
  beforeAll(async () => {
    dockerd = await startDockerd()
    daemon = await startDeathDaemon({ dockerHost: `unix://${dockerd.socketPath}` })
    rows = await runDeaths({ daemon, dockerd, runs: RUNS, atOnce: 4 })
  }, 300_000)
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
