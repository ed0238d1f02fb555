import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { AGENT_ID_PATTERN } from '../agents/model.ts'
import { ACTION_STATUSES, ACTIONS } from '../control/model.ts'
import type { Clock } from '../platform/clock.ts'
import '../platform/http/scope.ts'
import { pagePolicy } from '../platform/http/security-headers.ts'
import { Problem } from '../platform/problem.ts'
import { agentPage } from './agent-page.ts'
import type { Asset } from './assets.ts'
import { controlPage } from './control-page.ts'
import { crashesPage, crashPage } from './crash-pages.ts'
import { byNeed, FLEET_PAGE, type Fleet, fleetPage, fleetRow, matches } from './fleet-page.ts'
import { actionPage, actionsPage } from './journal-pages.ts'
import { document, type Page } from './layout.ts'
import type { Answers, Frame, ShownAction, Viewer } from './model.ts'
import type { Severity } from './trouble.ts'

export interface UiRoutesOptions {
  readonly clock: Clock
  readonly answers: Answers
  readonly assets: ReadonlyMap<string, Asset>
  readonly version: string
  readonly grafana: () => string | undefined
}

/** Everything from this server and from files: no inline script, no inline style. */
const POLICY = pagePolicy('')
const HTML = 'text/html; charset=utf-8'
/** Agents that are looked at in one turn of the event loop: about two milliseconds. */
const AGENTS_PER_TURN = 50
const MOST_PENDING = 50
const JOURNAL_PAGE = 100
const ACTIONS_OF_AGENT = 15
const EVENTS_OF_AGENT = 30
const MOST_CRASHES = 200
const CRASHES_OF_AGENT = 10

/** What is refused is told as a page, too. */
const READ = { scope: 'read', format: 'page' } as const

const Id = Type.String({ pattern: AGENT_ID_PATTERN })
const FleetQuery = Type.Object({
  q: Type.Optional(Type.String({ maxLength: 128 })),
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
})
const oneOf = (values: readonly string[]) =>
  Type.Optional(Type.Union(['', ...values].map((value) => Type.Literal(value))))
// A form sends what was left empty, too.
const AgentFilter = Type.Optional(Type.Union([Type.Literal(''), Id]))
const JournalQuery = Type.Object({
  agent: AgentFilter,
  action: oneOf(ACTIONS),
  status: oneOf(ACTION_STATUSES),
  before: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$' })),
})

