import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: TlsFiles | undefined }

export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface EndpointOptions {
  /** A socket named by the configuration; wins over everything else. */
  readonly socketPath?: string
  /** `DOCKER_HOST`, `DOCKER_CERT_PATH`, `DOCKER_TLS_VERIFY`, `XDG_RUNTIME_DIR` of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly exists?: (path: string) => boolean
}

const PLAIN_PORT = 2375
const TLS_PORT = 2376

/**
 * Finds the engine as the docker command does: the given socket, else `DOCKER_HOST`, else the usual sockets
 * (system, rootless, Docker Desktop). A text says why there is none.
 */
export function findEndpoint(
  options: EndpointOptions,
): Endpoint | { readonly absent: string } | { readonly bad: string } {
  const environment = options.environment ?? process.env
  const exists = options.exists ?? existsSync
  if (options.socketPath !== undefined) return socketAt(options.socketPath, exists)
  const host = environment['DOCKER_HOST']
  if (host !== undefined && host !== '') return fromDockerHost(host, environment, exists)
  const usual = [
    '/var/run/docker.sock',
    ...(environment['XDG_RUNTIME_DIR'] ? [join(environment['XDG_RUNTIME_DIR'], 'docker.sock')] : []),
    join(homedir(), '.docker/run/docker.sock'),
  ]
  const path = usual.find(exists)
  return path === undefined ? { absent: `none of ${usual.join(', ')} exists` } : { kind: 'socket', path }
}

function fromDockerHost(
  host: string,
  environment: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): ReturnType<typeof findEndpoint> {
  if (host.startsWith('unix://')) return socketAt(host.slice('unix://'.length), exists)
  let url: URL
  try {
    url = new URL(host.replace(/^tcp:/, 'http:'))
  } catch {
    return { bad: 'DOCKER_HOST is not an address' }
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { bad: `DOCKER_HOST with ${url.protocol}// is not supported, use unix:// or tcp://` }
  }
  const verify = environment['DOCKER_TLS_VERIFY']
  const secure = url.protocol === 'https:' || (verify !== undefined && verify !== '')
  const certificates = environment['DOCKER_CERT_PATH'] || join(homedir(), '.docker')
  const tls = secure
    ? {
        ca: join(certificates, 'ca.pem'),
        cert: join(certificates, 'cert.pem'),
        key: join(certificates, 'key.pem'),
      }
    : undefined
  const port = url.port === '' ? (secure ? TLS_PORT : PLAIN_PORT) : Number(url.port)
  return { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port, tls }
}

function socketAt(path: string, exists: (path: string) => boolean): ReturnType<typeof findEndpoint> {
  return exists(path) ? { kind: 'socket', path } : { absent: `${path} does not exist` }
}

export function describeEndpoint(endpoint: Endpoint): string {
  return endpoint.kind === 'socket' ? endpoint.path : `tcp://${endpoint.host}:${endpoint.port}`
}
