import type { Command } from 'commander'
import { type ClientOptions, get } from './client.ts'
import { CliError, EXIT } from './exit.ts'

/** `agent-exporter healthcheck`: quiet and quick, for a container's HEALTHCHECK. */
export function healthcheckCommand(program: Command): void {
  program
    .command('healthcheck')
    .description('ask the running daemon whether it is ready; exit code 0 or 5')
    .option('--url <url>', 'address of the daemon')
    .action(async (options: ClientOptions) => {
      const { status } = await get('/-/ready', options)
      if (status !== 200) throw new CliError(EXIT.unhealthy, `The daemon answered ${status}.`)
      console.log('ready')
    })
}
