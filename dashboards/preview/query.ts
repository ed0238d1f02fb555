import type { Answer } from '../model/answers.ts'

/** Times of a range query. */
export interface Range {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
}

interface Reply {
  readonly status: string
  readonly error?: string
  readonly data: Answer
}

/** @throws Error with what Prometheus says of the query */
export async function askRange(
  url: string,
  query: string,
  { startMs, endMs, stepMs }: Range,
): Promise<Answer> {
  // Grafana floors both to the step, so that a refresh shows the same points.
  const aligned = (ms: number): string => String((Math.floor(ms / stepMs) * stepMs) / 1_000)
  return ask<Answer>(`${url}/api/v1/query_range`, {
    query,
    start: aligned(startMs),
    end: aligned(endMs),
    step: String(stepMs / 1_000),
  })
}

/** @throws Error with what Prometheus says of the query */
export async function askInstant(url: string, query: string, atMs: number): Promise<Answer> {
  return ask<Answer>(`${url}/api/v1/query`, { query, time: String(atMs / 1_000) })
}

/** The values of a label among the series that a selector finds within the time. */
export async function askLabelValues(
  url: string,
  label: string,
  selector: string,
  { startMs, endMs }: Pick<Range, 'startMs' | 'endMs'>,
): Promise<readonly string[]> {
  const form = new URLSearchParams({
    'match[]': selector,
    start: String(startMs / 1_000),
    end: String(endMs / 1_000),
  })
  const response = await fetch(`${url}/api/v1/label/${label}/values?${form}`)
  return replied<readonly string[]>(await response.json(), selector)
}

async function ask<T>(address: string, form: Record<string, string>): Promise<T> {
  const response = await fetch(address, { method: 'POST', body: new URLSearchParams(form) })
  return replied<T>(await response.json(), form['query']!)
}

function replied<T>(reply: unknown, query: string): T {
  const { status, error, data } = reply as Omit<Reply, 'data'> & { readonly data: T }
  if (status !== 'success') throw new Error(`${error}: ${query}`)
  return data
}
