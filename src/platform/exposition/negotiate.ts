import type { Format } from './writer.ts'

export interface Negotiated {
  readonly format: Format
  readonly contentType: string
}

const TEXT: Negotiated = { format: 'text', contentType: 'text/plain; version=0.0.4; charset=utf-8' }
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Longer headers are no scraper's: they are not parsed at all. Prometheus 3 sends about 300 characters. */
const MAX_HEADER = 4096

interface Range {
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
  readonly q: number
}

/**
 * Chooses the format for an Accept header: the highest q that we support, the earlier one when equal, 0.0.4
 * when nothing fits. Never throws and never answers 406: Prometheus 3 fails a scrape without a known content
 * type. `* / *` asks for nothing in particular and gets 0.0.4.
 *
 * `escaping` is echoed only when it was asked for, and always as `underscores`: all names are legacy names, for
 * which that is true whatever was asked.
 */
export function negotiate(accept: string | undefined): Negotiated {
  let best: Range | undefined
  let bestFormat: Format | undefined
  for (const range of parseRanges(accept)) {
    const format = formatOf(range)
    if (format === undefined || range.q === 0 || range.q <= (best?.q ?? 0)) continue
    best = range
    bestFormat = format
  }
  if (best === undefined || bestFormat !== 'openmetrics') return TEXT
  const escaping = best.parameters.has('escaping') ? '; escaping=underscores' : ''
  return { format: 'openmetrics', contentType: OPENMETRICS + escaping }
}

/** Whether gzip is at least as welcome as no encoding at all; `gzip;q=0` and `*;q=0` are refusals. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const q = new Map<string, number>()
  for (const { value, q: weight } of parseRanges(acceptEncoding)) q.set(value, weight)
  const gzip = q.get('gzip') ?? q.get('x-gzip') ?? q.get('*') ?? 0
  return gzip > 0 && gzip >= (q.get('identity') ?? 0)
}

function formatOf({ value, parameters }: Range): Format | undefined {
  const version = parameters.get('version')
  switch (value) {
    case 'application/openmetrics-text':
      return version === undefined || version === '1.0.0' ? 'openmetrics' : undefined
    case 'application/*':
      return 'openmetrics'
    case 'text/plain':
      return version === undefined || version === '0.0.4' ? 'text' : undefined
    case 'text/*':
    case '*/*':
      return 'text'
    default:
      return undefined
  }
}

/** Elements and parameters; a quoted string is taken as one piece, whatever commas it holds. */
const ELEMENT = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g
const PARAMETER = /(?:[^;"]|"(?:[^"\\]|\\.)*"?)+/g

/** RFC 9110 §12.4.2: 0 to 1 with at most three decimals. A range with another q is ignored. */
const QVALUE = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

function* parseRanges(header: string | undefined): Generator<Range> {
  if (header === undefined || header.length > MAX_HEADER) return
  for (const [element] of header.matchAll(ELEMENT)) {
    const [value, ...rest] = [...element.matchAll(PARAMETER)].map(([piece]) => piece.trim())
    const parameters = new Map<string, string>()
    for (const piece of rest) {
      const equals = piece.indexOf('=')
      if (equals > 0)
        parameters.set(piece.slice(0, equals).trim().toLowerCase(), unquote(piece.slice(equals + 1)))
    }
    const q = parameters.get('q') ?? '1'
    if (value !== undefined && QVALUE.test(q)) yield { value: value.toLowerCase(), parameters, q: Number(q) }
  }
}

function unquote(text: string): string {
  const trimmed = text.trim()
  return trimmed.startsWith('"') ? trimmed.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1') : trimmed
}
