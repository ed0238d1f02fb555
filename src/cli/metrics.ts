import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../platform/duration.ts'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions, getOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import { live } from './live.ts'
import { type History, renderMetrics } from './metrics-view.ts'
import { type FleetMetrics, getList } from './monitoring.ts'
import { ownTerminal } from './terminal.ts'
import { cellText } from './width.ts'

interface MetricsFlags extends ClientOptions {
  readonly agent?: string
  readonly watch?: true
  readonly interval: number
  readonly json?: true
}

const INTERVAL = '5s'
const LEAST_INTERVAL_MS = 1_000
const MOST_INTERVAL_MS = 3_600_000
/** Each is a request: beyond a screen of agents nobody looks at their courses. */
const MOST_HISTORIES = 50
const HISTORIES_AT_ONCE = 8
/** A course of an hour in twelve cells does not change faster. */
const HISTORY_EVERY_MS = 60_000

/** `agent-exporter metrics`: memory and CPU of every agent, its trend and its level. */
export function metricsCommand(program: Command): void {
  program
    .command('metrics')
    .description('show memory, CPU, trend and memory level of the agents')
    .option('--agent <name>', 'of this agent only')
    .option('--watch', 'again and again, until q or Ctrl-C')
    .addOption(
      new Option('--interval <duration>', 'time between two looks of --watch')
        .argParser(interval)
        .default(interval(INTERVAL), INTERVAL),
    )
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer; with --watch one line for every look')
    .action(async (flags: MetricsFlags) => {
      const options = clientOptions(program, flags)
      const histories = createHistories(options)
      const show = async (): Promise<string> => {
        const metrics = await measure(flags.agent, options)
        if (flags.json) return toSafeJson(metrics, flags.watch ? undefined : 2)
        return renderMetrics(metrics, await histories.of(metrics), ownTerminal())
      }
      if (!flags.watch) {
        console.log(await show())
        return
      }
      let isFirst = true
      await live({
        intervalMs: flags.interval,
        hint: 'q quits',
        place: flags.json ? 'lines' : 'screen',
        async look() {
          try {
            const text = await show()
            isFirst = false
            return text
          } catch (error) {
            // A daemon that is being restarted is waited for; one that was never there is an error.
            if (isFirst || flags.json || !(error instanceof CliError)) throw error
            return `${error.message} Trying again.`
          }
        },
      })
    })
}

/** @throws CliError `notFound` for an agent that is not there */
async function measure(agent: string | undefined, options: ClientOptions): Promise<FleetMetrics> {
  const metrics = await getList<FleetMetrics>('/api/metrics/agents', 'agents', options)
  if (agent === undefined) return metrics
  const agents = metrics.agents.filter(({ name }) => name === agent)
  if (agents.length === 0) throw new CliError(EXIT.notFound, `There is no agent ${cellText(agent, 128)}.`)
  return { ...metrics, agents }
}

interface Histories {
  of(metrics: FleetMetrics): Promise<ReadonlyMap<string, History>>
}

function createHistories(options: ClientOptions): Histories {
  let known = new Map<string, History>()
  let askedAt: number | undefined
  return {
    async of({ agents }) {
      const isOld = askedAt === undefined || performance.now() - askedAt > HISTORY_EVERY_MS
      if (isOld) {
        askedAt = performance.now()
        known = new Map()
      }
      const wanted = agents.slice(0, MOST_HISTORIES).filter(({ name }) => !known.has(name))
      for (let at = 0; at < wanted.length; at += HISTORIES_AT_ONCE) {
        const some = wanted.slice(at, at + HISTORIES_AT_ONCE)
        await Promise.all(some.map(async ({ name }) => known.set(name, await historyOf(name, options))))
      }
      return known
    },
  }
}

/** Of an agent that has just ended there is no course, and that is no reason to show nothing. */
async function historyOf(name: string, options: ClientOptions): Promise<History> {
  try {
    const path = `/api/monitoring/agents/${encodeURIComponent(name)}/metrics?hours=1`
    const { metrics } = (await getOk(path, options)) as {
      readonly metrics: readonly { readonly rssBytes: number | null; readonly recordedAt: string }[]
    }
    return metrics
      .map(({ rssBytes, recordedAt }) => ({ atMs: Date.parse(recordedAt), bytes: rssBytes ?? undefined }))
      .reverse()
  } catch {
    return []
  }
}

/** A bare number is milliseconds. */
function interval(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : parseDuration(text)
  if (ms === undefined || ms < LEAST_INTERVAL_MS || ms > MOST_INTERVAL_MS) {
    throw new InvalidArgumentError('It must be a duration from 1s to 1h.')
  }
  return ms
}
