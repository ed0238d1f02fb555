import type { RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ProblemCode } from '../problem.ts'
import { isClientAllowed } from './client-certificate.ts'
import { createClientErrorHandler } from './client-error.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'
import { createServer } from './node-http.ts'
import type { WebConfigSource } from './web-config-watch.ts'

/** Limits of one connection, in milliseconds where they are times. */
export interface ConnectionLimits {
  /** For the whole header, so that nobody holds a connection by dripping it. */
  readonly headersTimeout: number
  /** For header and body. 16 MiB from Alertmanager over a slow line fit. */
  readonly requestTimeout: number
  /** Longer than the usual scrape interval of a minute, so that Prometheus keeps its connection. */
  readonly keepAliveTimeout: number
  /** How often the two first are looked at. */
  readonly checkInterval: number
  /** Per listening socket; above it new connections are dropped. Scrapers, CLIs and streams are tens. */
  readonly maxConnections: number
}

export const DEFAULT_LIMITS: ConnectionLimits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 75_000,
  checkInterval: 2_000,
  maxConnections: 1_000,
}

/** One listening socket and its connections. */
export interface Listener {
  /** Starts listening; resolves with the URL. Rejects with one clear sentence. */
  open(): Promise<string>
  /** Stops accepting and closes connections that wait for a next request. */
  stopAccepting(): void
  /** Closes every connection and resolves when the socket is closed. */
  close(): Promise<void>
}

interface ListenerOptions {
  readonly address: ListenAddress
  readonly handler: RequestListener
  readonly webConfig: WebConfigSource
  readonly limits: ConnectionLimits
  readonly onProblem: (code: ProblemCode) => void
}

/** An address that cannot be listened on; the message is one sentence. */
class ListenError extends Error {
  override readonly name = 'ListenError'
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'this name cannot be resolved',
}

function urlOf(server: Server, scheme: string): string {
  const bound = server.address()
  if (bound === null) return ''
  if (typeof bound === 'string') return `unix:${bound}`
  return `${scheme}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

function createNodeServer({ handler, webConfig, limits }: ListenerOptions): Server {
  const common = {
    // A missing Host header is answered by us, as a problem.
    requireHostHeader: false,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkInterval,
    noDelay: true,
  }
  const tls = webConfig.current().tls
  if (tls === undefined) return createServer(common, handler)
  const server = createTlsServer(
    {
      ...common,
      ...tls.context,
      requestCert: tls.clientAuth !== 'NoClientCert',
      rejectUnauthorized: tls.clientAuth === 'RequireAndVerifyClientCert',
    },
    handler,
  )
  // Before Node's own listener, which would start to read requests.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const settings = webConfig.current().tls ?? tls
    if (!isClientAllowed(socket, settings)) socket.destroy()
  })
  webConfig.onChange(({ tls: renewed }) => {
    if (renewed !== undefined) server.setSecureContext(renewed.context)
  })
  return server
}

/** A plain or TLS server on one address. TLS or not is decided here; a renewed certificate needs no restart. */
export function createListener(options: ListenerOptions): Listener {
  const { address, handler, limits, onProblem, webConfig } = options
  const scheme = webConfig.current().tls === undefined ? 'http' : 'https'
  const server = createNodeServer(options)
  server.maxConnections = limits.maxConnections

  const answering = new WeakMap<Socket, ServerResponse>()
  server.prependListener('request', (request, response) => void answering.set(request.socket, response))
  // `Expect: 100-continue` is answered when the body is wanted, not before the request was looked at.
  server.on('checkContinue', (request, response: ServerResponse) => {
    answering.set(request.socket, response)
    handler(request, response as Parameters<RequestListener>[1])
  })
  server.on(
    'clientError',
    createClientErrorHandler(onProblem, (socket) => answering.get(socket)),
  )

  return {
    open() {
      return new Promise((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => {
          const reason = REASONS[error.code ?? ''] ?? error.message
          reject(
            new ListenError(`Cannot listen on ${formatListenAddress(address)}: ${reason}.`, { cause: error }),
          )
        })
        server.once('listening', () => {
          server.removeAllListeners('error')
          resolve(urlOf(server, scheme))
        })
        if (address.kind === 'tcp') server.listen({ port: address.port, host: address.host })
        else if (address.kind === 'unix') server.listen({ path: address.path })
        else server.listen({ fd: address.fd })
      })
    },
    stopAccepting() {
      if (server.listening) server.close()
      server.closeIdleConnections()
    },
    close() {
      return new Promise((resolve) => {
        if (server.listening) server.close(() => resolve())
        else resolve()
        server.closeAllConnections()
      })
    },
  }
}
