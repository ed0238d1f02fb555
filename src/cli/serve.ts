import type { Command } from 'commander'
import type { App } from '../app.ts'
import { engageOnSignal } from '../control/kill-switch.ts'
import { systemClock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { nearest } from '../platform/nearest.ts'
import { dataDirFrom } from './data-dir.ts'
import { EXIT } from './exit.ts'
import { disabledCollectors, type ServeFlags } from './flags.ts'
import { greeting } from './greeting.ts'
import { leave } from './leave.ts'
import { ownTerminal } from './terminal.ts'

/** `agent-exporter [serve]`: runs the daemon until SIGTERM or SIGINT. */
export function serveCommand(program: Command): void {
  const run = async (): Promise<void> => {
    const flags = program.opts<ServeFlags>()
    const { createLog, silentLog } = await import('../platform/log.ts')
    const log = flags.once ? silentLog : createLog({ level: flags['log.level'], format: flags['log.format'] })
    const app = await buildApp(flags, log)
    await (flags.once ? printOnce(app) : serve(app, log))
    if (app.hasStuckThread()) leave()
  }
  program.action(async () => {
    const [name] = program.args
    if (name !== undefined) program.error(`error: ${unknownCommand(name, program)}`)
    await run()
  })
  program.command('serve').description('run the daemon (the default)').action(run)
}

function unknownCommand(name: string, { commands }: Command): string {
  const meant = nearest(
    name,
    commands.map((command) => command.name()),
  )
  return `unknown command '${name}'${meant === undefined ? '; see agent-exporter --help' : `, did you mean ${meant}?`}`
}

/** The daemon is loaded here and nowhere before: every other command begins ten times as fast without it. */
async function buildApp(flags: ServeFlags, log: Log): Promise<App> {
  const { createApp } = await import('../app.ts')
  const { createConfigHolder } = await import('../config/holder.ts')
  const { loadConfig } = await import('../config/load.ts')
  const env =
    flags['store.url'] === undefined
      ? process.env
      : { ...process.env, AGENT_EXPORTER__STORE__URL: flags['store.url'] }
  const load = () => loadConfig(flags['config.file'], env)
  return createApp({
    config: createConfigHolder(load(), load, systemClock.now),
    clock: systemClock,
    log,
    dataDir: dataDirFrom(flags['data.dir']),
    listenAddresses: flags['web.listenAddress'],
    webConfigFile: flags['web.config.file'],
    maxRequests: flags['web.maxRequests'],
    procRoot: flags['path.procfs'],
    cgroupRoot: flags['path.cgroupfs'],
    processReader: flags['collector.process.reader'],
    disabledCollectors: disabledCollectors(flags),
  })
}

async function printOnce(app: App): Promise<void> {
  process.stdout.write(await app.once())
}

async function serve(app: App, log: Log): Promise<void> {
  const stopped = new Promise<string>((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'))
    process.once('SIGINT', () => resolve('SIGINT'))
  })
  // Without a handler SIGUSR1 opens Node's inspector to anyone of our uid.
  process.on('SIGUSR1', () => {})
  process.on('SIGHUP', () => reload(app))
  engageOnSignal({ engage: app.engageKillSwitch }, log)
  await app.start()
  process.stdout.write(greeting(app.summary(), ownTerminal()))
  await stopped
  // A second signal ends at once: whoever sends it has waited long enough.
  process.once('SIGTERM', () => process.exit(EXIT.failure))
  process.once('SIGINT', () => process.exit(EXIT.failure))
  await app.stop()
}

/** The reload has logged what is wrong; the old configuration stays in force. */
function reload(app: App): void {
  try {
    app.reload()
  } catch {}
}
