import type { Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { linesText } from './width.ts'

/** `agent-exporter check-config [FILE]`: says whether the daemon would start with it. */
export function checkConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description('check a configuration file and say everything that is wrong with it')
    .argument('[file]', 'file to check; without it the one the daemon would read')
    .action(async (file: string | undefined) => {
      const { loadConfig } = await import('../config/load.ts')
      const { secretFaults } = await import('./secret-faults.ts')
      const { config, file: found } = loadConfig(
        file ?? program.opts<{ 'config.file'?: string }>()['config.file'],
        process.env,
      )
      const faults = secretFaults(config)
      if (faults.length > 0) {
        const lines = [`${found ?? 'environment'} cannot be used:`, ...faults.map((fault) => `  ${fault}`)]
        throw new CliError(EXIT.usage, lines.join('\n'))
      }
      console.log(linesText(`${found ?? 'No file; the defaults'}: valid`))
    })
}
