import { type Command, Option } from 'commander'
import { CRASH_CAUSES } from '../crashes/model.ts'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions, getOk } from './client.ts'
import { count } from './count.ts'
import { CliError, EXIT } from './exit.ts'
import { crashColumns } from './health-view.ts'
import { type FullCrash, getList, type ListedCrash } from './monitoring.ts'
import { fullId } from './short-id.ts'
import { formatBytes, renderColumns } from './table.ts'
import { ownTerminal, type Terminal } from './terminal.ts'
import { formatStamp } from './time-text.ts'
import { cellText, fitText, hangText } from './width.ts'

interface CrashesFlags extends ClientOptions {
  readonly agent?: string
  readonly cause?: string
  readonly limit: number
  readonly json?: true
}

const DEFAULT_LIMIT = 20
const MOST_OUTPUT_LINES = 40
/** A page of the API. */
const MOST_LOOKED_AT = 1_000

/** `agent-exporter crashes [ID]`: what ended, and why. */
export function crashesCommand(program: Command): void {
  program
    .command('crashes')
    .description('list crashes with their causes, or show one with its evidence')
    .argument('[id]', 'id of a crash')
    .option('--agent <name>', 'of this agent only')
    .addOption(new Option('--cause <cause>', 'of this cause only').choices(CRASH_CAUSES))
    .option('--limit <count>', 'at most so many', count, DEFAULT_LIMIT)
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (id: string | undefined, flags: CrashesFlags) => {
      const options = clientOptions(program, flags)
      await (id === undefined ? list(flags, options) : show(id, flags, options))
    })
}

async function list({ agent, cause, limit, json }: CrashesFlags, options: ClientOptions): Promise<void> {
  const query = new URLSearchParams({
    limit: String(limit),
    ...(agent === undefined ? {} : { agentName: agent }),
    ...(cause === undefined ? {} : { cause }),
  })
  const path = `/api/monitoring/crashes?${query}`
  const answer = await getList<{ readonly crashes: readonly ListedCrash[] }>(path, 'crashes', options)
  if (json) console.log(toSafeJson(answer, 2))
  else if (answer.crashes.length === 0) console.log('No crashes.')
  else {
    const columns = crashColumns(answer.crashes, Date.now())
    console.log(renderColumns(columns, answer.crashes, ownTerminal()))
  }
}

async function show(id: string, { json }: CrashesFlags, options: ClientOptions): Promise<void> {
  const answer = await find(id, options)
  const { crash } = answer as { readonly crash?: FullCrash }
  if (typeof crash?.agentName !== 'string') {
    throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
  }
  console.log(json ? toSafeJson(answer, 2) : renderCrash(crash, ownTerminal()))
}

/** By its id, or by the beginning of it that the list shows. */
async function find(id: string, options: ClientOptions): Promise<unknown> {
  const one = (whole: string) => getOk(`/api/monitoring/crashes/${encodeURIComponent(whole)}`, options)
  try {
    return await one(id)
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
  }
  const path = `/api/monitoring/crashes?limit=${MOST_LOOKED_AT}`
  const { crashes } = await getList<{ readonly crashes: readonly ListedCrash[] }>(path, 'crashes', options)
  return one(fullId(id, crashes, 'crash'))
}

/** Everything that is known of one crash. Sentences go on below; its last words are cut at the edge, line by line. */
function renderCrash(crash: FullCrash, { columns = Number.POSITIVE_INFINITY }: Terminal): string {
  const hang = (head: string, text: string, indent?: number) =>
    hangText(head, cellText(text, 1_024), columns, indent)
  const { exitCode, signal, evidence, recommendations, lastOutput, relatedCrashes = [] } = crash
  const ended = signal ?? (exitCode === null ? '-' : `exit code ${exitCode}`)
  const of = crash.memoryLimit === null ? '' : ` of ${formatBytes(crash.memoryLimit)}`
  const memory = `${formatBytes(crash.lastKnownMemory)} last, ${formatBytes(crash.peakMemory)} peak${of}`
  const facts: readonly (readonly [string, string])[] = [
    ['crash', crash.id],
    ['agent', [crash.agentName, crash.role, crash.runtime].filter((part) => part).join(', ')],
    ['at', formatStamp(crash.crashedAt)],
    ['cause', `${crash.cause} (confidence ${crash.confidence})`],
    ['what', crash.summary],
    ['ended', ended],
    ['memory', crash.memoryTrend === null ? memory : `${memory}, ${crash.memoryTrend}`],
    ['related', relatedCrashes.join(' ') || '-'],
  ]
  const lines = facts.flatMap(([name, value]) => hang(`${name.padEnd(8)} `, value))
  if (evidence.length > 0)
    lines.push('', 'evidence', ...evidence.flatMap(({ source, says }) => hang('  ', `${source}: ${says}`, 4)))
  if (recommendations.length > 0) lines.push('', ...recommendations.flatMap((text) => hang('→ ', text)))
  if (lastOutput) {
    const last = lastOutput.trimEnd().split('\n').slice(-MOST_OUTPUT_LINES)
    lines.push('', 'last output', ...last.map((text) => fitText(`  ${cellText(text, 1_024)}`, columns)))
  }
  return lines.join('\n')
}
