import type { Command } from 'commander'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions, sendOk } from './client.ts'
import { count } from './count.ts'
import { CliError, EXIT } from './exit.ts'
import { alertColumns } from './health-view.ts'
import { getList, type ListedAlert } from './monitoring.ts'
import { fullId } from './short-id.ts'
import { renderColumns } from './table.ts'
import { ownTerminal } from './terminal.ts'
import { cellText } from './width.ts'

interface AlertsFlags extends ClientOptions {
  readonly agent?: string
  readonly all?: true
  readonly limit: number
  readonly json?: true
}

interface AlertList {
  readonly alerts: readonly ListedAlert[]
  readonly unacknowledgedCount: number
}

const DEFAULT_LIMIT = 20
/** A page of the API. */
const MOST_LOOKED_AT = 1_000

/** `agent-exporter alerts` and `agent-exporter alerts acknowledge ID`. */
export function alertsCommand(program: Command): void {
  const alerts = program
    .command('alerts')
    .description('list the memory alerts that nobody has acknowledged')
    .option('--agent <name>', 'of this agent only')
    .option('--all', 'acknowledged ones too')
    .option('--limit <count>', 'at most so many', count, DEFAULT_LIMIT)
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action((flags: AlertsFlags) => list(program, flags))
  alerts
    .command('acknowledge')
    .description('say that somebody has seen an alert')
    .argument('<id>', 'id of the alert')
    .action(async (id: string) => {
      const flags = alerts.opts<AlertsFlags>()
      const answer = await acknowledge(id, clientOptions(program, flags))
      console.log(flags.json ? toSafeJson(answer, 2) : `Acknowledged ${cellText(id, 64)}.`)
    })
}

/** By its id, or by the beginning of it that the list shows. */
async function acknowledge(id: string, options: ClientOptions): Promise<unknown> {
  const one = (whole: string) => {
    const path = `/api/monitoring/alerts/${encodeURIComponent(whole)}/acknowledge`
    return sendOk({ method: 'POST', path, body: {} }, options)
  }
  try {
    return await one(id)
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
  }
  const { alerts } = await getList<AlertList>(
    `/api/monitoring/alerts?limit=${MOST_LOOKED_AT}`,
    'alerts',
    options,
  )
  return one(fullId(id, alerts, 'alert'))
}

async function list(program: Command, flags: AlertsFlags): Promise<void> {
  const { agent, all, limit, json } = flags
  const query = new URLSearchParams({
    limit: String(limit),
    ...(all ? {} : { acknowledged: 'false' }),
    ...(agent === undefined ? {} : { agentName: agent }),
  })
  const path = `/api/monitoring/alerts?${query}`
  const answer = await getList<AlertList>(path, 'alerts', clientOptions(program, flags))
  const terminal = ownTerminal()
  const { alerts, unacknowledgedCount } = answer
  if (json) console.log(toSafeJson(answer, 2))
  else if (alerts.length === 0) console.log(all ? 'No alerts.' : 'No open alerts.')
  else {
    const isPart = unacknowledgedCount > alerts.filter(({ acknowledged }) => !acknowledged).length
    const more = isPart ? `\n\n${unacknowledgedCount} alerts are open.` : ''
    console.log(`${renderColumns(alertColumns(alerts, Date.now()), alerts, terminal)}${more}`)
  }
}
