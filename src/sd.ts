import { hostname } from 'node:os'
import type { TargetGroup } from './platform/http/routes.ts'

const WILDCARDS = new Set(['0.0.0.0', '[::]'])

/** This daemon as a target for Prometheus' http_sd; a wildcard address becomes the name of the host. */
export function scrapeTargets(urls: readonly string[]): TargetGroup[] {
  return urls.flatMap((text) => {
    if (!URL.canParse(text)) return []
    const url = new URL(text)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return []
    const host = WILDCARDS.has(url.hostname) ? hostname() : url.hostname
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    return [{ targets: [`${host}:${port}`], labels: { __scheme__: url.protocol.slice(0, -1) } }]
  })
}
