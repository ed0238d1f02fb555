import type { Command } from 'commander'
import { type ClientOptions, clientOptions, DEFAULT_URL, sendOk } from './client.ts'
import { dataDirFrom } from './data-dir.ts'
import { CliError, EXIT } from './exit.ts'
import { signInLink } from './sign-in-link.ts'

interface UiFlags extends ClientOptions {
  readonly open?: true
}

/** `agent-exporter ui`: prints a link to the control page; nothing but the link goes to standard output. */
export function uiCommand(program: Command): void {
  program
    .command('ui')
    .description('print a link that opens the control page once, within a minute')
    .option('--open', 'also open it in the browser of this desktop')
    .option('--url <url>', 'address of the daemon')
    .action(async (flags: UiFlags) => {
      const options = clientOptions(program, flags)
      const answer = await sendOk({ method: 'POST', path: '/api/v1/ui/links', body: {} }, options)
      const { url } = answer as { readonly url?: unknown }
      const asked = flags.url ?? process.env['AGENT_EXPORTER_URL'] ?? DEFAULT_URL
      const link = typeof url === 'string' ? signInLink(url, asked) : undefined
      if (link === undefined) throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
      console.log(link)
      process.stderr.write(
        'This link signs one browser in to the control page, once, within a minute. Give it to nobody.\n',
      )
      if (!flags.open) return
      const { openLink } = await import('./open-link.ts')
      const problem = await openLink(link, dataDirFrom(options.dataDir))
      if (problem !== undefined) process.stderr.write(`${problem} Open the link yourself.\n`)
    })
}
