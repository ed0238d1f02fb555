import { readFileSync, writeFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { hashSync } from 'bcryptjs'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { askLink, openLink, signIn } from '../../support/sign-in.ts'
import { CONTROL_TOKEN, type TestServer, testServer } from '../../unit/platform/http/support.ts'
import { selfSigned } from './certificates.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/page', { config: { scope: 'read', format: 'page' } }, async ({ caller }) => caller.name)
  app.post('/act', { config: { scope: 'control' } }, async ({ caller }) => ({ actor: caller.name }))
}

const folder = temporaryFolder()
const servers: TestServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(webConfig: string): Promise<string> {
  const file = join(folder.path, 'web.yml')
  writeFileSync(file, webConfig)
  const server = await testServer(routes, { clock: systemClock, webConfigFile: file })
  servers.push(server)
  return (await server.listen())[0] ?? ''
}

const basic = (password: string) => `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`

describe('where everybody else is asked for a password', () => {
  const users = () => start(`basic_auth_users:\n  alice: ${hashSync('correct horse', 4)}\n`)
  const act = (url: string, headers: Record<string, string>) =>
    fetch(`${url}/act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    })

  it('the link is enough, and no browser is made to ask for one', async () => {
    const url = await users()
    const { cookie, headers } = await signIn(url, CONTROL_TOKEN)
    expect(await (await fetch(`${url}/page`, { headers: { cookie } })).text()).toBe('ui:control')
    expect((await act(url, headers)).status).toBe(200)
    expect((await fetch(`${url}/ui/enter?code=x`)).status).toBe(403)
  })

  it('a session is more than the password that browsers send along, but not than a wrong one', async () => {
    const url = await users()
    const { headers } = await openLink(await askLink(url, CONTROL_TOKEN))
    const status = async (authorization: string) => (await act(url, { ...headers, authorization })).status
    expect([await status(basic('correct horse')), await status(basic('wrong'))]).toEqual([200, 401])
    const alone = await act(url, { authorization: basic('correct horse') })
    expect(alone.status).toBe(403)
  })

  it('a page without a session asks for the password and says how to sign in', async () => {
    const answer = await fetch(`${await users()}/page`)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic, Bearer'])
    expect(await answer.text()).toContain('<code>agent-exporter ui</code>')
  })
})

describe('over TLS', () => {
  it('link and cookie are for TLS only', async () => {
    const { cert, key } = selfSigned(folder.path, 'door.example')
    const url = await start(`tls_server_config:\n  cert_file: ${cert}\n  key_file: ${key}\n`)
    const ask = (path: string, options: RequestOptions = {}) =>
      new Promise<{ body: string; cookie: string | undefined }>((resolve, reject) => {
        const sent = request(`${url}${path}`, { ...options, ca: readFileSync(cert) }, (answer) => {
          let body = ''
          answer.on('data', (chunk) => {
            body += String(chunk)
          })
          answer.on('end', () => resolve({ body, cookie: answer.headers['set-cookie']?.[0] }))
        })
        sent.on('error', reject)
        sent.end()
      })
    const headers = { authorization: `Bearer ${CONTROL_TOKEN}`, 'content-type': 'application/json' }
    const { body } = await ask('/api/v1/ui/links', { method: 'POST', headers })
    const link = new URL((JSON.parse(body) as { url: string }).url)
    expect(link.origin).toBe(url)
    const { cookie } = await ask(`${link.pathname}${link.search}`)
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Secure$/)
  })
})
