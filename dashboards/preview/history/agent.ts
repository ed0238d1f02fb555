import type { AgentState } from '../../../src/agents/model.ts'
import type { Phase, Resource } from '../../../src/exhaustion/model.ts'
import { UNITS } from '../../../src/exhaustion/record.ts'
import { tellMemory } from './agent-memory.ts'
import { tellResources } from './agent-resources.ts'
import type { Moment } from './moment.ts'
import type { AgentPlan } from './plans.ts'
import type { Recording } from './recording.ts'

const STATES: readonly AgentState[] = ['starting', 'running', 'idle', 'waiting', 'paused', 'exited']
const PHASES: readonly Phase[] = ['normal', 'warning', 'intervention', 'termination']
/** The defaults of `resourceExhaustion`. */
const WARNING = 0.8
const TOKENS_IN_A_CALL = 900

/** Lives one plan and tells what its exporter would say of it. */
export function createAgentHistory(plan: AgentPlan, told: Recording) {
  const { id: agent, budget, model } = plan
  const used: Record<Resource, number> = {
    files: 0,
    api_calls: 0,
    subtasks: 0,
    tokens: 0,
    time_without_deliverable: 0,
    cost_usd: 0,
    wall_clock: 0,
    token_rate: 0,
  }
  let phase: Phase = 'normal'
  let pausedAt: number | undefined
  let terminated = false
  let startedAt: number | undefined
  let activeAt: number | undefined
  let deliveredAt: number | undefined
  let crashedAt: number | undefined
  let before: AgentState | 'gone' = 'gone'
  const limits = Object.entries(budget?.limits ?? {}) as [Resource, number][]

  function step(now: Moment): AgentState | 'gone' {
    const planned = plan.story.findLast(([from]) => from <= now.minute)?.[1] ?? 'gone'
    const state = terminated ? 'gone' : phase === 'intervention' && budget?.enforced ? 'paused' : planned
    if (state === 'gone') {
      if (before !== 'gone') told.forget(agent)
      before = state
      return state
    }
    if (before === 'gone' || (before === 'exited' && state === 'starting')) startedAt = now.seconds
    for (const { at, reason, cause } of plan.ends ?? []) {
      if (at <= now.minute && now.minute < at + now.stepSeconds / 60) {
        told.count('agent_exits_total', { role: plan.role, reason }, 1)
        if (cause) told.count('agent_crashes_total', { role: plan.role, cause }, 1)
        if (cause) crashedAt = now.seconds
        observeEpoch()
        for (const resource of Object.keys(used) as Resource[]) used[resource] = 0
      }
    }
    if (planned === 'paused' && before !== 'paused') act('pause', 'human', now)
    if (before === 'paused' && state === 'running') act('resume', 'human', now)
    pausedAt = state === 'paused' ? (pausedAt ?? now.seconds) : undefined
    if (state === 'running') use(now)
    if (state !== 'paused' && state !== 'exited') used.time_without_deliverable += now.stepSeconds
    if (budget) judge(now)
    if (terminated) {
      before = 'gone'
      return before
    }
    before = state
    tell(now, state)
    tellResources(plan, told, now, state)
    if (state !== 'exited') tellMemory(plan, told, now)
    return state
  }

  function use({ stepSeconds, seconds, minute, random }: Moment): void {
    activeAt = seconds
    const labels = { agent, provider: model.provider, model: model.name }
    // Work comes in waves: minutes of calls, then a build or a test run.
    const wave = 0.35 + 0.9 * Math.max(0, Math.sin(minute / 7 + agent.length)) + 0.35 * random.next()
    const tokens = Math.round((model.tokensPerMinute * stepSeconds * wave) / 60)
    const kinds = { input: 0.17, output: 0.12, cache_write: 0.09, cache_read: 2.4 } as const
    for (const [type, share] of Object.entries(kinds)) {
      told.count('agent_llm_tokens_total', { ...labels, token_type: type }, Math.round(tokens * share))
    }
    const calls = Math.floor(tokens / TOKENS_IN_A_CALL + random.next())
    const failing = model.failing?.(minute) ?? 0.008
    const failed = Array.from({ length: calls }, () => random.chance(failing)).filter(Boolean).length
    const usd = (tokens * model.usdPerMillion) / 1e6
    told.count('agent_llm_requests_total', labels, calls)
    told.count('agent_llm_request_failures_total', labels, failed)
    told.count('agent_llm_cost_usd_total', labels, usd)
    const files = random.chance(0.16) ? 1 : 0
    const subtasks = random.chance(0.02) ? 1 : 0
    const operation = random.chance(0.6) ? 'read' : random.chance(0.5) ? 'modified' : 'write'
    told.count('agent_file_operations_total', { agent, operation }, files)
    told.count('agent_subtasks_spawned_total', { agent }, subtasks)
    used.tokens += tokens
    used.api_calls += calls
    used.cost_usd += usd
    used.files += files
    used.subtasks += subtasks
    const every = (plan.deliverables?.everyMinutes ?? Infinity) * 60
    if (plan.deliverables && seconds - (deliveredAt ?? startedAt ?? seconds) >= every) {
      told.count('agent_deliverables_total', { agent, kind: plan.deliverables.kind }, 1)
      deliveredAt = seconds
      used.time_without_deliverable = 0
    }
  }

  /** What the room of budgets does: warn, pause, terminate when nobody answers. */
  function judge(now: Moment): void {
    const full = limits.map(([resource, limit]) => [resource, used[resource] / limit] as const)
    const [resource, ratio] = full.reduce((most, one) => (one[1] > most[1] ? one : most))
    const next: Phase = ratio >= 1 ? 'intervention' : ratio >= WARNING ? 'warning' : 'normal'
    if (next === 'warning' && phase === 'normal')
      told.count('resource_exhaustion_warnings_total', { resource }, 1)
    if (next === 'intervention' && phase !== 'intervention') {
      told.count('resource_exhaustion_interventions_total', { resource }, 1)
      if (budget!.enforced) act('pause', 'budget', now)
      else refuse('pause', 'not_enforced')
    }
    phase = next
    const waited = pausedAt === undefined ? 0 : now.seconds - pausedAt
    if (phase === 'intervention' && waited > (budget!.terminateAfter ?? Infinity) * 60) {
      told.count('resource_exhaustion_terminations_total', { resource }, 1)
      told.count('agent_exits_total', { role: plan.role, reason: 'terminated' }, 1)
      act('terminate', 'budget', now)
      observeEpoch()
      terminated = true
      told.forget(agent)
    }
  }

  function act(
    action: 'pause' | 'resume' | 'terminate',
    trigger: 'human' | 'budget',
    { random }: Moment,
  ): void {
    const container = plan.runtime === 'container'
    const rungs = {
      pause: container ? 'docker_pause' : 'sigstop',
      resume: container ? 'docker_pause' : 'sigcont',
      terminate: container ? 'docker_stop' : 'sigterm',
    }
    const took = random.between(0.04, 0.16) + (action === 'terminate' ? random.between(0.5, 2) : 0)
    told.count('agent_actions_total', { action, trigger, outcome: 'done' }, 1)
    told.observe('agent_action_duration_seconds', { action, rung: rungs[action] }, took)
    if (trigger === 'budget') told.observe('agent_reaction_duration_seconds', { trigger }, took + 0.02)
  }

  function refuse(action: string, reason: string): void {
    told.count('agent_action_refusals_total', { action, reason }, 1)
    told.count('agent_actions_total', { action, trigger: 'budget', outcome: 'dry_run' }, 1)
  }

  function observeEpoch(): void {
    const { role } = plan
    told.observe('agent_tokens_consumed', { role }, used.tokens)
    told.observe('agent_api_calls', { role }, used.api_calls)
    told.observe('agent_files_accessed', { role }, used.files)
  }

  function tell({ seconds }: Moment, state: AgentState): void {
    const { role, runtime, vendor, workspace } = plan
    told.gauge('agent_info', { agent, name: agent, role, runtime, vendor, workspace }, 1)
    for (const one of STATES) told.gauge('agent_state', { agent, state: one }, one === state ? 1 : 0)
    told.gauge('agent_conflict', { agent }, 0)
    told.gauge('agent_start_timestamp_seconds', { agent }, startedAt ?? seconds)
    if (activeAt) told.gauge('agent_last_activity_timestamp_seconds', { agent }, activeAt)
    if (deliveredAt) told.gauge('agent_last_deliverable_timestamp_seconds', { agent }, deliveredAt)
    if (crashedAt) told.gauge('agent_last_crash_timestamp_seconds', { agent }, crashedAt)
    if (pausedAt) told.gauge('agent_paused_since_timestamp_seconds', { agent }, pausedAt)
    if (budget === undefined) return
    told.gauge('agent_enforced', { agent }, budget.enforced ? 1 : 0)
    for (const one of PHASES) told.gauge('agent_phase', { agent, phase: one }, one === phase ? 1 : 0)
    told.gauge('agent_budget_threshold_ratio', { agent, level: 'warning' }, WARNING)
    told.gauge('agent_budget_threshold_ratio', { agent, level: 'intervention' }, 1)
    for (const [resource, limit] of limits) {
      const unit = UNITS[resource]
      told.gauge('agent_budget_limit', { agent, resource, unit }, limit)
      told.gauge('agent_budget_used', { agent, resource, unit }, used[resource])
      told.gauge('agent_budget_used_ratio', { agent, resource }, used[resource] / limit)
    }
  }

  return {
    plan,
    step,
    get phase() {
      return budget && before !== 'gone' ? phase : undefined
    },
    get isPaused() {
      return before === 'paused'
    },
  }
}
