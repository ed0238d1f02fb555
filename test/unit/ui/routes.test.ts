import { afterEach, describe, expect, it } from 'vitest'
import { readAssets } from '../../../src/ui/assets.ts'
import type { Answers } from '../../../src/ui/model.ts'
import { uiRoutes } from '../../../src/ui/routes.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { bearer, READER_TOKEN, TEAM_TOKEN, type TestServer, testServer } from '../platform/http/support.ts'
import { QUIET, shownAction, shownAgent } from './scene.ts'

let server: TestServer
afterEach(() => server.close())

const IDS = ['team-a-1', 'team-b-1']
const ACTIONS = IDS.map((agent, index) => shownAction({ id: `id${index}`, agent }))

function answersOf(ids: readonly string[]): Answers {
  return {
    agents: (sees) => ids.filter(sees),
    agent: (id) => (ids.includes(id) ? shownAgent({ id }) : undefined),
    detail: () => ({ memory: [], processes: [] }),
    actions: async ({ agent, status }, sees) =>
      ACTIONS.filter((one) => sees(one.agent) && (agent ?? one.agent) === one.agent && status === undefined),
    action: async (id) => ACTIONS.find((one) => one.id === id),
    crashes: async () => [],
    crash: async () => undefined,
    control: () => QUIET,
    events: () => [],
  }
}

async function start(ids = IDS, options: { grafana?: string } = {}) {
  server = await testServer(
    uiRoutes({
      ...{ clock: fakeClock(), answers: answersOf(ids), assets: readAssets(), version: '1.2.3' },
      grafana: () => options.grafana,
    }),
  )
  return (url: string, headers: Record<string, string> = {}) => server.app.inject({ url, headers })
}

describe('pages', () => {
  it('are read by whoever may read, without anything inline', async () => {
    const get = await start()
    for (const path of [
      '/ui',
      '/ui/',
      '/ui/agents/team-a-1',
      '/ui/actions',
      '/ui/actions/id0',
      '/ui/crashes',
      '/ui/control',
    ]) {
      const answer = await get(path)
      expect(answer.statusCode, path).toBe(200)
      expect(answer.headers['content-type'], path).toBe('text/html; charset=utf-8')
      expect(answer.headers['content-security-policy'], path).toContain("script-src 'self';")
      expect(answer.headers['content-security-policy'], path).not.toContain('unsafe')
      expect(answer.body, path).not.toMatch(/ style=|<style| on[a-z]+=|<script(?! type="module" src="\/ui\/)/)
    }
  })

  it('show a limited token its own agents, and nothing that tells of others', async () => {
    const get = await start()
    for (const path of ['/ui/', '/ui/actions']) {
      const { body } = await get(path, bearer(TEAM_TOKEN))
      expect(body, path).toContain('team-a-1')
      expect(body, path).not.toContain('team-b-1')
    }
    expect((await get('/ui/agents/team-b-1', bearer(TEAM_TOKEN))).statusCode).toBe(403)
    expect((await get('/ui/actions/id1', bearer(TEAM_TOKEN))).statusCode).toBe(404)
    expect((await get('/ui/agents/team-b-1', bearer(READER_TOKEN))).statusCode).toBe(200)
  })

  it('are pages when they are refused, too', async () => {
    const get = await start()
    const missing = await get('/ui/agents/nobody')
    expect(missing.statusCode).toBe(404)
    expect(missing.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(missing.body).toContain('AE_AGENT_NOT_FOUND')
    expect((await get('/ui/actions?status=nonsense')).statusCode).toBe(422)
    // What a form sends when nothing was chosen.
    expect((await get('/ui/actions?agent=&action=&status=')).statusCode).toBe(200)
  })

  it('link to Grafana where its address is known', async () => {
    const get = await start(IDS, { grafana: 'https://grafana.example.org' })
    expect((await get('/ui/agents/team-a-1')).body).toContain(
      'href="https://grafana.example.org/d/agent-exporter-agent?var-agent=team-a-1"',
    )
  })

  it('show a bounded part of a large fleet, in turns', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `agent-${index}`)
    const get = await start(ids)
    await get('/ui/')
    const { body } = await get('/ui/')
    expect(body.match(/<tr id="agent-/g)).toHaveLength(100)
    expect(body).toContain('1000 agents')
    expect((await get('/ui/?q=agent-99')).body.match(/<tr id="agent-/g)).toHaveLength(11)
    expect((await get('/ui/?page=11')).body).not.toContain('<tr id="agent-')
  })
})

describe('assets', () => {
  it('are kept by browsers until they change', async () => {
    const get = await start()
    const first = await get('/ui/assets/page.css')
    expect(first.headers['content-type']).toBe('text/css; charset=utf-8')
    const again = await get('/ui/assets/page.css', { 'if-none-match': String(first.headers['etag']) })
    expect([again.statusCode, again.body]).toEqual([304, ''])
  })

  it('are nothing but what pages load', async () => {
    const get = await start()
    for (const name of ['main.ts', 'tsconfig.json', '..%2froutes.js', 'page.js.map'])
      expect((await get(`/ui/assets/${name}`)).statusCode, name).not.toBe(200)
  })
})
