import { type Command, InvalidArgumentError, Option } from 'commander'
import { ACTION_STATUSES, ACTIONS } from '../control/model.ts'
import { type ClientOptions, clientOptions, getOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import type { ShownEntry } from './outcome.ts'
import { printTable } from './table.ts'

interface ActionsFlags extends ClientOptions {
  readonly agent?: string
  readonly action?: string
  readonly status?: string
  readonly since?: string
  readonly limit: number
  readonly json?: true
}

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 1_000

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
      if (flags.json) console.log(JSON.stringify(items, null, 2))
      else if (items.length === 0) console.log('No actions.')
      else printTable(['AT', 'AGENT', 'ACTION', 'STATUS', 'BY', 'HOW', 'WHY'], items.map(row))
    })
}

function row(entry: ShownEntry): string[] {
  const { at, agent, action, status, trigger, actor, rung, durationMs, refusal, count: times } = entry
  const how = [rung, durationMs === undefined ? undefined : `${Math.round(durationMs)} ms`]
  const outcome = refusal === undefined ? status : `${status} (${refusal})`
  return [
    at.replace(/\.\d+Z$/, 'Z'),
    agent,
    action,
    times > 1 ? `${outcome} ×${times}` : outcome,
    trigger === actor ? actor : `${trigger}: ${actor}`,
    how.filter((part) => part !== undefined).join(', ') || '-',
    entry.detail ?? entry.reason,
  ]
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1 || value > MAX_LIMIT) {
    throw new InvalidArgumentError(`must be a whole number from 1 to ${MAX_LIMIT}.`)
  }
  return value
}
