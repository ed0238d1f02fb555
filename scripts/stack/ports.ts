import { once } from 'node:events'
import { createServer } from 'node:net'
import type { PartName } from './options.ts'

export const HOST = '127.0.0.1'

/** Long enough for an exporter in the middle of a scrape of a large fleet. */
const ANSWER_MS = 3_000

/** Why nobody can listen there; undefined when the port is free. */
export async function whyTaken(port: number): Promise<'EADDRINUSE' | 'EACCES' | string | undefined> {
  const server = createServer()
  try {
    server.listen(port, HOST)
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** Whether what answers there is an agent-exporter: nobody else has this family. */
export async function isExporter(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://${HOST}:${port}/metrics?collect[]=self`, {
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    return (await answer.text()).includes('\nagent_exporter_build_info{')
  } catch {
    return false
  }
}

/** The sentence about a port that is not to be had. */
export function takenText(part: PartName, port: number, why: string): string {
  const another = `Give another with --${part}-port`
  if (why === 'EACCES') return `Port ${port} may not be opened by this user. ${another}.`
  if (why !== 'EADDRINUSE') return `Port ${port} for ${part} cannot be opened (${why}). ${another}.`
  const who = part === 'exporter' ? ', and what answers there is no agent-exporter' : ''
  const service = SERVICES[part]
  const stop =
    service === undefined ? '' : `, or stop the one that came with the package (systemctl stop ${service})`
  return `Port ${port} for ${part} is taken${who}. ${another}${stop}.`
}

const SERVICES: Readonly<Partial<Record<PartName, string>>> = {
  prometheus: 'prometheus',
  alertmanager: 'prometheus-alertmanager',
  grafana: 'grafana-server',
}
