import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { mintAgentToken } from '../../../src/platform/http/agent-token.ts'
import { createRoom } from '../../unit/agents/room.ts'
import { bearer, CONTROL_TOKEN, type TestServer, testServer } from '../../unit/platform/http/support.ts'

const NOBODY = 65_534
const OURS = process.geteuid!()
const run = promisify(execFile)

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function setUp() {
  const room = createRoom({ ownUid: OURS })
  server = await testServer(room.agents.feature.routes, { clock: systemClock })
  await room.start()
  const [url] = await server.listen()
  const post = async (body: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/api/v1/agents`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    return { status: answer.status, code: ((await answer.json()) as { code?: string }).code }
  }
  /** The same from a process of nobody's. */
  const postAsNobody = async (body: object) => {
    const script = `fetch('${url}/api/v1/agents', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: process.argv[1] }).then((answer) => console.log(answer.status))`
    const as = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
    const { stdout } = await run('setpriv', [...as, process.execPath, '-e', script, JSON.stringify(body)], {
      cwd: '/',
    })
    return Number(stdout)
  }
  return { room, post, postAsNobody }
}

describe('a caller without credentials on this machine', () => {
  it('is known by the user of its process, and its agents are its own', async () => {
    const { room, post } = await setUp()
    expect((await post({ id: 'mine' })).status).toBe(201)
    expect(room.agents.get('mine')?.uid).toBe(OURS)
    expect((await post({ id: 'mine' })).status).toBe(200)
  })

  it('is nobody behind a proxy, whatever the proxy says of it', async () => {
    const { room, post } = await setUp()
    await post({ id: 'mine' })
    for (const name of ['forwarded', 'x-forwarded-for', 'via']) {
      expect(await post({ id: 'mine' }, { [name]: '127.0.0.1' })).toEqual({
        status: 401,
        code: 'AE_UNAUTHENTICATED',
      })
    }
    expect(room.ids()).toEqual(['mine'])
  })

  it('speaks for one agent with the token of this agent, and for no other', async () => {
    const { room, post } = await setUp()
    const token = bearer(mintAgentToken(CONTROL_TOKEN, 'one'))
    expect((await post({ id: 'one' }, token)).status).toBe(201)
    expect(await post({ id: 'two' }, token)).toEqual({ status: 403, code: 'AE_FORBIDDEN' })
    expect(await post({ id: 'one', enforce: false }, token)).toEqual({ status: 403, code: 'AE_FORBIDDEN' })
    expect(room.ids()).toEqual(['one'])
  })

  // Another user's process can be started by root only.
  it.runIf(OURS === 0)("has no word about another user's agents", async () => {
    const { room, post, postAsNobody } = await setUp()
    expect(await postAsNobody({ id: 'theirs' })).toBe(201)
    expect(room.agents.get('theirs')?.uid).toBe(NOBODY)
    expect(await postAsNobody({ id: 'theirs' })).toBe(200)
    expect((await post({ id: 'ours' })).status).toBe(201)
    expect(await postAsNobody({ id: 'ours' })).toBe(403)
    expect(await postAsNobody({ id: 'more', budget: { maxApiCalls: 1 } })).toBe(403)
    expect((await post({ id: 'theirs' })).status).toBe(200)
  })
})
