import type { Command } from 'commander'
import { toSafeJson } from '../platform/text.ts'
import { type ListedAgent, listAgents } from './agent-list.ts'
import { type ClientOptions, clientOptions } from './client.ts'
import { type Column, formatBytes, renderColumns } from './table.ts'
import { ownTerminal } from './terminal.ts'

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
        console.log(toSafeJson(agents, 2))
        return
      }
      if (agents.length === 0) {
        console.log(
          'No agents found. Start one (claude, codex, aider …) or label a container agent-exporter.agent=<id>.',
        )
        return
      }
      console.log(renderColumns(COLUMNS, agents, ownTerminal()))
    })
}

const COLUMNS: readonly Column<ListedAgent>[] = [
  { head: 'AGENT', cell: ({ id }) => id },
  { head: 'STATE', cell: ({ state }) => state.lifecycleState, whole: true },
  { head: 'VENDOR', cell: ({ vendor }) => vendor ?? '-', spare: 1 },
  { head: 'RUNTIME', cell: ({ runtime }) => runtime, spare: 2 },
  { head: 'PROCS', cell: ({ state }) => String(state.lifecycleMetrics.processes ?? '-'), spare: 3 },
  {
    head: 'MEMORY',
    cell: ({ state: { lifecycleMetrics: of } }) => formatBytes(of.workingSetBytes ?? of.rssBytes),
    whole: true,
  },
  { head: 'LIMIT', cell: ({ state }) => formatBytes(state.lifecycleMetrics.memoryLimitBytes), whole: true },
]
