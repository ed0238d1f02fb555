import type { Command } from 'commander'
import { type ClientOptions, clientOptions, getOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import { formatBytes, renderTable } from './table.ts'

interface ListedAgent {
  readonly id: string
  readonly vendor?: string
  readonly runtime: string
  readonly state: {
    readonly lifecycleState: string
    readonly lifecycleMetrics: {
      readonly processes?: number
      readonly rssBytes?: number
      readonly workingSetBytes?: number
      readonly memoryLimitBytes?: number
    }
  }
}

interface Page {
  readonly items: readonly ListedAgent[]
  readonly nextCursor?: string | null
}

/** `agent-exporter agents`: what the daemon sees now. */
export function agentsCommand(program: Command): void {
  program
    .command('agents')
    .description('list the agents the daemon sees')
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (options: ClientOptions & { json?: true }) => {
      const agents = await listAll(clientOptions(program, options))
      if (options.json) {
        console.log(JSON.stringify(agents, null, 2))
        return
      }
      if (agents.length === 0) {
        console.log(
          'No agents found. Start one (claude, codex, aider …) or label a container agent-exporter.agent=<id>.',
        )
        return
      }
      console.log(
        renderTable(['AGENT', 'STATE', 'VENDOR', 'RUNTIME', 'PROCS', 'MEMORY', 'LIMIT'], agents.map(row)),
      )
    })
}

async function listAll(options: ClientOptions): Promise<ListedAgent[]> {
  const agents: ListedAgent[] = []
  let cursor: string | null | undefined
  do {
    const query = new URLSearchParams({ limit: '500', ...(cursor ? { cursor } : {}) })
    const page = (await getOk(`/api/v1/agents?${query}`, options)) as Page
    if (!Array.isArray(page.items))
      throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
    agents.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  return agents
}

function row({ id, vendor, runtime, state }: ListedAgent): string[] {
  const { processes, workingSetBytes, rssBytes, memoryLimitBytes } = state.lifecycleMetrics
  return [
    id,
    state.lifecycleState,
    vendor ?? '-',
    runtime,
    processes === undefined ? '-' : String(processes),
    formatBytes(workingSetBytes ?? rssBytes),
    formatBytes(memoryLimitBytes),
  ]
}
