import type { Clock } from '../platform/clock.ts'
import { readRetryAfter } from './patience.ts'

/** What became of one request. `lost`: nobody knows whether the daemon took it. */
export type Answer =
  | { readonly kind: 'ok'; readonly status: number; readonly body: unknown }
  | {
      readonly kind: 'refused' | 'later'
      readonly status: number
      readonly code: string
      readonly detail: string
      readonly retryAfterMs: number | undefined
    }
  | { readonly kind: 'lost'; readonly detail: string; readonly cause: unknown }

export interface Question {
  readonly method: 'GET' | 'POST'
  /** Below `/api/v1/`. */
  readonly path: string
  /** JSON text. */
  readonly body?: string
  readonly key?: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

export interface ExchangeOptions {
  readonly url: URL
  readonly token: string | undefined
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
}

export type Exchange = (question: Question) => Promise<Answer>

/** Another attempt may succeed: too early, too many, or the first attempt with this key is still being answered. */
function isTemporary(status: number, code: string): boolean {
  return status >= 500 || status === 429 || status === 408 || code === 'AE_IDEMPOTENCY_IN_PROGRESS'
}

/** One request and its answer; never rejects. The token goes to the configured address only: no redirects. */
export function createExchange({ url, token, fetch, clock }: ExchangeOptions): Exchange {
  return async ({ method, path, body, key, timeoutMs, signal }) => {
    const abort = new AbortController()
    const timer = clock.setTimer(timeoutMs, () => abort.abort(new Error('no answer in time')))
    const onAbort = (): void => abort.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    try {
      const response = await fetch(new URL(`api/v1/${path}`, url), {
        method,
        redirect: 'error',
        signal: abort.signal,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body }),
      })
      const { status } = response
      // A status that arrived counts, also when the connection breaks in the middle of the text after it.
      const said = parse(await response.text().catch(() => ''))
      if (response.ok) return { kind: 'ok', status, body: said }
      const { code = `HTTP_${status}`, detail = response.statusText } = said as {
        code?: string
        detail?: string
      }
      const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), clock.now())
      const kind = isTemporary(status, code) ? 'later' : 'refused'
      return { kind, status, code, detail, retryAfterMs }
    } catch (cause) {
      const inner = (cause as Error).cause as NodeJS.ErrnoException | undefined
      return { kind: 'lost', detail: inner?.code ?? (cause as Error).message, cause }
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}
