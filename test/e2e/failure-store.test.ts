import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { type Daemon, STOPS_WITHIN_MS, startDaemon } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startStranger } from '../support/stranger.ts'

const isRoot = process.getuid?.() === 0
const KILLS = 10
/** Room for the database and its reserve; more files than these fill it. */
const DISK_BYTES = 16 * 1024 * 1024

const valuesOf = async (daemon: Daemon) => parseExposition(await daemon.scrape('text'), 'text').values

const register = (daemon: Daemon, id: string) =>
  daemon.get('/api/v1/agents', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id }),
  })

const health = async (daemon: Daemon) =>
  (await (await daemon.get('/health')).json()) as { status: string; checks: { database: { status: string } } }

const idsOf = async (daemon: Daemon) => {
  const answer = await daemon.get('/api/v1/agents?limit=1000')
  return new Set(((await answer.json()) as { items: { id: string }[] }).items.map(({ id }) => id))
}

describe('kill -9', () => {
  it(`loses no acknowledged registration in ${KILLS} kills at random moments`, async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const acknowledged = new Set<string>()
    for (let life = 0; life < KILLS; life++) {
      await using daemon = await startDaemon({ args: [`--data.dir=${dataDir}`] })
      const known = await idsOf(daemon)
      expect([...acknowledged].filter((id) => !known.has(id))).toEqual([])
      // Registrations one after the other until the kill comes in between or in the middle of one.
      let more = 0
      const killer = delay(20 + Math.random() * 300)
        .then(() => eventually('some are acknowledged', () => more > 1 || undefined, 60_000, 1))
        .then(() => daemon.child.stop('SIGKILL'))
      for (let n = 0; daemon.child.ended === undefined; n++) {
        const id = `life-${life}-${n}`
        const answer = await register(daemon, id).catch(() => undefined)
        if (answer?.status === 201) {
          acknowledged.add(id)
          more++
        } else if (answer === undefined) break
      }
      await killer
    }
    expect(acknowledged.size).toBeGreaterThan(KILLS)
    await using last = await startDaemon({ args: [`--data.dir=${dataDir}`] })
    const known = await idsOf(last)
    expect([...acknowledged].filter((id) => !known.has(id))).toEqual([])
    expect((await health(last)).checks.database.status).toBe('healthy')
    expect((await valuesOf(last)).get('agent_exporter_store_quarantines_total')).toBe(0)
  })
})

describe('a damaged database', () => {
  it('is put aside and kept, a new one is started, and health and metrics say so', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    mkdirSync(dataDir, { mode: 0o700 })
    const rubbish = 'this is no database'.repeat(1_000)
    writeFileSync(join(dataDir, 'agent-exporter.db'), rubbish)
    await using daemon = await startDaemon({ args: [`--data.dir=${dataDir}`] })
    const kept = readdirSync(dataDir).filter((name) => name.startsWith('agent-exporter.db.damaged-'))
    expect(kept).toHaveLength(1)
    expect(readFileSync(join(dataDir, kept[0] as string), 'utf8')).toBe(rubbish)
    expect((await health(daemon)).checks.database.status).toBe('degraded')
    expect((await valuesOf(daemon)).get('agent_exporter_store_quarantines_total')).toBe(1)
    expect(daemon.child.output()).toMatch(/level=error .*put aside/)
    expect((await register(daemon, 'after-the-damage')).status).toBe(201)
  })

  it('costs nothing but itself when a page in its middle is torn', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    {
      await using before = await startDaemon({ args: [`--data.dir=${dataDir}`] })
      for (let n = 0; n < 50; n++) await register(before, `torn-${n}`)
      await before.stop()
    }
    const file = join(dataDir, 'agent-exporter.db')
    const bytes = readFileSync(file)
    bytes.fill(0xaa, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 8_192)
    writeFileSync(file, bytes)
    await using daemon = await startDaemon({ args: [`--data.dir=${dataDir}`] })
    expect((await daemon.get('/-/ready')).status).toBe(200)
    expect((await valuesOf(daemon)).get('agent_exporter_store_up')).toBe(1)
    expect((await register(daemon, 'after-the-tear')).status).toBe(201)
  })
})

