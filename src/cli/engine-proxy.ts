import type { Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { cellText } from './width.ts'

interface EngineProxyFlags {
  readonly listen: string
  readonly engine: string
}

/** `agent-exporter engine-proxy`: the only one that holds the engine's socket, so that the daemon need not. */
export function engineProxyCommand(program: Command): void {
  program
    .command('engine-proxy')
    .description("stand before the Docker socket and let through what the daemon's allow-list names")
    .requiredOption('--listen <socket>', 'socket to listen on; DOCKER_HOST=unix://<socket> for the daemon')
    .option('--engine <socket>', 'socket of the engine', '/var/run/docker.sock')
    .action(async ({ listen, engine }: EngineProxyFlags) => {
      const { createAllowListProxy } = await import('../platform/docker/proxy.ts')
      const proxy = createAllowListProxy({
        enginePath: engine,
        refused: (method, target) =>
          process.stderr.write(`refused ${cellText(method, 16)} ${cellText(target, 256)}\n`),
      })
      const stopped = new Promise<void>((resolve) => {
        process.once('SIGTERM', resolve)
        process.once('SIGINT', resolve)
      })
      // Without a handler SIGUSR1 opens Node's inspector to anyone of our uid.
      process.on('SIGUSR1', () => {})
      try {
        await proxy.listen(listen)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        throw new CliError(EXIT.failure, `Cannot listen on ${listen} (${code}).`)
      }
      console.log(`listening on ${listen} for ${engine}`)
      await stopped
      await proxy.close()
    })
}
