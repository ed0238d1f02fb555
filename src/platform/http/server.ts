import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { ProblemCode } from '../problem.ts'
import { type AuthOptions, createAuth } from './auth.ts'
import { createBasicAuth } from './basic-auth.ts'
import { useJsonOnly } from './body.ts'
import { useGate } from './gate.ts'
import { createHostCheck, type HostCheckOptions } from './host-check.ts'
import { useIdempotency } from './idempotency.ts'
import { createLifecycle } from './lifecycle.ts'
import { type ListenAddress, parseListenAddress } from './listen-address.ts'
import { type ConnectionLimits, createListener, DEFAULT_LIMITS } from './listener.ts'
import { useOpenApi } from './openapi.ts'
import { createPasswordWorker } from './password-worker.ts'
import { createProblemHandler } from './problem-handler.ts'
import { setSecurityHeaders } from './security-headers.ts'
import { sessionRoutes } from './session-routes.ts'
import { createSessionBook } from './sessions.ts'
import { useStrictValidation } from './validation.ts'
import { noWebConfig, type WebConfigSource, watchWebConfig } from './web-config-watch.ts'

/** The `auth` section of the config and the control token. */
export interface AccessOptions extends AuthOptions {
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
}

export interface HttpServerOptions {
  /** `host:port`, `:port`, `[v6]:port`, `unix:/path`, or sockets handed over by systemd. */
  readonly listen: readonly (string | ListenAddress)[]
  readonly access: AccessOptions
  /** Path of a web config file in exporter-toolkit's format. */
  readonly webConfigFile?: string
  /** The base routes and every room's. Each route names its `config.scope`. */
  readonly routes: readonly FastifyPluginAsyncTypebox[]
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  /** Called for every error that is answered, with its code. */
  readonly onProblem: (code: ProblemCode) => void
  readonly limits?: Partial<ConnectionLimits>
}

export interface HttpServer {
  readonly app: FastifyInstance
  /** Opens every address or none; returns the URLs. Rejects with one sentence naming the address that failed. */
  listen(): Promise<readonly string[]>
  /** Stops accepting, lets running requests end for up to 3 s, then closes every connection. */
  close(): Promise<void>
  /** Takes a reloaded `auth` section; throws and changes nothing when it is not usable. */
  updateAccess(access: AccessOptions): void
}

const BODY_LIMIT_BYTES = 1024 * 1024
/** An agent id has up to 128 characters, each up to three as percent-encoded text. */
const MAX_PARAM_LENGTH = 400

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the server begins to stop: streams and long polls end their answers then. */
    draining: AbortSignal
  }
}

function hostOptions(access: AccessOptions, addresses: readonly ListenAddress[]): HostCheckOptions {
  const listenHosts = addresses.flatMap((address) =>
    address.kind === 'tcp' && address.host !== undefined && isIP(address.host) === 0 ? [address.host] : [],
  )
  return { allowedHosts: access.allowedHosts, allowedOrigins: access.allowedOrigins, listenHosts }
}

async function openWebConfig({ webConfigFile, clock, log }: HttpServerOptions): Promise<WebConfigSource> {
  if (webConfigFile === undefined) return noWebConfig
  const onError = (error: Error): void => log.error('web config not reloaded', { error: error.message })
  return await watchWebConfig(webConfigFile, { clock, onError })
}

/**
 * Builds the server with all routes; nothing listens yet, `app.inject` works.
 * @throws Error in one sentence for an unusable listen address, token or web config, and for a route without scope.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { access, clock, log, onProblem } = options
  const addresses = options.listen.map((one) => (typeof one === 'string' ? parseListenAddress(one) : one))
  const webConfig = await openWebConfig(options)
  const passwords = createPasswordWorker()
  const basicAuth = () => {
    const { users } = webConfig.current()
    return users.size === 0 ? undefined : createBasicAuth(users, passwords.compare)
  }
  let basic = basicAuth()
  webConfig.onChange(() => {
    basic = basicAuth()
    log.info('web config reloaded')
  })

  const sessions = createSessionBook(clock)
  const auth = createAuth(access, { basic: () => basic, sessions })
  const hostCheck = createHostCheck(hostOptions(access, addresses))
  const answerProblem = createProblemHandler(onProblem, log)
  const draining = new AbortController()

  const app = Fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT_BYTES,
    // Requests on kept connections are still answered while draining.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(reply)
      answerProblem(error, request, reply)
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.decorate('draining', draining.signal)
  app.decorateRequest('caller')
  app.decorateRequest('session')
  app.decorateRequest('tokenDigest')
  app.setErrorHandler(answerProblem)
  useJsonOnly(app)
  useStrictValidation(app)
  useGate(app, { auth, hostCheck, webConfig, draining: draining.signal })
  useIdempotency(app, clock)
  await useOpenApi(app, options.version)
  await app.register(sessionRoutes({ sessions, auth, log, onProblem }))
  for (const routes of options.routes) await app.register(routes)
  await app.ready()

  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const lifecycle = createLifecycle({
    clock,
    handler: (request, response) => app.routing(request, response),
    createListeners: (handler) =>
      addresses.map((address) => createListener({ address, handler, webConfig, limits, onProblem })),
    onDrain: () => draining.abort(),
    async onClosed() {
      webConfig.close()
      await passwords.close()
      await app.close()
    },
  })

  return {
    app: app as unknown as FastifyInstance,
    listen: lifecycle.open,
    close: lifecycle.close,
    updateAccess(next) {
      auth.update(next)
      hostCheck.update(hostOptions(next, addresses))
    },
  }
}
