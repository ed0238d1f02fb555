import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Expectation } from '../../../dashboards/src/expectations.ts'
import { UIDS } from '../../../dashboards/src/links.ts'
import {
  type Asker,
  type Choices,
  chosen,
  createAsker,
  requestOf,
  stepOf,
  type Told,
  type View,
} from '../../support/boards/asking.ts'
import { faultsOf, hasData } from '../../support/boards/judging.ts'
import { type LivingFleet, startLivingFleet } from '../../support/boards/living-fleet.ts'
import { plannedPanels } from '../../support/boards/panels.ts'
import { describeWithDockerd } from '../../support/dockerd.ts'
import { describeWith } from '../../support/services.ts'
import { matrixCases } from './matrix.cases.ts'

/** By what it is seen that a condition has come about. */
const PROOFS: Readonly<Record<Expectation, string>> = {
  always: 'count_over_time(agent_exporter_build_info[1m]) > 1',
  agents: 'agent_info',
  process: 'agent_info{runtime="process"}',
  container: 'agent_info{runtime="container"}',
  containerLimits: 'agent_cpu_limit_cores and agent_memory_limit_bytes and agent_pids_limit',
  budgets: 'agent_budget_limit',
  usage: 'agent_llm_tokens_total > 0',
  llmFailures: 'agent_llm_request_failures_total > 0',
  work: 'agent_file_operations_total > 0 and on () agent_deliverables_total > 0 and on () agent_subtasks_spawned_total > 0',
  epochs: 'agent_tokens_consumed_count > 0',
  exhaustion: 'agent_phase{phase=~"warning|intervention"} == 1',
  paused: 'agent_paused_since_timestamp_seconds',
  trouble: 'agent_conflict == 1',
  watchedLong: 'agent_memory_growth_bytes_per_second',
  growing: 'agent_memory_trend{trend="growing"} == 1',
  memoryLevel: 'agent_memory_level{level=~"warning|critical"} == 1',
  ended: 'agent_exits_total > 0',
  crashed: 'agent_crashes_total > 0',
  actions: 'agent_actions_total{outcome="done"} > 0',
  refused: 'agent_action_refusals_total > 0',
  reaction: 'agent_reaction_duration_seconds_count > 0',
  alerts: 'ALERTS{alertstate="firing", agent!=""}',
  alertmanager: 'alertmanager_notifications_total > 0',
  pressure: 'agent_host_pressure_memory_waiting_seconds_total',
  sqlite: 'agent_exporter_store_size_bytes',
  httpErrors: 'agent_exporter_http_errors_total > 0',
}

/** Queries that nothing can answer yet, by panel and refId. */
const NOT_YET: Readonly<Record<string, string>> = {
  'agent: Memory by kind E': 'no agent can report its own heap yet',
}

const WIDTH = 800
const SCRAPE_MS = 1_000
const SHOWN_SECONDS = 300

describeWith(['prometheus', 'prometheus-alertmanager'], 'every panel', () => {
  describeWithDockerd('on a fleet that lives', () => {
    let fleet: LivingFleet
    let asker: Asker
    let view: View
    beforeAll(async () => {
      fleet = await startLivingFleet()
      asker = createAsker(fleet.prometheusUrl)
      view = { from: fleet.to - SHOWN_SECONDS, to: fleet.to, width: WIDTH, scrapeMs: SCRAPE_MS }
    }, 280_000)
    afterAll(async () => {
      await fleet?.stop()
    }, 60_000)

    it.each(Object.entries(PROOFS))('it happens: %s', async (_, query) => {
      const { error, answer } = await asker.ask({ path: '/api/v1/query', form: { query } })
      expect(error).toBeUndefined()
      expect(answer.result).not.toEqual([])
    })

    async function tell(board: Dashboard, panel: Panel, choices: Choices): Promise<Map<string, Told>> {
      const told = new Map<string, Told>()
      for (const target of (panel.targets ?? []) as Dataquery[]) {
        const ask = (at: View) => requestOf(panel, target, board.templating.list ?? [], choices, at)
        // Bars stand at the end of their step, so the last step is asked for when it is over.
        const step = stepOf(ask(view))
        const to = step >= 60 ? Math.ceil(view.to / step) * step : view.to
        told.set(target.refId!, await asker.ask(ask({ ...view, to })))
      }
      return told
    }

    it.each(plannedPanels.map((one) => [one.name, one] as const))('%s', async (name, { board, panel }) => {
      const isOfOne = board.uid === UIDS.agent
      const all = await chosen(board, asker, view)
      const agents = isOfOne ? all['agent']!.options : ['$__all']
      const seen = new Set<string>()
      const faults: string[] = []
      for (const agent of agents) {
        const choices = { ...all, ...(all['agent'] && { agent: { ...all['agent'], chosen: agent } }) }
        const told = await tell(board, panel, choices)
        for (const fault of faultsOf(panel, told)) faults.push(isOfOne ? `${agent}: ${fault}` : fault)
        for (const [refId, one] of told) if (hasData(one)) seen.add(refId)
      }
      const empty = (panel.targets as Dataquery[])
        .map(({ refId }) => refId!)
        .filter((refId) => !seen.has(refId) && !(`${name} ${refId}` in NOT_YET))
      expect({ faults, empty }).toEqual({ faults: [], empty: [] })
    })

    it('says how long Prometheus took', () => {
      const slowest = [...asker.asked].sort(([, one], [, other]) => other - one)
      const sum = slowest.reduce((total, [, ms]) => total + ms, 0)
      const most = Math.round(slowest[0]![1])
      process.stdout.write(`${slowest.length} queries in ${Math.round(sum)} ms, the slowest in ${most} ms\n`)
    })

    describe('and over a week of it', () => matrixCases(() => fleet))
  })
})