describe('a disk', () => {
  it.runIf(isRoot)(
    'that is full costs registrations a coded error and metrics nothing, and all recovers',
    async () => {
      using folder = temporaryFolder()
      const disk = join(folder.path, 'disk')
      mkdirSync(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=0700`, 'tmpfs', disk])
      try {
        await using agent = await startStranger('/bin/sleep', ['600'], {
          env: { AGENT_EXPORTER_AGENT: 'on-a-full-disk' },
        })
        await using daemon = await startDaemon({ args: [`--data.dir=${disk}`] })
        const seen = () =>
          eventually('the agent is measured', async () => {
            const values = await valuesOf(daemon)
            return values.get('agent_processes{agent="on-a-full-disk"}') === 1 ? values : undefined
          })
        await seen()
        expect(agent.pid).toBeGreaterThan(1)
        fill(join(disk, 'filler'))
        const refused = await eventually(
          'a registration is refused',
          async () => {
            for (let n = 0; n < 50; n++) {
              const answer = await register(daemon, `full-${n}-${'x'.repeat(80)}-${Math.random()}`)
              if (answer.status !== 201) return answer
              fill(join(disk, 'filler'))
            }
            return undefined
          },
          60_000,
        )
        expect(refused.status).toBe(503)
        expect(((await refused.json()) as { code: string }).code).toBe('AE_STORE_UNAVAILABLE')
        // A scrape is shared for a second: the first one may be from before.
        const values = await eventually('the refusal is counted', async () => {
          const found = await valuesOf(daemon)
          return (found.get('agent_exporter_store_write_failures_total{reason="full"}') ?? 0) > 0
            ? found
            : undefined
        })
        expect(values.get('agent_exporter_store_up')).toBe(0)
        expect(values.get('agent_processes{agent="on-a-full-disk"}')).toBe(1)
        expect((await health(daemon)).status).toBe('degraded')
        expect(values.get('agent_scrape_collector_success{collector="process"}')).toBe(1)
        expect((await daemon.get('/-/ready')).status).toBe(200)

        rmSync(join(disk, 'filler'))
        await eventually('the store recovers', async () => {
          const again = await valuesOf(daemon)
          return again.get('agent_exporter_store_up') === 1 || undefined
        })
        expect((await register(daemon, 'after-the-flood')).status).toBe(201)
        expect((await valuesOf(daemon)).get('agent_exporter_store_recoveries_total')).toBeGreaterThan(0)
        await daemon.stop()
        await using next = await startDaemon({ args: [`--data.dir=${disk}`] })
        expect((await idsOf(next)).has('after-the-flood')).toBe(true)
      } finally {
        execFileSync('umount', ['-l', disk])
      }
    },
  )

  it('from which the data directory is removed does not stop the measuring', async () => {
    await using agent = await startStranger('/bin/sleep', ['600'], {
      env: { AGENT_EXPORTER_AGENT: 'without-a-directory' },
    })
    await using daemon = await startDaemon()
    rmSync(daemon.dataDir, { recursive: true })
    for (let n = 0; n < 5; n++) await register(daemon, `gone-${n}`)
    await delay(2_000)
    const values = await eventually('the agent is measured', async () => {
      const found = await valuesOf(daemon)
      return found.get('agent_processes{agent="without-a-directory"}') === 1 ? found : undefined
    })
    expect(values.get('agent_scrape_collector_success{collector="self"}')).toBe(1)
    expect(agent.pid).toBeGreaterThan(1)
    const { code, tookMs } = await daemon.stop()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(STOPS_WITHIN_MS)
  })

  it('that holds a home nobody may write to does not matter to a daemon with a data directory', async () => {
    using folder = temporaryFolder()
    const home = join(folder.path, 'home')
    mkdirSync(home)
    chmodSync(home, 0o500)
    await using daemon = await startDaemon({
      env: { HOME: home, XDG_STATE_HOME: join(home, 'state'), XDG_RUNTIME_DIR: join(home, 'run') },
    })
    expect((await valuesOf(daemon)).get('agent_exporter_store_up')).toBe(1)
    expect(readdirSync(home)).toEqual([])
  })
})

/** Writes until nothing more fits. */
function fill(path: string): void {
  const block = Buffer.alloc(256 * 1024)
  for (let size = block.length; size >= 1; size = Math.floor(size / 2)) {
    for (;;) {
      const before = statSync(path, { throwIfNoEntry: false })?.size ?? 0
      try {
        writeFileSync(path, block.subarray(0, size), { flag: 'a' })
      } catch {
        break
      }
      if (statSync(path).size === before) break
    }
  }
}
