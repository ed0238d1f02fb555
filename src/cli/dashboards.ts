import { resolve } from 'node:path'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { DASHBOARD_DEFAULTS, type DashboardParameters, withParameters } from '../dashboards/parameters.ts'
import { PROVIDER_FILE, providerOf } from '../dashboards/provider.ts'
import { BOARD_NAMES, type BoardName, readBoard, type ShippedBoard } from '../dashboards/shipped.ts'
import { writeFiles } from '../platform/write-files.ts'
import { VERSION } from '../version.ts'
import { CliError, EXIT } from './exit.ts'
import { createOutput } from './output.ts'
import { type Column, renderColumns } from './table.ts'
import { helpWidth, ownTerminal } from './terminal.ts'
import { linesText, wrapText } from './width.ts'

interface DashboardFlags {
  readonly write?: string
  readonly exporterUrl?: string
  readonly runbooks?: string
  readonly grafanaActions?: string
  readonly force?: true
}

/** Not `.json`: Grafana would take it for a dashboard. */
const RECORD = 'agent-exporter-dashboards.written'
const EXAMPLES =
  'agent-exporter dashboards fleet > fleet.json is a file to import into Grafana; --write also brings what provisions all of them. In addresses {instance} stands for the target that Prometheus scrapes, such as https://exporters.example.org/{instance}.'
const BUTTONS =
  'The buttons are pressed in the browser of whoever reads: list the origin of Grafana under auth.allowedOrigins, and let a proxy in front of the exporter sign people in. The files hold no token, because every reader could read it.\n'

/** `agent-exporter dashboards`: the dashboards that come with us, as they are or for other addresses. */
export function dashboardsCommand(program: Command): void {
  program
    .command('dashboards')
    .description('list, print or write the dashboards for Grafana')
    .addArgument(new Argument('[board]', 'print this one').choices(BOARD_NAMES))
    .option('--write <dir>', 'write files there; what is not ours is not replaced')
    .option('--exporter-url <url>', 'where browsers find exporters, in place of http://{instance}', placed)
    .option('--runbooks <url>', 'address in front of docs/runbooks.md', address)
    .option('--grafana-actions <url>', 'add buttons that pause and resume, by the exporter there', placed)
    .option('--force', 'replace files that are not ours, or were changed')
    .addHelpText('after', () => `\n${wrapText(EXAMPLES, helpWidth()).join('\n')}`)
    .action(async (name: BoardName | undefined, flags: DashboardFlags) => {
      const parameters = parametersOf(flags)
      const boards = (name === undefined ? BOARD_NAMES : [name]).map(readBoard)
      if (flags.write !== undefined) return write(flags.write, boards, parameters, flags)
      if (name === undefined) return list(boards, flags)
      tellOfButtons(flags)
      await print(withParameters(boards[0]!.text, parameters))
    })
}

function parametersOf({ exporterUrl, runbooks, grafanaActions }: DashboardFlags): DashboardParameters {
  return {
    exporter: exporterUrl ?? DASHBOARD_DEFAULTS.exporter,
    runbooks: runbooks === undefined ? '' : `${runbooks}/`,
    actions: grafanaActions,
  }
}

const COLUMNS: readonly Column<ShippedBoard>[] = [
  { head: 'BOARD', cell: ({ name }) => name },
  { head: 'ADDRESS', cell: ({ file }) => `/d/${file.replace(/\.json$/, '')}`, spare: 1 },
  { head: 'QUESTION', cell: ({ question }) => question },
]

function list(
  boards: readonly ShippedBoard[],
  { exporterUrl, runbooks, grafanaActions }: DashboardFlags,
): void {
  if (exporterUrl ?? runbooks ?? grafanaActions) {
    throw new CliError(EXIT.usage, 'Name a board to print, or a folder: --write DIR.')
  }
  console.log(renderColumns(COLUMNS, boards, ownTerminal()))
}

function write(
  into: string,
  boards: readonly ShippedBoard[],
  parameters: DashboardParameters,
  flags: DashboardFlags,
): void {
  const folder = resolve(into)
  const isWhole = boards.length === BOARD_NAMES.length
  const files = new Map(boards.map(({ file, text }) => [file, withParameters(text, parameters)]))
  if (isWhole) files.set(PROVIDER_FILE, providerOf(folder))
  const fates = writeFiles(folder, files, {
    record: RECORD,
    version: VERSION,
    foreign: flags.force ? 'replace' : 'refuse',
  })
  const lines = [...fates]
    // Boards that were not asked for are no leftovers.
    .filter(([, fate]) => fate !== 'left over' || isWhole)
    .map(([path, fate]) => `${fate.padEnd(LONGEST_FATE)}  ${path}`)
  tellOfButtons(flags)
  console.log(linesText([`In ${folder}:`, ...lines].join('\n')))
}

const LONGEST_FATE = 'unchanged'.length

function tellOfButtons({ grafanaActions }: DashboardFlags): void {
  if (grafanaActions !== undefined) process.stderr.write(BUTTONS)
}

/** An address, without the slash at its end. */
function address(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('It must be an address such as https://wiki.example.org.')
  }
  return text.replace(/\/+$/, '')
}

/** An address in which `{instance}` may stand for the target. */
function placed(text: string): string {
  // A name that a host may have, with a port after it or not.
  address(text.replaceAll('{instance}', 'instance'))
  return text.replace(/\/+$/, '')
}

async function print(text: string): Promise<void> {
  const output = createOutput()
  await output.write(text)
  output.close()
}
