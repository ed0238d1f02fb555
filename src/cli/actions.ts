import { type Command, Option } from 'commander'
import { ACTION_STATUSES, ACTIONS } from '../control/model.ts'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions, getOk } from './client.ts'
import { count } from './count.ts'
import { CliError, EXIT } from './exit.ts'
import type { ShownEntry } from './outcome.ts'
import { type Column, renderColumns } from './table.ts'
import { ownTerminal } from './terminal.ts'
import { formatStamp } from './time-text.ts'

interface ActionsFlags extends ClientOptions {
  readonly agent?: string
  readonly action?: string
  readonly status?: string
  readonly since?: string
  readonly limit: number
  readonly json?: true
}

const DEFAULT_LIMIT = 20

/** `agent-exporter actions`: the journal, newest first. */
export function actionsCommand(program: Command): void {
  program
    .command('actions')
    .description('list what was done to agents, and what was refused')
    .option('--agent <id>', 'of this agent only')
    .addOption(new Option('--action <action>', 'of this kind only').choices(ACTIONS))
    .addOption(new Option('--status <status>', 'with this status only').choices(ACTION_STATUSES))
    .option('--since <time>', 'not older than this: 24h, or 2026-01-31T12:00:00Z')
    .option('--limit <count>', 'at most so many', count, DEFAULT_LIMIT)
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (flags: ActionsFlags) => {
      const { agent, action, status, since, limit } = flags
      const given = Object.entries({ agent, action, status, since }).filter(
        ([, value]) => value !== undefined,
      )
      const query = new URLSearchParams([...(given as [string, string][]), ['limit', String(limit)]])
      const page = await getOk(`/api/v1/actions?${query}`, clientOptions(program, flags))
      const { items } = page as { readonly items?: readonly ShownEntry[] }
      if (!Array.isArray(items)) throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
      if (flags.json) console.log(toSafeJson(items, 2))
      else if (items.length === 0) console.log('No actions.')
      else console.log(renderColumns(COLUMNS, items, ownTerminal()))
    })
}

const COLUMNS: readonly Column<ShownEntry>[] = [
  { head: 'AT', cell: ({ at }) => formatStamp(at), whole: true },
  { head: 'AGENT', cell: ({ agent }) => agent },
  { head: 'ACTION', cell: ({ action }) => action, whole: true },
  { head: 'STATUS', cell: statusText },
  {
    head: 'BY',
    cell: ({ trigger, actor }) => (trigger === actor ? actor : `${trigger}: ${actor}`),
    spare: 1,
  },
  { head: 'HOW', cell: howText, spare: 2 },
  { head: 'WHY', cell: ({ detail, reason }) => detail ?? reason },
]

function statusText({ status, refusal, count: times }: ShownEntry): string {
  const outcome = refusal === undefined ? status : `${status} (${refusal})`
  return times > 1 ? `${outcome} ×${times}` : outcome
}

function howText({ rung, durationMs }: ShownEntry): string {
  const how = [rung, durationMs === undefined ? undefined : `${Math.round(durationMs)} ms`]
  return how.filter((part) => part !== undefined).join(', ') || '-'
}
