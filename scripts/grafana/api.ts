/** What is asked of a Grafana over its HTTP API. */
export interface GrafanaApi {
  health(): Promise<{ readonly version: string; readonly database: string }>
  datasources(): Promise<readonly Datasource[]>
  /** Grafana asks the data source itself. @throws ApiError with what is wrong */
  datasourceHealth(uid: string): Promise<void>
  /** Boards with the tag. */
  boards(tag: string): Promise<readonly FoundBoard[]>
  board(uid: string): Promise<BoardAnswer>
  query(body: QueryBody): Promise<QueryAnswer>
}

export interface Datasource {
  readonly uid: string
  readonly type: string
  readonly readOnly: boolean
  readonly jsonData: Readonly<Record<string, unknown>>
}

export interface FoundBoard {
  readonly uid: string
  readonly folderTitle?: string
}

export interface BoardAnswer {
  readonly meta: { readonly provisioned: boolean; readonly canSave?: boolean }
  readonly dashboard: { readonly title: string; readonly panels?: readonly unknown[] }
}

export interface QueryBody {
  readonly from: string
  readonly to: string
  readonly queries: readonly object[]
}

export interface QueryAnswer {
  readonly results: Readonly<
    Record<string, { readonly error?: string; readonly status?: number; readonly frames?: readonly Frame[] }>
  >
}

export interface Frame {
  readonly data?: { readonly values?: readonly (readonly unknown[])[] }
}

/** Grafana answered that it cannot. */
class ApiError extends Error {
  override readonly name = 'ApiError'
}

export interface GrafanaOptions {
  readonly url: string
  readonly user: string
  readonly password: string
}

const TIMEOUT_MS = 30_000
/** `/api/ds/query` answers 207 or 400 with results when some queries failed. */
const WITH_RESULTS: ReadonlySet<number> = new Set([200, 207, 400])

/** @see https://grafana.com/docs/grafana/latest/developers/http_api/ */
export function createGrafanaApi({ url, user, password }: GrafanaOptions): GrafanaApi {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

  async function ask(
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly json: unknown }> {
    const answer = await fetch(`${url}${path}`, {
      headers: { authorization, 'content-type': 'application/json', accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    try {
      return { status: answer.status, json: JSON.parse(text) }
    } catch {
      throw new ApiError(`${path} answered ${answer.status} without JSON`)
    }
  }

  async function get<T>(path: string): Promise<T> {
    const { status, json } = await ask(path)
    if (status !== 200) throw new ApiError(`${path} answered ${status}: ${messageOf(json)}`)
    return json as T
  }

  return {
    health: () => get('/api/health'),
    datasources: () => get('/api/datasources'),
    async datasourceHealth(uid) {
      await get(`/api/datasources/uid/${encodeURIComponent(uid)}/health`)
    },
    boards: (tag) => get(`/api/search?type=dash-db&tag=${encodeURIComponent(tag)}`),
    board: (uid) => get(`/api/dashboards/uid/${encodeURIComponent(uid)}`),
    async query(body) {
      const { status, json } = await ask('/api/ds/query', body)
      const results = (json as Partial<QueryAnswer>).results
      if (!WITH_RESULTS.has(status) || results === undefined) {
        throw new ApiError(`/api/ds/query answered ${status}: ${messageOf(json)}`)
      }
      return { results }
    },
  }
}

function messageOf(json: unknown): string {
  return String((json as { message?: unknown })?.message ?? 'no reason given')
}
