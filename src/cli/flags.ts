import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseListenAddress } from '../platform/http/listen-address.ts'
import type { LogFormat, LogLevel } from '../platform/log.ts'
import { COLLECTOR_NAMES, DEFAULT_LISTEN_ADDRESS } from '../settings.ts'

/** Flags of the daemon as commander hands them over; dots stay, dashes become camel case. */
export interface ServeFlags {
  readonly 'config.file'?: string
  readonly 'data.dir'?: string
  readonly 'web.listenAddress': readonly string[]
  readonly 'web.config.file'?: string
  readonly 'web.maxRequests': number
  readonly 'store.url'?: string
  readonly 'log.level': LogLevel
  readonly 'log.format': LogFormat
  readonly 'path.procfs': string
  readonly 'path.cgroupfs': string
  readonly 'collector.process.reader': 'proc' | 'pidusage' | 'auto'
  readonly once?: true
  readonly [collector: `collector.${string}`]: unknown
}

const DEFAULT_ADDRESSES: readonly string[] = [DEFAULT_LISTEN_ADDRESS]

/** Puts the daemon's flags on the program; names follow Prometheus. */
export function serveFlags(program: Command): void {
  program
    .option('--config.file <file>', 'configuration (YAML); never looked for in the working directory')
    .option('--data.dir <dir>', 'where the database and the control token are kept')
    .addOption(
      new Option('--web.listen-address <address>', 'address to listen on; may be given several times')
        .argParser(listenAddress)
        .default(DEFAULT_ADDRESSES, DEFAULT_LISTEN_ADDRESS),
    )
    .option('--web.config.file <file>', 'TLS and basic auth, in the format of the exporter-toolkit')
    .option('--web.max-requests <count>', 'scrapes answered at the same time', positiveInteger, 40)
    .option('--store.url <url>', 'overrides store.url of the configuration')
    .addOption(
      new Option('--log.level <level>', 'least severe level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log.format <format>', 'format of the log on standard error')
        .choices(['logfmt', 'json'])
        .default('logfmt'),
    )
    .option('--path.procfs <dir>', 'where the proc file system is mounted', '/proc')
    .option('--path.cgroupfs <dir>', 'where the cgroup file system is mounted', '/sys/fs/cgroup')
    .addOption(
      new Option('--collector.process.reader <reader>', 'how processes are read; auto is proc on Linux')
        .choices(['proc', 'pidusage', 'auto'])
        .default('auto'),
    )
    .option('--once', 'collect once, print the metrics on standard output and exit')
  for (const name of COLLECTOR_NAMES) {
    program.addOption(new Option(`--collector.${name}`, `collect ${name} metrics (the default)`).hideHelp())
    program.addOption(new Option(`--no-collector.${name}`, `do not collect ${name} metrics`))
  }
}

/** The collectors that `--no-collector.<name>` switched off. */
export function disabledCollectors(flags: ServeFlags): string[] {
  return COLLECTOR_NAMES.filter((name) => flags[`collector.${name}`] === false)
}

/** Commander hands over what earlier occurrences gave, at first the default. */
function listenAddress(text: string, earlier: readonly string[]): readonly string[] {
  try {
    parseListenAddress(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  return earlier === DEFAULT_ADDRESSES ? [text] : [...earlier, text]
}

function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}
