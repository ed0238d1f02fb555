import type { Command } from 'commander'
import type { Reach, ReachState } from '../platform/reach/model.ts'
import { probeReach } from '../platform/reach/probe.ts'
import { toSafeJson } from '../platform/text.ts'
import { dataDirFrom } from './data-dir.ts'
import type { ServeFlags } from './flags.ts'
import { renderRow } from './table.ts'
import { ownTerminal, type Style, type Terminal } from './terminal.ts'
import { cellText, displayWidth, wrapText } from './width.ts'

const STYLES: Readonly<Record<ReachState, Style>> = { ok: 'green', limited: 'yellow', missing: 'red' }
/** A narrower column has one word a line. */
const LEAST_DETAIL = 20

/** `agent-exporter doctor`: what this daemon would reach here, and what each missing piece costs. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('say what can be reached on this machine and what each missing piece costs')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const flags = program.opts<ServeFlags>()
      const reach = await probeReach({
        procRoot: flags['path.procfs'],
        cgroupRoot: flags['path.cgroupfs'],
        dataDir: dataDirFrom(flags['data.dir']),
        environment: process.env,
      })
      if (options.json) {
        console.log(toSafeJson(reach, 2))
        return
      }
      console.log(renderReach(reach, ownTerminal()))
    })
}

/** Nothing of what a missing piece costs is cut: it goes on below. */
export function renderReach(reach: readonly Reach[], terminal: Terminal): string {
  const names = Math.max('WHAT'.length, ...reach.map(({ name }) => displayWidth(name)))
  const states = Math.max('STATE'.length, ...reach.map(({ state }) => state.length))
  const { columns = Number.POSITIVE_INFINITY } = terminal
  const room = Math.max(LEAST_DETAIL, columns - names - states - 4)
  const widths = [names, states, room]
  const lines = reach.flatMap(({ name, state, detail, cost }) => {
    const text = cellText(state === 'ok' ? detail : `${detail}; ${cost}`, 1_024)
    return wrapText(text, room).map((part, i) =>
      renderRow(
        i === 0 ? [name, { text: state, style: STYLES[state] }, part] : ['', '', part],
        widths,
        terminal,
      ),
    )
  })
  return [renderRow(['WHAT', 'STATE', 'DETAIL'], widths, terminal), ...lines].join('\n')
}
