import { eventually } from '../child.ts'
import { startDockerd } from '../dockerd.ts'
import { AGENTS, startLivingAgents } from './living-agents.ts'
import { startLivingDaemons } from './living-daemons.ts'
import { startLivingMonitors } from './living-monitors.ts'
import { tellLivingStory } from './living-story.ts'

/** A small fleet that lives: everything that boards ask about happens in it within about a minute. */
export interface LivingFleet extends AsyncDisposable {
  readonly prometheusUrl: string
  readonly alertmanagerUrl: string
  /** All exporters that Prometheus scrapes. */
  readonly daemons: readonly { readonly url: string; readonly address: string }[]
  /** All agents are there at the first, and everything has happened at the second, which is no end; Unix seconds. */
  readonly from: number
  readonly to: number
  stop(): Promise<void>
}

/** What must be seen before the fleet is shown to anybody; each is waited for, in this order. */
const CONDITIONS: readonly (readonly [what: string, expression: string])[] = [
  ['an alert fires', 'count(ALERTS{alertstate="firing", agent!=""}) > 0'],
  ['Alertmanager notifies', 'sum(alertmanager_notifications_total{integration="webhook"}) > 0'],
  ['an agent is paused', 'sum(agents_paused_current) > 0'],
  ['a limit was crossed and answered', 'sum(agent_reaction_duration_seconds_count{trigger="budget"}) > 0'],
  ['an agent was terminated for its budget', 'sum(agent_phase{phase="termination"}) > 0'],
  ['a warning is on', 'sum(agent_phase{phase="warning"}) > 0'],
  ['epochs ended', 'sum(agent_tokens_consumed_count) > 0'],
  ['an agent crashed', 'sum(agent_crashes_total{cause="segfault"}) > 0'],
  ['a container was killed for memory', 'sum(agent_oom_kills_total) > 1'],
  ['a container was restarted', 'sum(agent_restarts_total) > 1'],
  [
    'memory levels',
    'sum(agent_memory_level{level="warning"}) > 0 and sum(agent_memory_level{level="critical"}) > 0',
  ],
  ['two lives claim an id', 'sum(agent_conflict) > 0'],
  ['a request was refused', 'sum(agent_action_refusals_total{reason="conflict"}) > 0'],
  ['memory grows', 'sum(agent_memory_trend{trend="growing"}) > 0'],
  ['the time to the limit is known', 'count(agent_memory_time_to_limit_seconds) > 0'],
  // The last: it stands there until the next resume.
  ['an agent stands at its limit', 'sum(agent_phase{phase="intervention"}) > 0'],
]
/** For all of them on a machine that does other things too; a quarter of it is expected. */
const PATIENCE_MS = 240_000

/** Starts it and waits until everything has happened. Needs root, and what `test/support/services.ts` names. */
export async function startLivingFleet(): Promise<LivingFleet> {
  const stack: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(one: T): T => {
    stack.push(one)
    return one
  }
  const stop = async () => {
    for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]()
  }
  try {
    const dockerd = keep(await startDockerd())
    const daemons = keep(await startLivingDaemons(`unix://${dockerd.socketPath}`))
    const { prometheus, alertmanager } = keep(await startLivingMonitors(daemons))
    await eventually('all are scraped', async () => (await prometheus.query('count(up == 1) >= 4'))[0])
    keep(await startLivingAgents(daemons, dockerd))
    const seen = async (expression: string) => (await prometheus.query(expression))[0]
    await eventually('all agents are scraped', () => seen(`count(agent_info) >= ${AGENTS}`))
    await eventually('twice', () => seen(`count(count_over_time(agent_info[1m]) > 2) >= ${AGENTS}`))
    const from = Date.now() / 1_000
    keep(tellLivingStory(daemons))
    const end = performance.now() + PATIENCE_MS
    for (const [what, expression] of CONDITIONS) {
      const left = Math.max(0, end - performance.now())
      await eventually(what, async () => (await prometheus.query(expression))[0], left, 250)
    }
    return {
      prometheusUrl: prometheus.url,
      alertmanagerUrl: `http://${alertmanager.address}`,
      daemons: daemons.all.map(({ url, address }) => ({ url, address })),
      ...{ from, to: Date.now() / 1_000 },
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
