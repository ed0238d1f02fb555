import { type Command, InvalidArgumentError } from 'commander'
import { type FullAgent, listAgents } from './agent-list.ts'
import { type ClientOptions, clientOptions } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import { type Earlier, fit, renderTop, snapshotOf, type TopFilter } from './top-view.ts'

interface TopFlags extends ClientOptions, TopFilter {
  readonly interval: number
  readonly count?: number
  readonly json?: true
  /** Commander's form of `--no-clear`. */
  readonly clear: boolean
}

const INTERVAL_SECONDS = 2
/** Faster would look at the same samples again. */
const MIN_INTERVAL_SECONDS = 1
const MAX_INTERVAL_SECONDS = 3_600
/** ECMA-48: to the first cell; erase to the end of the line; erase below. */
const HOME = '\x1b[H'
const REST_OF_LINE = '\x1b[K'
const BELOW = '\x1b[J'

/** `agent-exporter top`: agents with phase, budget, state and memory, again and again. */
export function topCommand(program: Command): void {
  program
    .command('top')
    .description('watch the agents: phase, share of the budget, state, CPU, memory')
    .option('--interval <seconds>', 'time between two looks', seconds, INTERVAL_SECONDS)
    .option('--count <looks>', 'end after so many looks', count)
    .option('--role <role>', 'of this role only')
    .option('--state <state>', 'in this state only: running, paused, exited …')
    .option('--phase <phase>', 'in this phase of the budget only')
    .option('--no-clear', 'print one table below the other')
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print one snapshot as JSON and end')
    .action(async (flags: TopFlags) => {
      const options = clientOptions(program, flags)
      if (flags.json) {
        const agents = await listAgents(options, 'full')
        console.log(JSON.stringify(snapshotOf(agents, flags, new Date()), null, 2))
        return
      }
      await watch(flags, options)
    })
}

async function watch(flags: TopFlags, options: ClientOptions): Promise<void> {
  const { stdout } = process
  const clears = flags.clear && stdout.isTTY === true
  const reader = new AbortController()
  // `top | head`: whoever read has gone, and that is no failure.
  const onError = (): void => reader.abort()
  stdout.on('error', onError)
  let earlier: Earlier | undefined
  try {
    for (let looks = 1; ; looks++) {
      const agents = await look(options, earlier)
      if (reader.signal.aborted) return
      const at = performance.now()
      const text =
        typeof agents === 'string' ? agents : renderTop(snapshotOf(agents, flags, new Date()), earlier, at)
      stdout.write(clears ? frame(text) : `${text}\n\n`)
      if (typeof agents !== 'string') earlier = { agents, at }
      if (looks === flags.count) return
      await pause(flags.interval * 1_000, reader.signal)
      if (reader.signal.aborted) return
    }
  } finally {
    stdout.off('error', onError)
  }
}

/** A daemon that is being restarted is waited for; one that was never there is an error. */
async function look(
  options: ClientOptions,
  earlier: Earlier | undefined,
): Promise<readonly FullAgent[] | string> {
  try {
    return await listAgents(options, 'full')
  } catch (error) {
    if (earlier === undefined || !(error instanceof CliError) || error.exitCode !== EXIT.unreachable)
      throw error
    return `${error.message} Trying again.`
  }
}

function frame(text: string): string {
  const { columns = 80, rows = 24 } = process.stdout
  const lines = fit(text, columns, rows - 1)
  return `${HOME}${lines.map((line) => `${line}${REST_OF_LINE}\n`).join('')}${BELOW}`
}

/** Ends early when nobody reads any more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}

function seconds(text: string): number {
  const value = Number(text.replace(/s$/, ''))
  if (!(value >= MIN_INTERVAL_SECONDS && value <= MAX_INTERVAL_SECONDS)) {
    throw new InvalidArgumentError(`must be from ${MIN_INTERVAL_SECONDS} to ${MAX_INTERVAL_SECONDS} seconds.`)
  }
  return value
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('must be a whole number from 1.')
  return value
}
