import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { AGENT_ID_PATTERN, type AgentId, isAgentId } from '../agents/model.ts'
import type { Thresholds } from '../exhaustion/model.ts'
import type { LaunchRequest } from '../launch/request.ts'
import { type ClientOptions, DEFAULT_URL } from './client.ts'
import { dataDirFrom } from './data-dir.ts'
import { CliError, EXIT } from './exit.ts'
import { foundToken } from './found-token.ts'
import { noteLine, say } from './note.ts'
import { addBudget } from './run-budget.ts'

interface RunFlags extends ClientOptions {
  readonly id?: AgentId
  readonly role?: string
  readonly profile?: string
  readonly budget?: Thresholds
  readonly enforce?: true
  readonly require?: true
  readonly keepChildren?: true
  readonly quiet?: true
  readonly grace: number
}

const DEFAULT_GRACE_SECONDS = 10
/** The rest of an id is a dash and eight digits. */
const LONGEST_NAME = 100

/** `agent-exporter run -- COMMAND…`: starts a command as an agent and ends as it ends. */
export function runCommand(program: Command): void {
  program
    .command('run')
    .description('start a command as an agent: measured, and stopped at its limits when it has some')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--id <id>', 'what the agent is called; <command>-<8 hex digits> by default', agentId)
    .option('--role <role>', 'role of the agent')
    .option('--profile <name>', 'set of limits it gets')
    .option('--budget <name=value>', 'a limit, such as tokens=200k; may be given several times', addBudget)
    .option('--enforce', 'pause it at the configured limits')
    .option('--require', 'enforce, and do not start without a daemon that does')
    .option('--keep-children', 'leave processes alone that outlive the command')
    .option('--grace <seconds>', 'from SIGTERM to SIGKILL', seconds, DEFAULT_GRACE_SECONDS)
    .option('--quiet', 'print warnings only')
    .option('--url <url>', 'address of the daemon')
    .action(async (command: string[], flags: RunFlags) => {
      const { leaveLike } = await import('../launch/outcome.ts')
      await leaveLike(await run(program, command, flags))
    })
}

async function run(program: Command, command: readonly string[], flags: RunFlags) {
  const { launch } = await import('../launch/launch.ts')
  const { createDaemonLink } = await import('../launch/daemon-link.ts')
  const { systemClock } = await import('../platform/clock.ts')
  const dataDir = dataDirFrom(program.opts<{ 'data.dir'?: string }>()['data.dir'])
  const { mintAgentToken } = await import('../platform/http/agent-token.ts')
  const url = addressOf(flags)
  const controlToken = () => foundToken(dataDir, url)
  const inherited = process.env['AGENT_EXPORTER_TOKEN'] || undefined
  const requested = requestOf(command, flags)
  const ownToken = controlToken()
  return await launch(requested, {
    clock: systemClock,
    link: createDaemonLink({ url, bearer: () => controlToken() ?? inherited }),
    url,
    cwd: process.cwd(),
    environment: process.env,
    dataDir,
    token: ownToken === undefined ? undefined : mintAgentToken(ownToken, requested.id),
    commands: () => agentCommands(program),
    warn: tell,
    note: flags.quiet ? () => {} : tell,
  })
}

function requestOf(command: readonly string[], flags: RunFlags): LaunchRequest {
  const { role, profile, budget = {}, enforce, require, keepChildren, grace } = flags
  const hasLimits = enforce || profile !== undefined || Object.keys(budget).length > 0
  return {
    command,
    id: flags.id ?? inventId(command[0]!),
    role,
    profile,
    budget,
    mode: require ? 'require' : hasLimits ? 'enforce' : 'measure',
    leftovers: keepChildren ? 'keep' : 'end',
    graceMs: grace * 1_000,
  }
}

/** The command's own name with whatever an id may not hold replaced. */
function inventId(command: string): AgentId {
  const name = basename(command)
    .replace(/[^A-Za-z0-9._:@-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, LONGEST_NAME)
  return `${name || 'agent'}-${randomBytes(4).toString('hex')}`
}

/** What the daemon of this user would look for, as far as its configuration can be read. */
async function agentCommands(program: Command): Promise<ReadonlySet<string>> {
  const { loadConfig, parseConfig } = await import('../config/load.ts')
  try {
    const file = program.opts<{ 'config.file'?: string }>()['config.file']
    return new Set(loadConfig(file, process.env).config.agents.discovery.commands)
  } catch {
    return new Set(parseConfig('defaults', '{}', {}).agents.discovery.commands)
  }
}

function addressOf({ url = process.env['AGENT_EXPORTER_URL'] || DEFAULT_URL }: RunFlags): string {
  if (/^https?:/.test(url) && URL.canParse(url)) return url
  throw new CliError(EXIT.usage, `${url} is not an address like ${DEFAULT_URL}.`)
}

function agentId(text: string): AgentId {
  if (isAgentId(text)) return text
  throw new InvalidArgumentError(`An id matches ${AGENT_ID_PATTERN}.`)
}

function seconds(text: string): number {
  const value = Number(text)
  if (text !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a number of seconds.')
}

const tell = (line: string): void => say(noteLine(line))
