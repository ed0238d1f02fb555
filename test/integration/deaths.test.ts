import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CrashRoom, startCrashRoom } from '../support/crash-room.ts'
import { type DeathRow, runDeaths } from '../support/death-matrix.ts'
import { DEATHS } from '../support/deaths.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../support/dockerd.ts'

/** The full run is `npm run bench:deaths`. */
const RUNS = 2

describeWithDockerd('the cause of a death that really happened (R12, R14, E11, E12)', () => {
  let dockerd: Dockerd
  let room: CrashRoom
  let rows: readonly DeathRow[]
  beforeAll(async () => {
    dockerd = await startDockerd()
    room = await startCrashRoom({ dockerHost: `unix://${dockerd.socketPath}` })
    rows = await runDeaths({ room, dockerd, runs: RUNS, atOnce: 4 })
  }, 300_000)
  afterAll(async () => {
    await room?.[Symbol.asyncDispose]()
    await dockerd?.[Symbol.asyncDispose]()
  })

  it.each(Object.entries(DEATHS))('%s', (name) => {
    const row = rows.find((one) => one.name === name)
    expect(row?.deaths).toHaveLength(RUNS)
    for (const { judged, verdict } of row!.deaths) {
      expect(judged, JSON.stringify(verdict)).toBe(row!.expected)
      expect(verdict?.evidence.length).toBeGreaterThan(0)
    }
  })

  it('is written down once for every crash, and for no other end', () => {
    const written = (agent: string) =>
      room.crashes.list().filter((one) => one.agent === agent && one.verdict.reason === 'crashed').length
    for (const { name, deaths } of rows) {
      for (const { agent, verdict } of deaths) {
        // One that lives on is ended by the test when it has been told.
        if (verdict?.reason === 'lives') continue
        expect(written(agent), name).toBe(verdict?.reason === 'crashed' ? 1 : 0)
      }
    }
  })
})
