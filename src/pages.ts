import type { Acting } from './acting.ts'
import { cpuPercent } from './agents/cpu-share.ts'
import type { HistoryField, HistoryPoint } from './agents/history.ts'
import type { Agent } from './agents/model.ts'
import type { Agents } from './agents/service.ts'
import { answerControl, answerEntry } from './control/answer.ts'
import { answerCrash } from './crashes/answer.ts'
import { visibleCrashes } from './crashes/visible.ts'
import type { EventLog } from './events/model.ts'
import type { Feature } from './platform/feature.ts'
import type { Settings } from './settings.ts'
import { readAssets } from './ui/assets.ts'
import type { AgentDetail, Answers, ShownAgent, ShownCrash, ShownMemory } from './ui/model.ts'
import { uiRoutes } from './ui/routes.ts'
import { VERSION } from './version.ts'
import type { Watching } from './watching.ts'

export interface PagesOptions {
  readonly settings: Settings
  readonly agents: Pick<Agents, 'get' | 'list' | 'answer' | 'tree'>
  readonly acting: Pick<Acting, 'desk'>
  readonly watching: Pick<Watching, 'crashes'>
  readonly events: Pick<EventLog, 'after'>
}

const CHART_MS = 30 * 60_000
const CHART_POINTS = 150
/** A tree of more is a relay: its first ones say so. */
const MOST_PROCESSES = 200

/** The control page over what the rooms answer: the same functions that the HTTP API answers with. */
export function createPages({ settings, agents, acting, watching, events }: PagesOptions): Feature {
  const { clock, config } = settings
  const { desk } = acting
  const { crashes } = watching

  function detail(agent: Agent, memory: ShownMemory | null | undefined): AgentDetail {
    const members = [...(agents.tree(agent)?.members.values() ?? [])].slice(0, MOST_PROCESSES)
    const toWallMs = clock.now() - clock.monotonic()
    const field = FIELDS[memory?.basis ?? ''] ?? 'rssBytes'
    const points = thinned(agent.history.points(clock.monotonic() - CHART_MS))
    return {
      memory: points.flatMap(({ atMs, [field]: bytes }) =>
        bytes === undefined ? [] : [{ at: toWallMs + atMs, bytes }],
      ),
      processes: members.map(({ pid, ppid, comm, kind }) => ({
        ...{ pid, ppid, name: comm, isService: kind === 'service' },
      })),
    }
  }

  function shown(agent: Agent): ShownAgent {
    const cpu = cpuPercent(agent, clock.monotonic())
    const answer = agents.answer(agent) as unknown as ShownAgent
    return cpu === undefined ? answer : { ...answer, cpuPercent: cpu }
  }

  const answers: Answers = {
    agents: (sees) => [...agents.list()].map(({ id }) => id).filter(sees),
    agent(id) {
      const agent = agents.get(id)
      return agent && shown(agent)
    },
    detail(id) {
      const agent = agents.get(id)
      return agent && detail(agent, shown(agent).memory)
    },
    async actions(question, sees, limit, before) {
      const rows = await desk.list(
        { ...question, visible: sees },
        limit,
        ...(before === undefined ? [] : [before]),
      )
      return rows.map(answerEntry)
    },
    async action(id) {
      const entry = await desk.find(id)
      return entry && answerEntry(entry)
    },
    async crashes(agent, sees, limit) {
      const rows = await visibleCrashes(crashes.repository, sees, agent === undefined ? {} : { agent }, limit)
      return rows.map((record) => answerCrash(record) as ShownCrash)
    },
    async crash(id) {
      const record = await crashes.repository.find(id)
      if (record === undefined) return undefined
      return { ...(answerCrash(record) as ShownCrash), lastOutput: record.lastOutput ?? null }
    },
    control: (sees) => answerControl(desk.state(), sees),
    events: (agent, limit) =>
      events
        // No event has this id: all that are kept.
        .after('')
        .filter((event) => event.agent === agent)
        .slice(-limit)
        .map(({ type, atMs, summary }) => ({ type, at: new Date(atMs).toISOString(), summary }))
        .toReversed(),
  }

  return {
    name: 'ui',
    routes: uiRoutes({
      ...{ clock, answers, assets: readAssets(), version: VERSION },
      grafana: () => config.current.ui.grafanaUrl?.replace(/\/+$/, ''),
    }),
  }
}

/** What is kept over time of what memory is judged by; of the heap nothing is. */
const FIELDS: Readonly<Record<string, HistoryField>> = {
  anon: 'rssAnonBytes',
  working_set: 'workingSetBytes',
  rss: 'rssBytes',
}

/** The newest, and as many before it as a chart shows. */
function thinned(points: readonly HistoryPoint[]): readonly HistoryPoint[] {
  const step = Math.ceil(points.length / CHART_POINTS)
  return points.filter((_, index) => (points.length - 1 - index) % Math.max(1, step) === 0)
}
