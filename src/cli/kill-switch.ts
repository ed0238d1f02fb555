import { Argument, type Command } from 'commander'
import { toSafeJson } from '../platform/text.ts'
import { type ClientOptions, clientOptions, getOk, sendOk } from './client.ts'
import { CliError, EXIT } from './exit.ts'
import { cellText } from './width.ts'

interface KillSwitchFlags extends ClientOptions {
  readonly reason?: string
  readonly json?: true
}

interface ShownSwitch {
  readonly engaged: boolean
  readonly actor?: string
  readonly reason?: string
  readonly since?: string
}

/** `agent-exporter kill-switch on|off|status`. Without a daemon the file does the same: STOP in the data directory. */
export function killSwitchCommand(program: Command): void {
  program
    .command('kill-switch')
    .description('stop the daemon from doing anything to any agent except resuming it')
    .addArgument(new Argument('[state]', 'what to do').choices(['on', 'off', 'status']).default('status'))
    .option('--reason <text>', 'why; kept with the switch')
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (state: 'on' | 'off' | 'status', flags: KillSwitchFlags) => {
      const shown = await ask(state, flags, clientOptions(program, flags))
      if (typeof shown?.engaged !== 'boolean')
        throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
      console.log(flags.json ? toSafeJson(shown, 2) : sentence(shown))
    })
}

async function ask(
  state: 'on' | 'off' | 'status',
  { reason }: KillSwitchFlags,
  options: ClientOptions,
): Promise<ShownSwitch | undefined> {
  if (state === 'status') {
    return ((await getOk('/api/v1/control', options)) as { readonly killSwitch?: ShownSwitch }).killSwitch
  }
  const body = { engaged: state === 'on', ...(reason === undefined ? {} : { reason }) }
  return (await sendOk({ method: 'PUT', path: '/api/v1/control/kill-switch', body }, options)) as ShownSwitch
}

function sentence({ engaged, actor, reason, since }: ShownSwitch): string {
  if (!engaged) return 'The kill switch is off.'
  const by = actor === undefined ? '' : ` by ${cellText(actor, 256)}`
  const at = since === undefined ? '' : ` since ${cellText(since, 64)}`
  return `The kill switch is on${at}${by}${reason === undefined ? '' : `: ${cellText(reason, 512)}`}.`
}
