import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createFeed } from './feed.ts'
import { prepareFolder } from './folder.ts'
import { createWorld } from './world.ts'

const USAGE = `Simulates daemons that report their agents to one agent-exporter.

  npm run simulate -- --folder DIR --prepare     writes DIR/config.yaml and a token per daemon, for the exporter
  npm run simulate -- --folder DIR               tells an hour of the past at once, then goes on until Ctrl+C
  npm run simulate -- --token-file FILE          the same with one token for all of them

  --agents N      agents in all (50)        --daemons N    hosts they run on (5)
  --url URL       of the exporter (http://127.0.0.1:10780)
  --past MINUTES  told at once (60)         --steps N      steps after that, one per interval (endless)
  --interval S    seconds between two (10)  --seed N       another world (1)
`

const { values } = parseArgs({
  options: {
    ...{ folder: { type: 'string' }, prepare: { type: 'boolean' }, help: { type: 'boolean' } },
    'token-file': { type: 'string' },
    ...{
      agents: { type: 'string', default: '50' },
      daemons: { type: 'string', default: '5' },
      url: { type: 'string', default: 'http://127.0.0.1:10780' },
      past: { type: 'string', default: '60' },
      interval: { type: 'string', default: '10' },
      steps: { type: 'string', default: 'Infinity' },
      seed: { type: 'string', default: '1' },
    },
  },
})
const { folder, 'token-file': tokenFile } = values
if (values.help === true || (folder === undefined) === (tokenFile === undefined)) {
  process.stdout.write(USAGE)
  process.exit(values.help === true ? 0 : 2)
}

const number = (name: 'agents' | 'daemons' | 'past' | 'interval' | 'steps' | 'seed'): number => {
  const value = Number(values[name])
  if (!(value >= 0)) {
    process.stderr.write(`--${name} must be a number\n`)
    process.exit(2)
  }
  return value
}
const world = createWorld({ seed: number('seed'), daemons: number('daemons'), agents: number('agents') })
const { configFile, tokenOf } =
  folder === undefined
    ? { configFile: undefined, tokenOf: () => readFileSync(tokenFile as string, 'utf8').trim() }
    : prepareFolder(folder, world.daemons)
if (values.prepare === true && configFile !== undefined) {
  process.stdout.write(`wrote ${configFile} and ${world.daemons.length} tokens\n`)
  process.exit(0)
}

const feed = createFeed({ url: values.url, tokenOf })
const intervalMs = 1_000 * number('interval')
const pastMs = 60_000 * number('past')

async function tell(atMs: number): Promise<void> {
  await Promise.all(world.step(atMs).map(feed))
}

function toldOf(): string {
  const { newest, crashes, alerts } = world.truth
  const counts = `${newest.size} agents, ${crashes.length} crashes, ${alerts.length} alerts`
  return `by ${world.daemons.length} daemons: ${counts} of the last ${values.past} minutes`
}

/** What the exporter makes of it, in two lines; nothing when we may not read there. */
async function answerOf(url: string): Promise<string> {
  const [overview, insights] = await Promise.all(
    ['overview', 'insights'].map((path) => fetch(`${url}/api/monitoring/${path}`)),
  )
  if (!overview?.ok || !insights?.ok) return ''
  const { daemons, summary } = (await overview.json()) as {
    readonly daemons: readonly { readonly status: string }[]
    readonly summary: Readonly<Record<string, number>>
  }
  const { healthScore, summary: says } = (await insights.json()) as { healthScore: number; summary: string }
  const { totalAgents, healthyAgents, warningAgents, criticalAgents, unknownAgents } = summary
  const online = daemons.filter(({ status }) => status === 'online').length
  const levels = `${healthyAgents} healthy, ${warningAgents} warning, ${criticalAgents} critical, ${unknownAgents} unknown`
  return (
    `answered  ${online} daemons online, itself one of them; ${totalAgents} agents: ${levels}\n` +
    `          in 24 h ${summary['totalCrashes24h']} crashes, ${summary['totalAlerts24h']} alerts\n` +
    `health    ${healthScore} of 100: ${says}\n`
  )
}

try {
  const now = Date.now()
  for (let atMs = now - pastMs; atMs <= now; atMs += intervalMs) await tell(atMs)
  process.stdout.write(`told      ${toldOf()}\n${await answerOf(values.url)}`)
  for (let left = number('steps'); left > 0; left--) {
    await sleep(intervalMs)
    await tell(Date.now())
  }
} catch (error) {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
}
