/** One sample line. */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ParsedExposition {
  /** `name{label="value",…}` with the labels in order of their names → value; without labels just `name`. */
  readonly values: ReadonlyMap<string, number>
  readonly samples: readonly ParsedSample[]
  /** By the family's name as printed, in order. */
  readonly types: ReadonlyMap<string, string>
  readonly units: ReadonlyMap<string, string>
  readonly help: ReadonlyMap<string, string>
}

export type ParsedFormat = 'text' | 'openmetrics'

const META = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/gy
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/**
 * A strict reader of Prometheus text 0.0.4 and OpenMetrics 1.0, for tests only. Throws on what a format
 * forbids: duplicate series, samples outside their family, a missing `# EOF`, NUL, unknown escapes.
 */
export function parseExposition(text: string, format: ParsedFormat): ParsedExposition {
  const lines = text.split('\n')
  if (text !== '' && lines.pop() !== '') throw new Error('the last line does not end')
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no # EOF at the end')
  if (text === '') lines.pop()

  const values = new Map<string, number>()
  const samples: ParsedSample[] = []
  const meta = {
    HELP: new Map<string, string>(),
    TYPE: new Map<string, string>(),
    UNIT: new Map<string, string>(),
  }
  let family = ''
  const closed = new Set<string>()
  for (const line of lines) {
    if (line.includes('\0')) throw new Error('a NUL ends the input of Prometheus 2')
    const found = META.exec(line)
    if (found !== null) {
      const [, kind, name, rest] = found as unknown as [string, keyof typeof meta, string, string]
      if (name !== family) {
        closed.add(family)
        if (closed.has(name)) throw new Error(`${name} is interleaved with other families`)
        family = name
      }
      if (meta[kind].has(name)) throw new Error(`second ${kind} of ${name}`)
      if (kind === 'UNIT' && format === 'text') throw new Error('0.0.4 has no UNIT')
      if (kind === 'UNIT' && !name.endsWith(`_${rest}`)) throw new Error(`${rest} is no suffix of ${name}`)
      meta[kind].set(name, kind === 'HELP' ? plain(rest) : rest)
      continue
    }
    const sample = parseSample(line)
    const type = meta.TYPE.get(family) ?? ''
    const suffixes = type === 'counter' ? [format === 'text' ? '' : '_total'] : (SUFFIXES[type] ?? [])
    if (!suffixes.some((suffix) => sample.name === family + suffix)) {
      throw new Error(`${sample.name} does not belong to ${type} ${family}`)
    }
    const key = keyOf(sample)
    if (values.has(key)) throw new Error(`second sample of ${key}`)
    values.set(key, sample.value)
    samples.push(sample)
  }
  return { values, samples, types: meta.TYPE, units: meta.UNIT, help: meta.HELP }
}

function keyOf({ name, labels }: Pick<ParsedSample, 'name' | 'labels'>): string {
  const pairs = Object.keys(labels).sort()
  return pairs.length === 0
    ? name
    : `${name}{${pairs.map((l) => `${l}=${JSON.stringify(labels[l])}`).join(',')}}`
}

function parseSample(line: string): ParsedSample {
  const found = SAMPLE.exec(line)
  if (found === null) throw new Error(`not a sample: ${JSON.stringify(line)}`)
  const [, name, labelText = '', value] = found as unknown as [string, string, string | undefined, string]
  const labels: Record<string, string> = {}
  let end = 0
  for (const [whole, label, text] of labelText.matchAll(LABEL)) {
    if (Object.hasOwn(labels, label!)) throw new Error(`label ${label} twice in ${line}`)
    labels[label!] = plain(text!)
    end += whole.length
  }
  if (end !== labelText.length) throw new Error(`labels do not parse: ${JSON.stringify(line)}`)
  return { name, labels, value: parseValue(value) }
}

function parseValue(text: string): number {
  if (text === 'NaN') return Number.NaN
  if (/^[+-]Inf$/.test(text)) return text === '+Inf' ? Infinity : -Infinity
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) throw new Error(`not a number: ${text}`)
  return Number(text)
}

function plain(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}
