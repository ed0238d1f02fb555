import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { actionsCommand } from './actions.ts'
import { agentsCommand } from './agents.ts'
import { alertsCommand } from './alerts.ts'
import { checkConfigCommand } from './check-config.ts'
import { completionCommand } from './completion.ts'
import { controlCommands } from './control.ts'
import { crashesCommand } from './crashes.ts'
import { dashboardsCommand } from './dashboards.ts'
import { deliverableCommand } from './deliverable.ts'
import { doctorCommand } from './doctor.ts'
import { engineProxyCommand } from './engine-proxy.ts'
import { EXIT } from './exit.ts'
import { failureOf } from './failure.ts'
import { serveFlags } from './flags.ts'
import { healthCommand } from './health.ts'
import { healthcheckCommand } from './healthcheck.ts'
import { killSwitchCommand } from './kill-switch.ts'
import { metricsCommand } from './metrics.ts'
import { profileCommand } from './profile.ts'
import { replayCommand } from './replay.ts'
import { rulesCommand } from './rules.ts'
import { runCommand } from './run.ts'
import { serveCommand } from './serve.ts'
import { helpWidth } from './terminal.ts'
import { topCommand } from './top.ts'
import { uiCommand } from './ui.ts'
import { linesText } from './width.ts'

/** Descriptions stay beside the longest flag of the daemon on 80 columns. */
const LEAST_DESCRIPTION = 20

/** Entry of the binary; `argv` without the interpreter and the script. Returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = createProgram()
  try {
    await program.parseAsync(argv, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const { exitCode, text } = failureOf(error)
    process.stderr.write(`${linesText(text)}\n`)
    return exitCode
  }
}

/** The whole command line; also read by shell completion and its tests. */
export function createProgram(): Command {
  const program = new Command('agent-exporter')
    .description('Finds AI agents on this host, measures them and exposes them to Prometheus.')
    .version(`agent-exporter ${VERSION}`, '--version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ minWidthToWrap: LEAST_DESCRIPTION })
    .configureOutput({
      getOutHelpWidth: helpWidth,
      getErrHelpWidth: helpWidth,
      // What is wrong is told in the words that were given, and those may be anybody's.
      writeErr: (text) => void process.stderr.write(linesText(text)),
    })
  serveFlags(program)
  serveCommand(program)
  agentsCommand(program)
  metricsCommand(program)
  healthCommand(program)
  crashesCommand(program)
  alertsCommand(program)
  topCommand(program)
  uiCommand(program)
  controlCommands(program)
  killSwitchCommand(program)
  actionsCommand(program)
  deliverableCommand(program)
  doctorCommand(program)
  checkConfigCommand(program)
  healthcheckCommand(program)
  engineProxyCommand(program)
  runCommand(program)
  profileCommand(program)
  replayCommand(program)
  rulesCommand(program)
  dashboardsCommand(program)
  completionCommand(program)
  // Last, or every command above would take them too. The daemon says itself which of them is no command.
  return program.allowExcessArguments()
}
