import { basename, relative, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../platform/duration.ts'
import type { ProfileSummary } from '../profiling/profile.ts'
import { noteLine, say } from './note.ts'
import { formatBytes, renderTable } from './table.ts'
import { helpWidth, type Terminal, terminalOf } from './terminal.ts'
import { cellText, wrapText } from './width.ts'

interface ProfileFlags {
  readonly name?: string
  readonly outputDir: string
  readonly heapSnapshotInterval: number
  /** Commander's form of `--no-cpu` and `--no-heap`. */
  readonly cpu: boolean
  readonly heap: boolean
}

const LONGEST_NAME = 64
/** A snapshot takes seconds: more often the program would do nothing else. */
const LEAST_SNAPSHOT_MS = 1_000
/** What SIGKILL costs at most. */
const CHUNK_MS = 60_000
const LISTED_FILES = 20

/** `agent-exporter profile -- COMMAND…`: CPU and heap profiles of a command, and how its memory went. */
export function profileCommand(program: Command): void {
  program
    .command('profile')
    .description(
      'run a command and write CPU and heap profiles of its Node.js processes, and a chart of the whole tree',
    )
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--name <name>', 'what the files are called; the name of the command by default', fileName)
    .option('--output-dir <dir>', 'where the files are written', './profiles')
    .option(
      '--heap-snapshot-interval <duration>',
      'write a heap snapshot so often, 0 for never; each one stops the program while it is written',
      snapshotInterval,
      0,
    )
    .option('--no-cpu', 'no CPU profile')
    .option('--no-heap', 'no heap profile')
    .addHelpText('after', () => `\n${wrapText(HELP, helpWidth()).join('\n')}`)
    .action(async (command: string[], flags: ProfileFlags) => {
      const { leaveLike } = await import('../launch/outcome.ts')
      const { profile } = await import('../profiling/profile.ts')
      const { systemClock } = await import('../platform/clock.ts')
      const { name = nameOf(command[0]!), cpu, heap } = flags
      const stamp = new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')
      const { ended, summary } = await profile({
        command,
        environment: process.env,
        cwd: process.cwd(),
        outputDir: resolve(flags.outputDir),
        prefix: `${name}-${stamp}-${process.pid}`,
        kinds: [...(cpu ? (['cpu'] as const) : []), ...(heap ? (['heap'] as const) : [])],
        chunkMs: CHUNK_MS,
        snapshotMs: flags.heapSnapshotInterval,
        clock: systemClock,
        warn: (line) => say(noteLine(line)),
      })
      if (summary !== undefined) say(renderSummary(summary, terminalOf(process.stderr, process.env)))
      await leaveLike(ended)
    })
}

const HELP = [
  'Profiles are written when a process ends, and every minute before: SIGKILL costs the last minute at most, of a',
  'process that never returns to its event loop all of it. Open .cpuprofile, .heapprofile and .heapsnapshot in Chrome',
  'DevTools; agent-exporter replay reads the timeline. Programs other than Node.js get the timeline and its chart only.',
].join(' ')

/** For standard error: standard output belongs to the command. Names of files are whole, to be opened. */
export function renderSummary(
  { seconds, peakRssBytes, cpuSeconds, hottest, files }: ProfileSummary,
  terminal: Terminal,
): string {
  const cpu = cpuSeconds === undefined ? 'CPU not measured' : `${cpuSeconds.toFixed(1)} s CPU`
  const lines = [`\nran ${seconds.toFixed(1)} s, ${cpu}, peak memory ${formatBytes(peakRssBytes)}`]
  if (hottest.length > 0) {
    const rows = hottest.map(({ name, place, selfSeconds }) => [`${selfSeconds.toFixed(2)} s`, name, place])
    lines.push('', renderTable(['SELF', 'FUNCTION', 'WHERE'], rows, terminal))
  }
  const profiled = files.some(({ path }) => !/-timeline\.(csv|svg)$/.test(path))
  if (!profiled) lines.push('no Node.js process was profiled')
  lines.push('')
  for (const { path, bytes } of files.slice(0, LISTED_FILES)) {
    lines.push(`${cellText(shortest(path), 4_096)} (${formatBytes(bytes)})`)
  }
  if (files.length > LISTED_FILES) lines.push(`… and ${files.length - LISTED_FILES} more`)
  return `${lines.join('\n')}\n`
}

function shortest(path: string): string {
  const near = relative(process.cwd(), path)
  return near.startsWith('..') ? path : near
}

function nameOf(command: string): string {
  return (
    basename(command)
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[.-]+/, '')
      .slice(0, LONGEST_NAME) || 'command'
  )
}

function fileName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text) && text.length <= LONGEST_NAME) return text
  throw new InvalidArgumentError(`It must be letters, digits, dots and dashes, at most ${LONGEST_NAME}.`)
}

/** A bare number is milliseconds. */
function snapshotInterval(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : parseDuration(text)
  if (ms === undefined || (ms !== 0 && ms < LEAST_SNAPSHOT_MS) || ms > 86_400_000) {
    throw new InvalidArgumentError('It must be 0 or a duration from 1s to 1d.')
  }
  return ms
}
