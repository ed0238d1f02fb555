import { destination, type Logger as Pino, pino } from 'pino'
import { cleanText } from './text.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFormat = 'logfmt' | 'json'
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** What rooms see of the log: a constant message and fields. Secrets and text of agents' users never enter it. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** A log that writes one line per entry to standard error, in logfmt (as Prometheus does) or JSON. */
export function createLog(options: { readonly level: LogLevel; readonly format: LogFormat }): Log {
  const logger = options.format === 'json' ? jsonLogger(options.level) : logfmtLogger(options.level)
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      logger[level](clean(fields), message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A log that says nothing, for tests and one-shot commands. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

function jsonLogger(level: LogLevel): Pino {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ fd: 2, sync: true }),
  )
}

function logfmtLogger(level: LogLevel): Pino {
  const out = destination({ fd: 2, sync: true })
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void out.write(`${logfmt(JSON.parse(line) as Record<string, unknown>)}\n`) },
  )
}

/** `time=… level=… msg="…" key=value`, quoted where a reader would otherwise stumble. */
export function logfmt(entry: Record<string, unknown>): string {
  const { time, level, msg, ...fields } = entry
  return Object.entries({ time, level, msg, ...fields })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const text = String(value)
      return `${key}=${/^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text)}`
    })
    .join(' ')
}

function clean(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? cleanText(value) : value]),
  )
}
