import { type Command, InvalidArgumentError, Option } from 'commander'
import { isAgentId } from '../agents/model.ts'
import { ACTION_STATUSES, ACTIONS } from '../control/model.ts'
import { formatDuration, type Milliseconds, parseDuration } from '../platform/duration.ts'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions, sendOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import type { ServeFlags } from './flags.ts'
import { outcomeOf, type ShownEntry } from './outcome.ts'
import { cellText } from './width.ts'

interface ControlFlags extends ClientOptions {
  readonly reason?: string
  readonly dryRun?: true
  readonly enforce?: true
  readonly wait: Milliseconds
  readonly json?: true
}

const VERBS = {
  pause: { description: 'stop an agent until it is resumed', wait: '10s' },
  resume: { description: 'let a paused agent go on', wait: '10s' },
  // The grace of 10 s that an agent has by default, and the verification.
  terminate: { description: 'end an agent with every process of its tree', wait: '30s' },
} as const
type Verb = keyof typeof VERBS

/** The daemon answers no later than it was asked to; the network may take a moment besides. */
const ANSWER_MS = 5_000
const MAX_WAIT_MS = 60_000

/** `agent-exporter pause|resume|terminate AGENT`. */
export function controlCommands(program: Command): void {
  for (const verb of Object.keys(VERBS) as Verb[]) {
    const { description, wait } = VERBS[verb]
    program
      .command(verb)
      .description(description)
      .argument('<agent>', 'id of the agent, as in agent-exporter agents', agentId)
      .option('--reason <text>', 'why; kept in the journal')
      .option('--dry-run', 'only write down what would be done')
      .option('--enforce', 'do it to an agent that did not opt in, this one time')
      .addOption(
        new Option('--wait <duration>', 'how long to wait for the verified outcome')
          .argParser(waitTime)
          .default(waitTime(wait), wait),
      )
      .option('--url <url>', 'address of the daemon')
      .option('--json', 'print the API answer')
      .action((agent: string, flags: ControlFlags) => act(program, verb, agent, flags))
  }
}

async function act(program: Command, verb: Verb, agent: string, flags: ControlFlags): Promise<void> {
  const { reason, dryRun, enforce, wait } = flags
  const call = {
    method: 'POST',
    path: `/api/v1/agents/${encodeURIComponent(agent)}/${verb}?wait=${formatDuration(wait)}`,
    body: {
      ...(reason === undefined ? {} : { reason }),
      ...(dryRun === undefined ? {} : { dryRun }),
      ...(enforce === undefined ? {} : { enforce }),
    },
    timeoutMs: wait + ANSWER_MS,
  } as const
  let answer: unknown
  try {
    answer = await sendOk(call, clientOptions(program, flags))
  } catch (error) {
    const isDown = error instanceof CliError && error.exitCode === EXIT.unreachable
    // An address that was given may be another machine's: its journal is not here.
    const isHere = flags.url === undefined && process.env['AGENT_EXPORTER_URL'] === undefined
    if (verb !== 'resume' || dryRun || !isDown) throw error
    if (!isHere) {
      const hint = 'Without an address (--url, AGENT_EXPORTER_URL) the journal of this host is asked.'
      throw new CliError(EXIT.unreachable, `${error.message} ${hint}`)
    }
    // Loaded only here: what reads the journal and acts takes longer to load than the other commands take to run.
    const { resumeWithoutDaemon } = await import('./offline.ts')
    const entries = await resumeWithoutDaemon(program.opts<ServeFlags>(), agent, reason ?? 'no reason given')
    for (const entry of entries) report(entry, flags)
    return
  }
  report(answer as ShownEntry, flags)
}

/** Prints what came of it; anything that is not verified ends the command with an error. */
function report(entry: ShownEntry, { json, dryRun }: ControlFlags): void {
  if (!ACTION_STATUSES.includes(entry.status) || !ACTIONS.includes(entry.action))
    throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
  const { text: said, exitCode } = outcomeOf(entry, { dryRun: dryRun === true })
  const text = cellText(said, 1_024)
  if (json) console.log(toSafeJson(entry, 2))
  if (exitCode !== EXIT.ok) throw new CliError(exitCode, text)
  if (!json) console.log(text)
}

function agentId(text: string): string {
  if (!isAgentId(text)) throw new InvalidArgumentError('It is not the id of an agent.')
  return text
}

function waitTime(text: string): Milliseconds {
  const ms = parseDuration(text)
  if (ms === undefined || ms > MAX_WAIT_MS) {
    throw new InvalidArgumentError('It must be a duration such as 500ms or 10s, at most 60s.')
  }
  return ms
}
