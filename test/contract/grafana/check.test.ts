import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGrafanaApi } from '../../../scripts/grafana/api.ts'
import { type CheckOptions, checkGrafana, type Finding } from '../../../scripts/grafana/check.ts'
import { findingsText } from '../../../scripts/grafana/table.ts'
import { shippedBoards, targetsOf } from '../../support/boards/boards.ts'

const PASSWORD = 'correct'
const BOARDS = shippedBoards()
const QUERIES = BOARDS.flatMap(targetsOf).length

/** What can be wrong with the small Grafana below. */
interface Trouble {
  readonly database?: string
  readonly missingBoard?: string
  readonly folder?: string
  readonly editable?: string
  readonly unhealthy?: true
  readonly unprovisioned?: string
  /** Queries with this text fail. */
  readonly failing?: string
}

describe('what is asked of a real Grafana, against a small one', () => {
  let server: Server
  let trouble: Trouble
  let asked: { readonly expr: string; readonly datasource: { readonly uid: string } }[]

  beforeEach(async () => {
    trouble = {}
    asked = []
    server = createServer(async (incoming, outgoing) => {
      let body = ''
      for await (const part of incoming) body += String(part)
      const expected = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
      const [status, json] =
        incoming.headers.authorization === expected
          ? answerTo(incoming.url ?? '', body)
          : [401, { message: 'Invalid username or password' }]
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => void server.close())

  function answerTo(url: string, body: string): [number, unknown] {
    if (url === '/api/health') return [200, { database: trouble.database ?? 'ok', version: '12.3.0' }]
    if (url === '/api/datasources') {
      return [
        200,
        ['prometheus', 'alertmanager'].map((uid) => ({
          ...{ uid, type: uid, jsonData: {} },
          readOnly: uid !== trouble.editable,
        })),
      ]
    }
    if (url.endsWith('/health'))
      return trouble.unhealthy ? [400, { message: 'connection refused' }] : [200, {}]
    if (url.startsWith('/api/search')) {
      return [
        200,
        BOARDS.filter(({ uid }) => uid !== trouble.missingBoard).map(({ uid }) => ({
          uid,
          folderTitle: trouble.folder ?? 'agent-exporter',
        })),
      ]
    }
    if (url === '/api/ds/query') {
      const { queries } = JSON.parse(body) as { queries: { refId: string; expr: string }[] }
      asked.push(...(queries as never[]))
      const results = queries.map(({ refId, expr }) => [
        refId,
        trouble.failing !== undefined && expr.includes(trouble.failing)
          ? { status: 400, error: 'parse error' }
          : { status: 200, frames: [{ data: { values: [[1], [2]] } }] },
      ])
      return [trouble.failing === undefined ? 200 : 400, { results: Object.fromEntries(results) }]
    }
    const board = BOARDS.find(({ uid }) => url === `/api/dashboards/uid/${uid}`)
    if (board === undefined || board.uid === trouble.missingBoard)
      return [404, { message: 'Dashboard not found' }]
    return [
      200,
      { meta: { provisioned: board.uid !== trouble.unprovisioned }, dashboard: { title: board.title } },
    ]
  }

  function check(password = PASSWORD): Promise<Finding[]> {
    const { port } = server.address() as AddressInfo
    const options: CheckOptions = {
      grafana: createGrafanaApi({ url: `http://127.0.0.1:${port}`, user: 'admin', password }),
      boards: BOARDS,
      datasources: ['prometheus', 'alertmanager'],
      ...{ folder: 'agent-exporter', tag: 'agent-exporter' },
    }
    return checkGrafana(options)
  }
  const problems = async (now: Trouble) => {
    trouble = now
    const findings = await check()
    return Object.fromEntries(findings.flatMap(({ what, problem }) => (problem ? [[what, problem]] : [])))
  }

  it('finds everything, and asks every query of every panel of the data source that was provisioned', async () => {
    const findings = await check()
    expect(findings.filter(({ problem }) => problem !== undefined)).toEqual([])
    expect(findings.map(({ what }) => what)).toEqual([
      ...['health', 'data source prometheus', 'data source alertmanager', 'folder'],
      ...BOARDS.map(({ uid }) => `board ${uid}`),
    ])
    expect(asked).toHaveLength(QUERIES)
    expect(new Set(asked.map(({ datasource }) => datasource.uid))).toEqual(new Set(['prometheus']))
    // Times are filled in by the server, everything else by the page.
    for (const { expr } of asked) expect(expr).not.toMatch(/\$(?!__(rate_)?interval|__range)/)
  })

  it('says what is not there, not as it was provisioned, or without an answer', async () => {
    expect(await problems({ database: 'failing' })).toEqual({ health: 'its database is failing' })
    expect(await problems({ editable: 'alertmanager' })).toEqual({
      'data source alertmanager': 'was not provisioned: it can be edited',
    })
    expect(await problems({ unhealthy: true })).toEqual({
      'data source prometheus': '/api/datasources/uid/prometheus/health answered 400: connection refused',
    })
    expect(await problems({ missingBoard: 'agent-exporter-fleet' })).toEqual({
      folder: 'not there: agent-exporter-fleet',
      'board agent-exporter-fleet':
        '/api/dashboards/uid/agent-exporter-fleet answered 404: Dashboard not found',
    })
    expect(await problems({ unprovisioned: 'agent-exporter-agent' })).toEqual({
      'board agent-exporter-agent': 'was not provisioned',
    })
    expect((await problems({ folder: 'General' }))['folder']).toContain('in another folder: agent-exporter-')
    const failed = await problems({ failing: 'agent_llm_cost_usd_total' })
    expect(failed['board agent-exporter-usage']).toContain('parse error')
  })

  it('finds nothing behind a wrong password, and says so', async () => {
    const findings = await check('wrong')
    expect(findings.every(({ problem }) => problem?.includes('401: Invalid username or password'))).toBe(true)
  })

  it('prints a line for each, and what is wrong below it', () => {
    expect(
      findingsText('12.3.0', [
        { what: 'health', detail: 'version 12.3.0', problem: undefined },
        { what: 'board x', detail: '2 panels', problem: 'A: bad; B: worse' },
      ]),
    ).toBe(`Grafana 12.3.0: 1 of 2 failed
  ok      health   version 12.3.0
  FAILED  board x  2 panels
          A: bad
          B: worse
`)
  })
})
