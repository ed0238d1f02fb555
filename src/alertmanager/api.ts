import type { ActiveAlert, AlertmanagerApi } from './model.ts'

export interface AlertmanagerApiOptions {
  /** Where Alertmanager is, with its `--web.route-prefix`; a user and a password in it are sent as basic auth. */
  readonly url: string
  /** For the whole answer. */
  readonly timeoutMs: number
  readonly fetch?: typeof globalThis.fetch
}

/** As much as a notification may be. */
const MOST_BYTES = 16 * 1024 * 1024
const MEBIBYTE = 1024 * 1024

/** RFC 3339 with as many digits as Go prints. */
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/**
 * Alertmanager's API, version 2. What is wrong in one alert makes the whole answer unusable: an alert that is passed
 * over would look like one that has resolved. Errors name neither the address nor what was answered.
 */
export function createAlertmanagerApi(options: AlertmanagerApiOptions): AlertmanagerApi {
  const { timeoutMs, fetch = globalThis.fetch } = options
  const { address, headers } = requestOf(options.url)

  async function ask(signal: AbortSignal): Promise<unknown> {
    const answer = await fetch(address, { headers, redirect: 'manual', signal })
    if (answer.status !== 200) {
      await answer.body?.cancel()
      const isElsewhere = answer.status >= 300 && answer.status < 400
      throw new ApiError(isElsewhere ? 'it sends us elsewhere' : `it answered ${answer.status}`)
    }
    const text = await readText(answer)
    try {
      return JSON.parse(text)
    } catch {
      throw new ApiError('it did not answer JSON')
    }
  }

  return {
    async active(stop) {
      const deadline = AbortSignal.timeout(timeoutMs)
      const signal = stop === undefined ? deadline : AbortSignal.any([deadline, stop])
      try {
        return readAlerts(await ask(signal))
      } catch (error) {
        if (stop?.aborted) throw new ApiError('it is asked no more')
        if (deadline.aborted) throw new ApiError(`it did not answer within ${timeoutMs} ms`)
        if (error instanceof ApiError) throw error
        throw new ApiError(reasonOf(error))
      }
    },
  }
}

class ApiError extends Error {
  override readonly name = 'AlertmanagerApiError'
  constructor(reason: string) {
    super(`Alertmanager could not be asked: ${reason}.`)
  }
}

function requestOf(text: string): { readonly address: URL; readonly headers: Record<string, string> } {
  const url = new URL(text)
  const address = new URL(url.origin)
  address.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`
  address.search = '?active=true&silenced=false&inhibited=false&unprocessed=false'
  const headers: Record<string, string> = { accept: 'application/json' }
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
  }
  return { address, headers }
}

/** Counted as it comes, unpacked: what is announced may be a lie. */
async function readText(answer: Response): Promise<string> {
  if (answer.body === null) return ''
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of answer.body) {
    bytes += part.byteLength
    if (bytes > MOST_BYTES) throw new ApiError(`it answered more than ${MOST_BYTES / MEBIBYTE} MiB`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function readAlerts(body: unknown): readonly ActiveAlert[] {
  if (!Array.isArray(body)) throw new ApiError('it did not answer a list')
  return body.flatMap((item, index) => readAlert(item, index))
}

/** None where it is silenced or inhibited after all. */
function readAlert(item: unknown, index: number): readonly ActiveAlert[] {
  const wrong = (what: string) => new ApiError(`${what} of alert ${index} is not what it should be`)
  if (!isFields(item)) throw wrong('the whole')
  const { labels, fingerprint, startsAt, status } = item
  if (!isFields(labels)) throw wrong('labels')
  const entries = Object.entries(labels)
  if (!isTexts(entries)) throw wrong('labels')
  if (typeof fingerprint !== 'string' || fingerprint === '') throw wrong('fingerprint')
  const startsAtMs = typeof startsAt === 'string' && STAMP.test(startsAt) ? Date.parse(startsAt) : Number.NaN
  if (!(startsAtMs > 0)) throw wrong('startsAt')
  const state = isFields(status) ? status['state'] : undefined
  if (typeof state !== 'string') throw wrong('status')
  return state === 'active' ? [{ labels: new Map(entries), fingerprint, startsAtMs }] : []
}

function isTexts(entries: [string, unknown][]): entries is [string, string][] {
  return entries.every(([, value]) => typeof value === 'string')
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Of `fetch`, which says "fetch failed" and hides the reason in its cause; its messages may hold the address. */
function reasonOf(error: unknown): string {
  const { code } = ((error as Error | undefined)?.cause ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z_]+$/.test(code)
    ? `the connection failed (${code})`
    : 'the connection failed'
}
