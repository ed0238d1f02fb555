import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import '../http/scope.ts'
import { Type } from 'typebox'
import { Problem } from '../problem.ts'
import { createInk, type Ink } from './ink.ts'
import { acceptsGzip, negotiate } from './negotiate.ts'
import type { Scraper } from './scrape.ts'
import { createSlices, type Slices } from './slices.ts'
import type { Snapshot } from './snapshot.ts'
import { type Format, render } from './writer.ts'

/** Below this the headers weigh more than gzip saves. */
const GZIP_FROM_BYTES = 1024

/** Level 1 shrinks an exposition to a tenth; level 6 takes three times as long for a tenth of that. */
const GZIP = { level: 1, chunkSize: 64 * 1024 }

/** Prometheus sends it with each scrape, as its agents do; people with curl do not. */
const TIMEOUT_HEADER = 'x-prometheus-scrape-timeout-seconds'
/** Kept free of each scrape's timeout for printing and the way back; blackbox_exporter's timeout offset. */
const TIMEOUT_OFFSET_SECONDS = 0.5
const DEFAULT_TIMEOUT_SECONDS = 10
const MAX_TIMEOUT_SECONDS = 120

export interface MetricsRoutesOptions {
  readonly scraper: Scraper
  /** The one turnstile of the process; the scraper should have the same. */
  readonly slices?: Slices
  /** `--web.max-requests`: scrapes under way at the same time, 0 for no limit. */
  readonly maxRequests?: number
  /** `--web.telemetry-path` */
  readonly path?: string
  /** Told of each scrape that Prometheus, or who behaves like it, was answered. */
  readonly onScraped?: () => void
}

type Encoding = 'gzip' | 'identity'

interface Body {
  readonly body: Buffer
  readonly encoding: Encoding
}

const Names = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]))
const Query = Type.Object({ 'collect[]': Names, 'exclude[]': Names })

/**
 * `GET` and `HEAD /metrics`: scope `metrics`, negotiated format, gzip off the loop, `collect[]` and `exclude[]`.
 * Answers AE_BAD_COLLECTOR and AE_TOO_MANY_SCRAPES; a failing collector is never an error of the scrape.
 */
export function metricsRoutes(options: MetricsRoutesOptions): FastifyPluginAsyncTypebox {
  const { scraper, maxRequests = 40, path = '/metrics' } = options
  const slices = options.slices ?? createSlices()
  let underWay = 0
  let spare: Ink | undefined

  return async (app) => {
    app.route({
      method: ['GET', 'HEAD'],
      url: path,
      config: { scope: 'metrics' },
      schema: { summary: 'All metrics in Prometheus text or OpenMetrics', querystring: Query },
      async handler(request, reply) {
        if (maxRequests > 0 && underWay >= maxRequests) {
          throw new Problem('AE_TOO_MANY_SCRAPES', `${maxRequests} scrapes are under way already.`)
        }
        underWay++
        try {
          const { format, contentType } = negotiate(request.headers.accept)
          const snapshot = await scraper.scrape({
            collect: listOf(request.query['collect[]']),
            exclude: listOf(request.query['exclude[]']),
            timeoutMs: collectionTimeoutMs(request.headers[TIMEOUT_HEADER]),
          })
          const wantsGzip = acceptsGzip(encodingsOf(request.headers))
          const { body, encoding } = await print(snapshot, format, wantsGzip ? 'gzip' : 'identity')
          void reply.header('content-type', contentType).header('vary', 'Accept, Accept-Encoding')
          if (request.headers[TIMEOUT_HEADER] !== undefined) options.onScraped?.()
          if (encoding === 'gzip') void reply.header('content-encoding', encoding)
          return body
        } finally {
          underWay--
        }
      },
    })
  }

  /** One page is kept between scrapes; the body never refers to it. */
  async function print(snapshot: Snapshot, format: Format, wanted: Encoding): Promise<Body> {
    const ink = spare ?? createInk()
    spare = undefined
    ink.clear()
    await slices.drive(render(snapshot, format, ink))
    const text = ink.bytes()
    const encoding = text.length < GZIP_FROM_BYTES ? 'identity' : wanted
    const body = encoding === 'gzip' ? await promisify(gzip)(text, GZIP) : Buffer.from(text)
    spare = ink
    return { body, encoding }
  }
}

/**
 * How long the collectors may take, from the header that Prometheus sends with each scrape: half a second less,
 * but at least half of it. Anything that is not a positive number of seconds counts as not sent.
 */
export function collectionTimeoutMs(header: string | readonly string[] | undefined): number {
  const sent = typeof header === 'string' && /^\d{1,9}(\.\d{1,9})?$/.test(header) ? Number(header) : 0
  const seconds = sent > 0 ? Math.min(sent, MAX_TIMEOUT_SECONDS) : DEFAULT_TIMEOUT_SECONDS
  return Math.round(Math.max(seconds - TIMEOUT_OFFSET_SECONDS, seconds / 2) * 1000)
}

function encodingsOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const value = headers['accept-encoding']
  return typeof value === 'string' ? value : value?.join()
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}
