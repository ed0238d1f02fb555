import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Child, eventually, freePort, startChild } from './child.ts'
import { temporaryFolder } from './folder.ts'
import { requireService } from './services.ts'

/** A real Alertmanager on a free loopback port, alone in its cluster. */
export interface Alertmanager extends AsyncDisposable {
  /** host:port */
  readonly address: string
  readonly child: Child
  stop(): Promise<void>
}

export interface AlertmanagerOptions {
  /** host:port; of one that was there before. */
  readonly address?: string
  /** Folder of its notes on what it has told; one of its own when left out. */
  readonly data?: string
  readonly args?: readonly string[]
}

/** @param config content of its configuration file */
export async function startAlertmanager(
  config: object,
  options: AlertmanagerOptions = {},
): Promise<Alertmanager> {
  const folder = temporaryFolder()
  const file = join(folder.path, 'alertmanager.yml')
  writeFileSync(file, stringify(config))
  const address = options.address ?? `127.0.0.1:${await freePort()}`
  const child = await startChild(requireService('prometheus-alertmanager'), [
    `--config.file=${file}`,
    `--storage.path=${options.data ?? join(folder.path, 'data')}`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
    ...(options.args ?? []),
  ])
  const stop = async () => {
    await child.stop()
    folder[Symbol.dispose]()
  }
  try {
    await eventually('Alertmanager is ready', async () => {
      if (child.ended) throw new Error(child.output())
      return (await fetch(`http://${address}/-/ready`)).ok || undefined
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { address, child, stop, [Symbol.asyncDispose]: stop }
}

/** What a chat that speaks Slack's incoming webhooks was told. */
export interface Chat extends AsyncDisposable {
  readonly url: string
  /** Title and text of each message, in order. */
  readonly messages: readonly { readonly channel: string; readonly title: string; readonly text: string }[]
}

interface SlackMessage {
  readonly channel: string
  readonly attachments: readonly { readonly title: string; readonly text: string }[]
}

export async function startChat(): Promise<Chat> {
  const messages: { channel: string; title: string; text: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { channel, attachments } = JSON.parse(body) as SlackMessage
    for (const { title, text } of attachments) messages.push({ channel, title, text })
    response.end('ok')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    messages,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
