import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { judgingOf } from '../judging.ts'
import { cleanText } from '../platform/text.ts'
import { createReplay } from '../replay/replay.ts'
import { rowsOf } from '../replay/trace.ts'
import { CliError, EXIT } from './exit.ts'
import type { ServeFlags } from './flags.ts'
import { createOutput, type Output } from './output.ts'
import { replayHead, replayRows, replaySummary } from './replay-view.ts'
import { sizeArgument } from './size.ts'
import { ownTerminal } from './terminal.ts'

interface ReplayFlags {
  readonly limit?: number
  readonly json?: true
}

/** `agent-exporter replay TRACE.csv`: what the daemon would have said of a recorded memory trace. */
export function replayCommand(program: Command): void {
  program
    .command('replay')
    .description('judge a recorded memory trace as the daemon would have')
    .argument(
      '<trace>',
      'CSV with time_s,rss_bytes[,heap_bytes][,limit_bytes][,incarnation]; - is standard input',
    )
    .option('--limit <size>', 'memory limit where the trace names none, such as 1GiB', sizeArgument)
    .option('--json', 'print JSON lines: every change, and every minute of the trace')
    .action(async (trace: string, flags: ReplayFlags) => {
      const output = createOutput()
      try {
        await replay(program, trace, flags, output)
      } finally {
        output.close()
      }
    })
}

async function replay(program: Command, trace: string, flags: ReplayFlags, output: Output): Promise<void> {
  const { loadConfig } = await import('../config/load.ts')
  const { config } = loadConfig(program.opts<ServeFlags>()['config.file'], process.env)
  const judged = createReplay(judgingOf(config), flags.limit)
  const terminal = ownTerminal()
  let isBegun = false
  for await (const rows of rowsOf(open(trace), trace === '-' ? 'standard input' : cleanText(trace))) {
    const lines: string[] = []
    for (const row of rows) {
      const step = judged.step(row)
      if (step === undefined) continue
      if (flags.json) lines.push(JSON.stringify(step.line))
      else if (step.why === 'change') lines.push(replayRows(step, terminal))
    }
    if (lines.length > 0 && !isBegun && !flags.json)
      lines.unshift(replayHead(rows[0]?.seconds ?? 0, terminal))
    if (lines.length === 0) continue
    isBegun = true
    await output.write(`${lines.join('\n')}\n`)
    if (!output.isRead()) return
  }
  if (!flags.json) await output.write(`\n${replaySummary(judged.summary())}\n`)
}

/** @throws CliError when there is no such file */
async function* open(trace: string): AsyncGenerator<Uint8Array> {
  try {
    yield* trace === '-' ? process.stdin : createReadStream(trace)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const name = cleanText(trace)
    if (code === 'ENOENT') throw new CliError(EXIT.notFound, `There is no file ${name}.`)
    if (code === 'EISDIR') throw new CliError(EXIT.usage, `${name} is a directory.`)
    throw error
  }
}
