import { homedir } from 'node:os'
import { type App, createApp } from './app.ts'
import { createConfigHolder } from './config/holder.ts'
import { loadConfig, parseConfig } from './config/load.ts'
import { systemClock } from './platform/clock.ts'
import { silentLog } from './platform/log.ts'
import { resolveDataDir } from './platform/store/data-dir.ts'
import { DEFAULT_LISTEN_ADDRESS, type Settings } from './settings.ts'

/** What a program that embeds the exporter may choose; everything has the daemon's own default. */
export interface ExporterOptions extends Partial<Omit<Settings, 'config'>> {
  /** YAML text of a configuration. Without it the file the daemon would read is read. */
  readonly config?: string
}

/**
 * The exporter as a library: the same daemon as `agent-exporter serve`, started and stopped by the caller.
 * @throws ConfigError when the configuration is wrong, naming every issue
 * @example
 * const exporter = createExporter({ listenAddresses: ['127.0.0.1:0'] })
 * await exporter.start()
 */
export function createExporter(options: ExporterOptions = {}): App {
  return createApp(settingsFrom(options))
}

/** Fills in the defaults of the command line. */
function settingsFrom({ config, ...chosen }: ExporterOptions): Settings {
  const load = () =>
    config === undefined
      ? loadConfig(undefined, process.env)
      : { config: parseConfig('config', config, process.env), file: undefined }
  const clock = chosen.clock ?? systemClock
  return {
    config: createConfigHolder(load(), load, clock.now),
    clock,
    log: silentLog,
    dataDir: resolveDataDir({
      flag: chosen.dataDir,
      env: process.env,
      uid: process.geteuid?.(),
      home: homedir(),
    }),
    listenAddresses: [DEFAULT_LISTEN_ADDRESS],
    webConfigFile: undefined,
    maxRequests: 40,
    procRoot: '/proc',
    cgroupRoot: '/sys/fs/cgroup',
    processReader: 'auto',
    disabledCollectors: [],
    ...chosen,
  }
}
