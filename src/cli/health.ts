import type { Command } from 'commander'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import { type HealthLists, isUnhealthy, renderHealth } from './health-view.ts'
import { getList, type HealthReport } from './monitoring.ts'
import { ownTerminal } from './terminal.ts'

interface HealthFlags extends ClientOptions, HealthLists {
  readonly exitCode?: true
  readonly json?: true
}

/** `agent-exporter health`: the score of the agents, what is wrong and what to do about it. */
export function healthCommand(program: Command): void {
  program
    .command('health')
    .description('show how the agents are: score, issues and what to do')
    .option('--crashes', 'list the last crashes too')
    .option('--alerts', 'list the open memory alerts too')
    .option('--exit-code', `end with ${EXIT.unhealthy} below a score of 50 or when an issue is critical`)
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (flags: HealthFlags) => {
      const options = clientOptions(program, flags)
      const report = await getList<HealthReport>('/api/metrics/health', 'issues', options)
      console.log(flags.json ? toSafeJson(report, 2) : renderHealth(report, flags, ownTerminal(), Date.now()))
      if (flags.exitCode && isUnhealthy(report)) {
        throw new CliError(EXIT.unhealthy, `Unhealthy: a score of ${Number(report.healthScore)}.`)
      }
    })
}
