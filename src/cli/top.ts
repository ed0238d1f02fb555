import { type Command, InvalidArgumentError, Option } from 'commander'
import { toSafeJson } from '../platform/text.ts'
import { type FullAgent, listAgents } from './agent-list.ts'
import { type ClientOptions, clientOptions } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import { live } from './live.ts'
import { ownTerminal } from './terminal.ts'
import { TOP_SORTS, type TopSort } from './top-sort.ts'
import { type Earlier, renderTop, snapshotOf, type TopFilter } from './top-view.ts'

interface TopFlags extends ClientOptions, TopFilter {
  readonly interval: number
  readonly count?: number
  readonly sort: TopSort
  readonly json?: true
  /** Commander's form of `--no-clear`. */
  readonly clear: boolean
}

const INTERVAL_SECONDS = 2
/** Faster would look at the same samples again. */
const MIN_INTERVAL_SECONDS = 1
const MAX_INTERVAL_SECONDS = 3_600
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
    .addOption(
      new Option('--sort <by>', 'what comes first; keys u, m, c, t, n on a terminal')
        .choices(TOP_SORTS)
        .default('urgency'),
    )
    .option('--no-clear', 'print one table below the other')
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print one snapshot as JSON and end')
    .action(async (flags: TopFlags) => {
      const options = clientOptions(program, flags)
      if (flags.json) {
        const agents = await listAgents(options, 'full')
        console.log(toSafeJson(snapshotOf(agents, flags, new Date()), 2))
        return
      }
      await watch(flags, options)
    })
}

/** What the keys of a terminal sort by. */
const SORT_KEYS: Readonly<Record<string, TopSort>> = {
  u: 'urgency',
  m: 'memory',
  c: 'cpu',
  t: 'tokens',
  n: 'name',
}

async function watch(flags: TopFlags, options: ClientOptions): Promise<void> {
  let earlier: Earlier | undefined
  let now: { readonly agents: readonly FullAgent[]; readonly at: number; readonly stamp: Date } | undefined
  let sort = flags.sort
  const render = (): string =>
    now === undefined
      ? ''
      : renderTop(
          snapshotOf(now.agents, { ...flags, sort }, now.stamp, earlier, now.at),
          earlier,
          now.at,
          ownTerminal(),
          sort,
        )
  await live({
    intervalMs: flags.interval * 1_000,
    looks: flags.count,
    hint: 'q quits; first by: u urgency, m memory, c CPU, t tokens, n name',
    place: flags.clear ? 'screen' : 'below',
    async look() {
      const agents = await ask(options, now !== undefined)
      if (typeof agents === 'string') return agents
      earlier = now
      now = { agents, at: performance.now(), stamp: new Date() }
      return render()
    },
    key(key) {
      const wanted = SORT_KEYS[key]
      if (wanted === undefined) return undefined
      sort = wanted
      return render()
    },
  })
}

/** A daemon that is being restarted is waited for; one that was never there is an error. */
async function ask(options: ClientOptions, wasThere: boolean): Promise<readonly FullAgent[] | string> {
  try {
    return await listAgents(options, 'full')
  } catch (error) {
    if (!wasThere || !(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error
    return `${error.message} Trying again.`
  }
}

function seconds(text: string): number {
  const value = Number(text.replace(/s$/, ''))
  if (!(value >= MIN_INTERVAL_SECONDS && value <= MAX_INTERVAL_SECONDS)) {
    throw new InvalidArgumentError(
      `It must be from ${MIN_INTERVAL_SECONDS} to ${MAX_INTERVAL_SECONDS} seconds.`,
    )
  }
  return value
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.')
  return value
}
