import fastify from 'fastify'
import { expect, it } from 'vitest'
import type { Answers } from '../../../src/ui/model.ts'
import { uiRoutes } from '../../../src/ui/routes.ts'
import { shippedBoards, textsOf } from '../../support/boards/boards.ts'
import { faultsOfLink, PAGES } from '../../support/boards/link-rules.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { bearer, READER_TOKEN, testServer } from '../platform/http/support.ts'
import { QUIET, shownAgent } from '../ui/scene.ts'

const boards = shippedBoards()
const GRAFANA = 'https://grafana.example.org'

function pages() {
  const answers: Answers = {
    agents: () => [],
    agent: (id) => shownAgent({ id }),
    detail: () => ({ memory: [], processes: [] }),
    actions: async () => [],
    action: async () => undefined,
    crashes: async () => [],
    crash: async () => undefined,
    control: () => QUIET,
    events: () => [],
  }
  const assets = new Map()
  return uiRoutes({ clock: fakeClock(), answers, assets, version: '1.2.3', grafana: () => GRAFANA })
}

it('the pages that boards may lead to are served', async () => {
  const app = fastify()
  const served: string[] = []
  app.addHook('onRoute', ({ url }) => void served.push(url.replace(/:(\w+)/g, '{$1}')))
  await app.register(pages())
  await app.close()
  expect(PAGES.filter((page) => !served.includes(page.replace(/\/$/, '')))).toEqual([])
})

it('some board leads to the page of an agent', () => {
  expect(boards.flatMap(textsOf).some((text) => /\/ui\/agents\/\$\{/.test(text))).toBe(true)
})

it('the page of an agent leads back to a board, with variables that it has', async () => {
  const server = await testServer(pages())
  try {
    const { body } = await server.app.inject({ url: '/ui/agents/a-1', headers: bearer(READER_TOKEN) })
    const links = [...body.matchAll(/href="([^"]*\/d\/[^"]*)"/g)].map(([, url]) => url!)
    expect(links).toEqual([expect.stringMatching(/^https:\/\/grafana\.example\.org\/d\/.*var-agent=a-1$/)])
    expect(links.flatMap((url) => faultsOfLink(url, boards))).toEqual([])
  } finally {
    await server.close()
  }
})
