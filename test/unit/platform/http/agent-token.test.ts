import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { AGENT_ID_PATTERN } from '../../../../src/agents/model.ts'
import { mintAgentToken } from '../../../../src/platform/http/agent-token.ts'
import { agentMatcher } from '../../../../src/platform/http/caller.ts'
import { expandScopes } from '../../../../src/platform/http/scope.ts'
import { createTokenTable } from '../../../../src/platform/http/tokens.ts'
import { ACCESS, bearer, CONTROL_TOKEN, type TestServer, testServer } from './support.ts'

const table = createTokenTable([], CONTROL_TOKEN)
const id = fc.stringMatching(new RegExp(AGENT_ID_PATTERN))
const covers = (token: string, agent: string): boolean => {
  const grant = table.find(token)
  return grant !== undefined && agentMatcher(grant)?.(agent) === true
}

describe('the token of one agent', () => {
  it('covers this agent and no other, with the scope ingest and no other', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const token = mintAgentToken(CONTROL_TOKEN, a)
        expect(table.find(token)).toMatchObject({
          name: `agent:${a}`,
          kind: 'token',
          scopes: new Set(['ingest']),
        })
        expect(covers(token, a)).toBe(true)
        expect(covers(token, b)).toBe(a === b)
      }),
    )
  })

  it('is the same after a restart and void under another control token', () => {
    const token = mintAgentToken(CONTROL_TOKEN, 'a')
    expect(mintAgentToken(CONTROL_TOKEN, 'a')).toBe(token)
    expect(createTokenTable([], CONTROL_TOKEN).find(token)).toBeDefined()
    expect(createTokenTable([], `${CONTROL_TOKEN}x`).find(token)).toBeUndefined()
    expect(createTokenTable([]).find(token)).toBeUndefined()
  })

  it('has one spelling: any other text is refused', () => {
    const token = mintAgentToken(CONTROL_TOKEN, 'team-a-1')
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        fc.pre(changed !== token)
        expect(table.find(changed)).toBeUndefined()
      }),
    )
    for (const text of [`${token}=`, `${token}.`, ` ${token}`, token.toUpperCase(), token.slice(0, -1)]) {
      expect(table.find(text)).toBeUndefined()
    }
  })

  it('cannot be made from the signature of another id', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        fc.pre(a !== b)
        const [, , signature] = mintAgentToken(CONTROL_TOKEN, a).split('.')
        expect(table.find(`agent.${Buffer.from(b).toString('base64url')}.${signature}`)).toBeUndefined()
      }),
    )
  })

  it.each(['*', 'team-a-*', 'team-?', '', 'a b', 'ä', '\ud800', 'a'.repeat(129), '../x'])(
    'is never made for %j',
    (text) => {
      expect(() => mintAgentToken(CONTROL_TOKEN, text)).toThrow(RangeError)
    },
  )

  it('takes no character of an id for a pattern', () => {
    const grant = {
      name: 'x',
      kind: 'token',
      scopes: expandScopes(['ingest']),
      agents: ['a*', '?', 'a.b'],
      match: 'exact',
    } as const
    const matches = agentMatcher(grant)
    expect(['ab', 'a', 'b', 'axb'].some((text) => matches?.(text))).toBe(false)
    expect(matches?.('a.b')).toBe(true)
  })
})

describe('a server that is shown the token of one agent', () => {
  let server: TestServer | undefined
  afterEach(() => server?.close())

  it('lets it tell about this agent, and refuses to read, control, scrape or touch another', async () => {
    server = await testServer(async (app) => {
      const subject = { param: 'id' }
      app.get('/tell/:id', { config: { scope: 'ingest', subject } }, async () => ({}))
      app.get('/read/:id', { config: { scope: 'read', subject } }, async () => ({}))
      app.get('/control/:id', { config: { scope: 'control', subject } }, async () => ({}))
      app.get('/fleet', { config: { scope: 'ingest' } }, async () => ({}))
      app.get('/metrics', { config: { scope: 'metrics' } }, async () => ({}))
    })
    const { app } = server
    const ask = async (url: string, token = mintAgentToken(CONTROL_TOKEN, 'a')) =>
      (await app.inject({ url, headers: bearer(token) })).statusCode
    expect(await ask('/tell/a')).toBe(200)
    for (const url of ['/tell/b', '/tell/aa', '/read/a', '/control/a', '/fleet', '/metrics']) {
      expect([url, await ask(url)]).toEqual([url, 403])
    }
    expect(await ask('/tell/a', `${mintAgentToken(CONTROL_TOKEN, 'a')}x`)).toBe(401)
    server.updateAccess({ ...ACCESS, controlToken: 'another-control-token-0123456789abcdefghijk' })
    expect(await ask('/tell/a')).toBe(401)
  })
})
