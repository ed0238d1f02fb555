import type { Command } from 'commander'
import { probeReach, type ReachState } from '../platform/reach.ts'
import { dataDirFrom } from './data-dir.ts'
import type { ServeFlags } from './flags.ts'
import { printTable } from './table.ts'

const MARKS: Record<ReachState, string> = { ok: 'ok', limited: 'limited', missing: 'missing' }

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
        console.log(JSON.stringify(reach, null, 2))
        return
      }
      const rows = reach.map(({ name, state, detail, cost }) => [
        name,
        MARKS[state],
        state === 'ok' ? detail : `${detail}; ${cost}`,
      ])
      printTable(['WHAT', 'STATE', 'DETAIL'], rows)
    })
}
