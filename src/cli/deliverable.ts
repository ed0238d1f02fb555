import { Argument, type Command, Option } from 'commander'
import { toSafeJson } from '../platform/text.ts'
import { DELIVERABLE_ALIASES, DELIVERABLE_TYPES } from '../usage/model.ts'
import { type ClientOptions, clientOptions, sendOk } from './client.ts'
import { cellText } from './width.ts'

interface DeliverableFlags extends ClientOptions {
  readonly description?: string
  readonly artifact: readonly string[]
  readonly json?: true
}

/** `agent-exporter deliverable AGENT TYPE`: records that an agent delivered something. */
export function deliverableCommand(program: Command): void {
  program
    .command('deliverable')
    .description('record that an agent delivered something')
    .argument('<agent>', 'id of the agent')
    .addArgument(
      new Argument('<type>', 'what it is').choices([
        ...DELIVERABLE_TYPES,
        ...Object.keys(DELIVERABLE_ALIASES),
      ]),
    )
    .option('--description <text>', 'what was delivered')
    .addOption(
      new Option('--artifact <name>', 'a commit, a file or an address; may be given several times')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--url <url>', 'address of the daemon')
    .option('--json', 'print the API answer')
    .action(async (agent: string, type: string, flags: DeliverableFlags) => {
      const { description, artifact } = flags
      const body = {
        type,
        ...(description === undefined ? {} : { description }),
        ...(artifact.length === 0 ? {} : { artifacts: artifact }),
      }
      const path = `/api/v1/agents/${encodeURIComponent(agent)}/deliverables`
      const answer = await sendOk({ method: 'POST', path, body }, clientOptions(program, flags))
      console.log(flags.json ? toSafeJson(answer, 2) : `Recorded ${type} of ${cellText(agent, 256)}.`)
    })
}

const collect = (text: string, earlier: readonly string[]): readonly string[] => [...earlier, text]
