import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { writeFiles } from '../platform/write-files.ts'
import { FORMATS, type Format, filesOf, oneRuleFile, PARTS, type Part } from '../rules/bundle.ts'
import { parametersOf, SETTINGS } from '../rules/settings.ts'
import { readShipped } from '../rules/shipped.ts'
import { VERSION } from '../version.ts'
import { CliError, EXIT } from './exit.ts'
import { createOutput } from './output.ts'
import { helpWidth } from './terminal.ts'
import { hangText, linesText, wrapText } from './width.ts'

interface RulesFlags {
  readonly write?: string
  readonly set?: readonly string[]
  readonly only?: Part
  readonly format: Format
  readonly force?: true
}

const RECORD = 'agent-exporter-rules.json'
const EXAMPLES = 'agent-exporter rules > agent.rules.yml is a file that Prometheus loads. --set takes:'

/** `agent-exporter rules`: the alerting and recording rules and the configuration of Alertmanager that come with us. */
export function rulesCommand(program: Command): void {
  program
    .command('rules')
    .description('print or write alerting and recording rules, and the configuration of Alertmanager')
    .option('--write <dir>', 'write files there; what is not ours is not replaced')
    .option(
      '--set <name=value>',
      'change a parameter; may be given several times',
      (text: string, earlier: readonly string[] = []) => [...earlier, text],
    )
    .addOption(new Option('--only <part>', 'only this part').choices(PARTS))
    .addOption(
      new Option('--format <format>', 'files of Prometheus, or a mixin for Jsonnet')
        .choices(FORMATS)
        .default('prometheus'),
    )
    .option('--force', 'replace files that are not ours, or were changed')
    .addHelpText('after', () => `\n${helpText(helpWidth())}`)
    .action(async (flags: RulesFlags) => {
      const parameters = parametersOf(flags.set ?? [])
      const parts = flags.only === undefined ? PARTS : [flags.only]
      if (flags.format === 'mixin' && flags.only === 'alertmanager') {
        throw new CliError(EXIT.usage, 'A mixin has no configuration of Alertmanager.')
      }
      const shipped = readShipped()
      if (flags.write !== undefined) {
        const folder = resolve(flags.write)
        const fates = writeFiles(folder, filesOf(flags.format, shipped, parts, parameters), {
          record: RECORD,
          version: VERSION,
          foreign: flags.force ? 'replace' : 'refuse',
        })
        const lines = [...fates]
          // Parts that were not asked for are no leftovers.
          .filter(([, fate]) => fate !== 'left over' || flags.only === undefined)
          .map(([path, fate]) => `${fate.padEnd(LONGEST_FATE)}  ${path}`)
        console.log(linesText([`In ${folder}:`, ...lines].join('\n')))
        return
      }
      if (flags.format === 'mixin')
        throw new CliError(EXIT.usage, 'A mixin is a folder of files: --write DIR.')
      if (flags.only === 'alertmanager') {
        process.stderr.write('Its templates come with --write DIR.\n')
        await print(shipped.alertmanager.get('alertmanager.yml') ?? '')
      } else await print(oneRuleFile(shipped, parts, parameters))
    })
}

const LONGEST_FATE = 'unchanged'.length

function helpText(width: number): string {
  const longest = Math.max(...Object.keys(SETTINGS).map((name) => name.length))
  return [
    ...wrapText(EXAMPLES, width),
    ...Object.entries(SETTINGS).flatMap(([name, meaning]) =>
      hangText(`  ${name.padEnd(longest)}  `, meaning, width),
    ),
  ].join('\n')
}

async function print(text: string): Promise<void> {
  const output = createOutput()
  await output.write(text)
  output.close()
}
