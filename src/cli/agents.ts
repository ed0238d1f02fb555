import type { Command } from 'commander'
import { type ListedAgent, listAgents } from './agent-list.ts'
import { type ClientOptions, clientOptions } from './client.ts'
import { formatBytes, printTable } from './table.ts'

/** `agent-exporter agents`: what the daemon sees now. */
export function agentsCommand(program: Command): void {
  program
    .command('agents')
    .description('list the agents the daemon sees')
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (options: ClientOptions & { json?: true }) => {
      const agents = await listAgents(clientOptions(program, options))
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
      printTable(['AGENT', 'STATE', 'VENDOR', 'RUNTIME', 'PROCS', 'MEMORY', 'LIMIT'], agents.map(row))
    })
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
