import type { Command } from 'commander'
import { linesText } from './width.ts'

/** `agent-exporter check-config [FILE]`: says whether the daemon would start with it. */
export function checkConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description('check a configuration file and say everything that is wrong with it')
    .argument('[file]', 'file to check; without it the one the daemon would read')
    .action(async (file: string | undefined) => {
      const { loadConfig } = await import('../config/load.ts')
      const loaded = loadConfig(
        file ?? program.opts<{ 'config.file'?: string }>()['config.file'],
        process.env,
      )
      console.log(linesText(`${loaded.file ?? 'No file; the defaults'}: valid`))
    })
}
