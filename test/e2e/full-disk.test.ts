import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { incarnationSpace } from '../../src/launch/environment.ts'
import { ensureControlToken } from '../../src/platform/http/control-token.ts'
import { type ActingDaemon, type JournalLine, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { startSmallTree } from '../support/crash-trees.ts'
import { temporaryFolder } from '../support/folder.ts'

/** Room for the database and the reserves. */
const DISK_BYTES = 8 * 1024 * 1024
const folder = temporaryFolder()
const refusal = mount(join(folder.path, 'probe'))
if (refusal === undefined) execFileSync('umount', ['-l', join(folder.path, 'probe')])

/** Why it is not possible, or undefined when it is there. */
function mount(path: string): string | undefined {
  mkdirSync(path, { mode: 0o700, recursive: true })
  try {
    const options = `size=${DISK_BYTES},mode=0700`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return String(error).split('\n')[0]
  }
}

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

const usageOf = async ({ call }: ActingDaemon, id: string) =>
  (await call<{ apiCallsCount: number }>('GET', `/api/v1/agents/${id}`)).body.apiCallsCount

const use = ({ get, token }: ActingDaemon, id: string, key: string) =>
  get(`/api/v1/agents/${id}/usage`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify({ apiCalls: 1 }),
  })

/** A crash that cannot be written is counted and told all the same, and the daemon says what it lacks. */
async function expectCrashUnwritten({ call, scrape }: ActingDaemon): Promise<void> {
  const end = { exitCode: 3, role: 'unwritten', incarnation: `${incarnationSpace()}:4194305:1` }
  expect((await call('POST', '/api/v1/agents/unwritten/exit', end)).status).toBe(204)
  await eventually('the crash is counted', async () =>
    (await scrape()).includes('agent_crashes_total{role="unwritten",cause="error"} 1') ? true : undefined,
  )
  const { crashes } = (await call<{ crashes: object[] }>('GET', '/api/metrics/health')).body
  expect(crashes[0]).toMatchObject({ agentName: 'unwritten', cause: 'error' })
  const { checks } = (await call<{ checks: Record<string, object> }>('GET', '/health')).body
  expect(checks['crashes']).toMatchObject({ status: 'degraded' })
  // Nobody keeps what is only told: whoever tells it can tell it again.
  const told = { crash: { agentName: 'far', exitCode: 1 } }
  expect((await call('POST', '/api/monitoring/crash', told)).status).toBe(503)
}

const isPossible = refusal === undefined || process.env['CI'] === 'true'

describe.runIf(isPossible)(`on a full disk (needs to mount a tmpfs${refusal ? `: ${refusal}` : ''})`, () => {
  it('and on one that cannot be written a first start is refused, and leaves nothing in the way of a later one', () => {
    const disk = join(folder.path, randomUUID())
    mount(disk)
    const again = (options: string) => execFileSync('mount', ['-o', `remount,${options}`, disk])
    const refusedWith = (code: string) =>
      expect.objectContaining({ code: 'AE_DATA_DIR', message: expect.stringContaining(code) })
    try {
      again('ro')
      expect(() => ensureControlToken(disk)).toThrow(refusedWith('EROFS'))
      again('rw')
      fill(join(disk, 'filler'))
      expect(() => ensureControlToken(disk)).toThrow(refusedWith('ENOSPC'))
      rmSync(join(disk, 'filler'))
      expect(ensureControlToken(disk)).toMatch(/^[\w-]{43}$/)
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  })

  it('pauses and resumes go on, the rest is refused, and nothing acknowledged is lost', async () => {
    expect(refusal).toBeUndefined()
    const disk = join(folder.path, randomUUID())
    mount(disk)
    const [tree, other] = [await startSmallTree(), await startSmallTree()]
    const states = () => new Set(tree.living().map(({ state }) => state))
    const filler = join(disk, 'filler')
    try {
      let paused: JournalLine
      {
        await using daemon = await startActingDaemon({ dataDir: disk })
        const act = (id: string, action: string) =>
          daemon.call<JournalLine & { code?: string }>('POST', `/api/v1/agents/${id}/${action}?wait=60s`, {
            reason: 'a full disk',
          })
        for (const [id, { root }] of [
          ['full', tree],
          ['other', other],
        ] as const) {
          const runtime = { pid: root.pid }
          const { status } = await daemon.call('POST', '/api/v1/agents', { id, runtime, enforce: true })
          expect(status).toBe(201)
        }
        // Until the database has used up what it kept in reserve, too.
        let acknowledged = 0
        const key = await eventually(
          'usage is refused',
          async () => {
            fill(filler)
            for (let n = 0; n < 200; n++) {
              const name = `use-${acknowledged}`
              const answer = await use(daemon, 'other', name)
              if (answer.status !== 200) {
                expect(((await answer.json()) as { code: string }).code).toBe('AE_STORE_UNAVAILABLE')
                expect(answer.status).toBe(503)
                return name
              }
              acknowledged++
            }
            return undefined
          },
          60_000,
        )
        // What the database gave back meanwhile (its log begins anew at times) is used up as well.
        await eventually(
          'the journal finds no room either',
          async () => {
            fill(filler)
            const { durable } = (await act('full', 'pause')).body
            await act('full', 'resume')
            return durable ? undefined : true
          },
          60_000,
        )
        fill(filler)
        const refused = await act('other', 'terminate')
        expect(refused.body).toMatchObject({ status: 'refused', refusal: 'not_durable' })
        expect(other.living()).toHaveLength(3)

        paused = (await act('full', 'pause')).body
        expect(paused).toMatchObject({ status: 'done', durable: false })
        expect(states()).toEqual(new Set(['T']))
        expect(readFileSync(join(disk, 'control.spool'), 'utf8')).toContain(paused.id)
        const resumed = await act('full', 'resume')
        expect(resumed.body).toMatchObject({ status: 'done' })
        expect(states()).not.toContain('T')
        expect((await act('full', 'pause')).body).toMatchObject({ status: 'done', durable: false })
        expect((await use(daemon, 'full', 'while-full')).status).toBe(503)
        await expectCrashUnwritten(daemon)

        rmSync(filler)
        await eventually('the journal takes up what was kept aside', async () =>
          existsSync(join(disk, 'control.spool')) ? undefined : true,
        )
        // The same request once more: refused is not counted, and counted is not refused.
        await eventually('usage is taken again', async () =>
          (await use(daemon, 'other', key)).status === 200 ? true : undefined,
        )
        expect(await usageOf(daemon, 'other')).toBe(acknowledged + 1)
        await daemon.child.stop('SIGKILL')
        acknowledged++
        await using next = await startActingDaemon({ dataDir: disk })
        await eventually('the agents are known again', async () =>
          (await next.call('GET', '/api/v1/agents/full')).status === 200 ? true : undefined,
        )
        expect(await usageOf(next, 'other')).toBe(acknowledged)
        const lines = (await next.journal('full')).slice(0, 3)
        expect(lines.map(({ action, status, durable }) => [action, status, durable])).toEqual([
          ['pause', 'done', false],
          ['resume', 'done', false],
          ['pause', 'done', false],
        ])
        const { id, at, verifiedAt } = paused
        expect(lines.at(-1)).toMatchObject({ id, at, verifiedAt })
        const again = await next.call('POST', '/api/v1/agents/full/resume?wait=60s', {})
        expect(again.body).toMatchObject({ status: 'done' })
        expect(tree.living()).toHaveLength(3)
        expect(states()).not.toContain('T')
      }
    } finally {
      tree.end()
      other.end()
      execFileSync('umount', ['-l', disk])
      folder[Symbol.dispose]()
    }
  })
})
