import { counter, gauge, histogram } from '../platform/exposition/family.ts'

/** Families of this room. What nobody reports of an agent is absent, never 0. */
export const fileOperations = counter('agent_file_operations_total', {
  labels: ['agent', 'operation'],
  help: 'Files that the agent read, wrote or modified, as reported for it; absent until somebody reports files.',
})
export const subtasksSpawned = counter('agent_subtasks_spawned_total', {
  labels: ['agent'],
  help: 'Subtasks and sub-agents that the agent started, as reported for it; absent until somebody reports them.',
})
export const deliverablesRecorded = counter('agent_deliverables_total', {
  labels: ['agent', 'kind'],
  help: 'Deliverables recorded for the agent, verified or not.',
})
export const lastDeliverable = gauge('agent_last_deliverable_timestamp_seconds', {
  unit: 'seconds',
  labels: ['agent'],
  help: 'When the last deliverable was recorded that counts for the clock of the agent; absent before the first.',
})
export const llmRequests = counter('agent_llm_requests_total', {
  labels: ['agent', 'provider', 'model'],
  help: 'Calls of a model, failed ones included, as reported for the agent.',
})
export const llmFailures = counter('agent_llm_request_failures_total', {
  labels: ['agent', 'provider', 'model'],
  help: 'Calls of a model that failed, as reported for the agent.',
})
export const llmCost = counter('agent_llm_cost_usd_total', {
  unit: 'usd',
  labels: ['agent', 'provider', 'model'],
  help: 'Money spent on a model in US dollars, as reported for the agent.',
})
export const llmTokens = counter('agent_llm_tokens_total', {
  labels: ['agent', 'provider', 'model', 'token_type'],
  help: 'Tokens by type, as reported for the agent; no token is in two types.',
})

const ROLE = ['role'] as const
export const filesAccessed = histogram('agent_files_accessed', {
  labels: ROLE,
  buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  help: 'Files read, written and modified in one budget epoch of an agent for which use was reported, observed at its end.',
})
export const apiCalls = histogram('agent_api_calls', {
  labels: ROLE,
  buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
  help: 'Calls of a model in one budget epoch of an agent for which use was reported, observed at its end.',
})
export const tokensConsumed = histogram('agent_tokens_consumed', {
  labels: ROLE,
  buckets: [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7],
  help: 'Tokens that count against the budget in one budget epoch of an agent for which use was reported, observed at its end.',
})