/** The control page: everything a person reads, rendered here. The script it loads only refreshes it and asks the API. */
export function uiRoutes({
  clock,
  answers,
  assets,
  version,
  grafana,
}: UiRoutesOptions): FastifyPluginAsyncTypebox {
  const seesOf = (viewer: Viewer) => (agent: string) => viewer.mayTouch(agent)

  async function frameOf(viewer: Viewer): Promise<Frame> {
    const sees = seesOf(viewer)
    const pending = await answers.actions({ status: 'pending_approval' }, sees, MOST_PENDING)
    return {
      viewer,
      control: answers.control(sees),
      pending,
      nowMs: clock.now(),
      version,
      grafana: grafana(),
    }
  }

  const send = (reply: FastifyReply, page: Page, frame: Frame) =>
    reply.type(HTML).header('content-security-policy', POLICY).send(document(page, frame))

  /** Looks at every agent, and lets others have their turn in between. */
  async function fleetOf(
    viewer: Viewer,
    pending: readonly ShownAction[],
    filter: string,
    page: number,
  ): Promise<Fleet> {
    const ids = answers.agents(seesOf(viewer))
    const rows = []
    for (const [index, id] of ids.entries()) {
      if (index > 0 && index % AGENTS_PER_TURN === 0) await nextTurn()
      const agent = answers.agent(id)
      if (agent !== undefined) rows.push(fleetRow(agent, pending, clock.now()))
    }
    const tally: Partial<Record<Severity, number>> = {}
    for (const { worst } of rows) tally[worst.severity] = (tally[worst.severity] ?? 0) + 1
    const matching = (filter === '' ? rows : rows.filter((row) => matches(row, filter))).sort(byNeed)
    const shown = matching.slice((page - 1) * FLEET_PAGE, page * FLEET_PAGE)
    return { rows: shown, tally, total: rows.length, matching: matching.length, filter, page }
  }

  return async (app) => {
    app.get(
      '/ui',
      { config: { ...READ, subject: 'handler' }, schema: { hide: true, querystring: FleetQuery } },
      async ({ caller, query: { q = '', page = 1 } }, reply) => {
        const frame = await frameOf(caller)
        const body = fleetPage(await fleetOf(caller, frame.pending, q.trim(), page), frame)
        return send(reply, { title: 'Fleet', place: 'fleet', body }, frame)
      },
    )

    app.get(
      '/ui/agents/:id',
      {
        config: { ...READ, subject: { param: 'id' } },
        schema: { hide: true, params: Type.Object({ id: Id }) },
      },
      async ({ caller, params: { id } }, reply) => {
        const agent = answers.agent(id)
        if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
        const sees = (other: string) => other === id
        const [frame, actions, crashes] = await Promise.all([
          frameOf(caller),
          answers.actions({ agent: id }, sees, ACTIONS_OF_AGENT),
          answers.crashes(id, sees, CRASHES_OF_AGENT),
        ])
        const detail = answers.detail(id)
        const events = answers.events(id, EVENTS_OF_AGENT)
        const body = agentPage({ agent, detail, actions, crashes, events }, frame)
        return send(reply, { title: id, place: 'fleet', body, agent }, frame)
      },
    )

    app.get(
      '/ui/actions',
      { config: { ...READ, subject: 'handler' }, schema: { hide: true, querystring: JournalQuery } },
      async ({ caller, query }, reply) => {
        const { before, ...asked } = query
        const question = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''))
        const frame = await frameOf(caller)
        const found = await answers.actions(question, seesOf(caller), JOURNAL_PAGE + 1, before)
        const items = found.slice(0, JOURNAL_PAGE)
        const next = found.length > JOURNAL_PAGE ? items.at(-1)?.id : undefined
        const body = actionsPage(items, question, next, frame)
        return send(reply, { title: 'Actions', place: 'actions', body }, frame)
      },
    )

    app.get(
      '/ui/actions/:id',
      {
        config: { ...READ, subject: 'handler' },
        schema: {
          hide: true,
          params: Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$' }) }),
        },
      },
      async ({ caller, params: { id } }, reply) => {
        const entry = await answers.action(id)
        // Whether there is one that the caller may not see is not said either.
        if (entry === undefined || !caller.mayTouch(entry.agent)) {
          throw new Problem('AE_ACTION_NOT_FOUND', 'There is no action of this id.')
        }
        const frame = await frameOf(caller)
        const title = `${entry.action} of ${entry.agent}`
        return send(reply, { title, place: 'actions', body: actionPage(entry, frame) }, frame)
      },
    )

    app.get(
      '/ui/crashes',
      {
        config: { ...READ, subject: 'handler' },
        schema: { hide: true, querystring: Type.Object({ agent: AgentFilter }) },
      },
      async ({ caller, query: { agent = '' } }, reply) => {
        const crashes = await answers.crashes(agent === '' ? undefined : agent, seesOf(caller), MOST_CRASHES)
        const frame = await frameOf(caller)
        return send(
          reply,
          { title: 'Crashes', place: 'crashes', body: crashesPage(crashes, agent, frame) },
          frame,
        )
      },
    )

    app.get(
      '/ui/crashes/:id',
      {
        config: { ...READ, subject: 'handler' },
        schema: { hide: true, params: Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }) }) },
      },
      async ({ caller, params: { id } }, reply) => {
        const crash = await answers.crash(id)
        if (crash === undefined || !caller.mayTouch(crash.agentName)) {
          throw new Problem('AE_NOT_FOUND', `There is no crash ${id}.`)
        }
        const frame = await frameOf(caller)
        const title = `Crash of ${crash.agentName}`
        return send(reply, { title, place: 'crashes', body: crashPage(crash) }, frame)
      },
    )

    app.get(
      '/ui/control',
      { config: { ...READ, subject: 'handler' }, schema: { hide: true } },
      async ({ caller }, reply) => {
        const frame = await frameOf(caller)
        return send(reply, { title: 'Control', place: 'control', body: controlPage(frame) }, frame)
      },
    )

    app.get(
      '/ui/assets/:name',
      {
        config: { scope: 'none' },
        schema: { hide: true, params: Type.Object({ name: Type.String({ pattern: '^[a-z-]+\\.[a-z]+$' }) }) },
      },
      async ({ params: { name }, headers }, reply) => {
        const asset = assets.get(name)
        if (asset === undefined) throw new Problem('AE_NOT_FOUND', 'There is no such file.')
        reply.headers({ etag: asset.etag, 'cache-control': 'no-cache' })
        if (headers['if-none-match'] === asset.etag) return reply.code(304).send()
        return reply.type(asset.type).send(asset.content)
      },
    )
  }
}
