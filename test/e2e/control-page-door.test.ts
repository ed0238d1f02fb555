import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { BIN, cleanEnvironment } from '../support/daemon.ts'
import { openLink, type SignedIn } from '../support/sign-in.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'

const AGENT = 'watched'
const PAUSE = `/api/v1/agents/${AGENT}/pause?wait=60s`
const RESUME = `/api/v1/agents/${AGENT}/resume?wait=60s`
// Only whoever is signed in may read, so that every answer shows who was recognised.
const CONFIG = { auth: { anonymous: { loopback: ['ingest'], remote: [] } } }

describe('the door of the control page', () => {
  const daemons: ActingDaemon[] = []
  let daemon: ActingDaemon
  let agent: Stranger
  /** Everything that must never be written anywhere. */
  const secrets = new Set<string>()
  const ended: string[] = []

  beforeAll(async () => {
    daemon = await startActingDaemon({ config: CONFIG, args: ['--log.level=debug'] })
    daemons.push(daemon)
    agent = await startStranger('/bin/sleep', ['600'])
    const { status } = await daemon.call('POST', '/api/v1/agents', { id: AGENT, runtime: { pid: agent.pid } })
    expect(status).toBeLessThan(300)
  })
  afterAll(async () => {
    await agent?.stop()
    for (const one of daemons.toReversed()) await one[Symbol.asyncDispose]()
  })

  const isStopped = () => /^State:\s+T/m.test(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))

  async function ui(url = daemon.url): Promise<{ link: string; err: string }> {
    const args = [BIN, 'ui', `--url=${url}`, `--data.dir=${daemon.dataDir}`]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: cleanEnvironment() })
    const link = stdout.trimEnd()
    secrets.add(new URL(link).searchParams.get('code') ?? link)
    return { link, err: stderr }
  }

  async function enter(link: string): Promise<SignedIn> {
    const signedIn = await openLink(link)
    secrets.add(signedIn.cookie.split('=')[1] ?? '').add(signedIn.proof)
    return signedIn
  }

  async function post(path: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
    const all = { ...headers, 'content-type': 'application/json' }
    const answer = await daemon.get(path, { method: 'POST', headers: all, body: '{"reason":"seen enough"}' })
    const body = (await answer.json()) as { code?: string; status?: string }
    return body.code ?? body.status
  }

  it('opens once for the link that the command prints, and lets act only with the proof', async () => {
    const { link, err } = await ui()
    expect(link).toMatch(new RegExp(`^${daemon.url}/ui/enter\\?code=[A-Za-z0-9_-]{43}$`))
    expect(err).toMatch(/once, within a minute/)
    const { cookie, headers } = await enter(link)
    const again = await fetch(link, { redirect: 'manual' })
    expect([again.status, again.headers.get('set-cookie')]).toEqual([403, null])

    const origin = daemon.url
    expect(await post(PAUSE, { cookie, origin })).toBe('AE_PROOF_MISSING')
    expect(await post(PAUSE, { ...headers, cookie: '' })).toBe('AE_UNAUTHENTICATED')
    expect(isStopped()).toBe(false)
    expect(await post(PAUSE, headers)).toBe('done')
    expect(isStopped()).toBe(true)
    expect(await post(RESUME, headers)).toBe('done')
    expect((await daemon.journal(AGENT)).map(({ action, actor }) => [action, actor])).toEqual([
      ['resume', 'ui:control'],
      ['pause', 'ui:control'],
    ])
  })

  it('leaves an agent that was sent the cookie on its own port without a way to act', async () => {
    const { cookie, proof } = await enter((await ui()).link)
    const origin = daemon.url
    const attempts: Record<string, string>[] = [
      { cookie },
      { cookie, origin },
      { cookie, origin, 'sec-fetch-site': 'same-origin' },
      { cookie, origin, 'x-agent-exporter-proof': cookie.split('=')[1] ?? '' },
      { cookie, origin, 'x-agent-exporter-proof': 'A'.repeat(43) },
      { cookie, origin, authorization: `Bearer ${cookie.split('=')[1]}` },
      { cookie, origin, host: 'localhost' },
      // Not even with the proof, from a page of its own.
      { cookie, origin: 'http://127.0.0.1:1', 'x-agent-exporter-proof': proof },
    ]
    for (const headers of attempts) expect(await post(PAUSE, headers)).toMatch(/^AE_/)
    expect(isStopped()).toBe(false)
    expect((await daemon.journal(AGENT)).length).toBe(2)
  })

  it('lets follow events with the cookie alone, until the person signs out', async () => {
    const { cookie, headers } = await enter((await ui()).link)
    const closed = await daemon.get('/api/v1/events/stream')
    expect(closed.status).toBe(401)
    const stream = await daemon.get('/api/v1/events/stream', { headers: { cookie } })
    expect(stream.status).toBe(200)
    const over = stream.text().then((text) => ended.push(text))
    const who = await daemon.get('/api/v1/ui/session', { headers })
    expect(await who.json()).toMatchObject({ signedIn: true, name: 'ui:control', canControl: true })
    const { status } = await daemon.get('/api/v1/ui/session', { method: 'DELETE', headers })
    expect(status).toBe(204)
    await over
    expect(ended).toEqual([expect.stringContaining(': agent-exporter events')])
    expect(await post(PAUSE, headers)).toBe('AE_SESSION_ENDED')
  })

  it('is shut by a restart, and nothing of what opened it was written down', async () => {
    const { headers } = await enter((await ui()).link)
    expect(await post(RESUME, headers)).toBe('noop')
    const said = daemon.child.output()
    const { dataDir, address } = daemon
    await daemon.stop()
    const written = readdirSync(dataDir)
      .filter((name) => name !== 'control.token')
      .map((name) => readFileSync(join(dataDir, name), 'latin1'))
    secrets.add(daemon.token)
    expect(secrets.size).toBe(13)
    expect(said).toContain('a person signed in to the control page')
    for (const secret of secrets) for (const text of [said, ...written]) expect(text).not.toContain(secret)

    daemon = await startActingDaemon({ config: CONFIG, address, dataDir })
    daemons.push(daemon)
    expect(await post(PAUSE, headers)).toBe('AE_SESSION_ENDED')
    const { link } = await eventually('a new link is printed', () => ui())
    expect(await post(RESUME, (await enter(link)).headers)).toBe('noop')
  })
})
