import type { Phase } from '../exhaustion/model.ts'
import { type ClientOptions, getOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'

export interface ListedAgent {
  readonly id: string
  readonly role?: string
  readonly vendor?: string
  readonly runtime: string
  readonly state: {
    readonly lifecycleState: string
    readonly lifecycleMetrics: {
      readonly processes?: number
      readonly rssBytes?: number
      readonly workingSetBytes?: number
      readonly memoryLimitBytes?: number
      readonly cpuUserSeconds?: number
      readonly cpuSystemSeconds?: number
      readonly cpuUnsplitSeconds?: number
    }
  }
}

/** With what the budgets and the control of an agent say. */
export interface FullAgent extends ListedAgent {
  readonly phase?: Phase
  readonly ratios?: Readonly<Record<string, number>>
  readonly enforced?: boolean
  readonly pausedAt?: string | null
  readonly pauseReason?: string | null
  readonly memory?: { readonly level?: string; readonly trend?: string } | null
}

/** A pause is known before the next sample sees it. */
export function stateOf({ state, pausedAt }: FullAgent): string {
  const { lifecycleState } = state
  return pausedAt && lifecycleState !== 'exited' ? 'paused' : lifecycleState
}

interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor?: string | null
}

/** All agents, page by page. @throws CliError */
export async function listAgents(options: ClientOptions, view: 'full'): Promise<FullAgent[]>
export async function listAgents(options: ClientOptions): Promise<ListedAgent[]>
export async function listAgents(options: ClientOptions, view?: 'full'): Promise<ListedAgent[]> {
  const agents: ListedAgent[] = []
  let cursor: string | null | undefined
  do {
    const query = new URLSearchParams({ limit: '500', ...(view && { view }), ...(cursor ? { cursor } : {}) })
    const page = (await getOk(`/api/v1/agents?${query}`, options)) as Page<ListedAgent>
    if (!Array.isArray(page.items))
      throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
    agents.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  return agents
}
