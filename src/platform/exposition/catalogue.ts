import type { Family, Unit } from './family.ts'

/** Every family the daemon may print, in the order in which they are printed. */
export interface Catalogue {
  readonly families: readonly Family[]
  /** True for a declared family and for another object with the very same declaration. */
  has(family: Family): boolean
  /** Place of the family in `families`; undefined when it was never declared. */
  indexOf(family: Family): number | undefined
}

const UNITS: readonly Unit[] = ['bytes_per_second', 'bytes', 'seconds', 'ratio', 'cores', 'usd']

/** Prometheus allows more (colons are for recording rules, capitals are not the custom): promtool warns. */
const LEGAL_NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/

/** Set by Prometheus for each target, or reserved for its own series, or too personal to be a label. */
const FORBIDDEN_LABELS = new Set([
  ...['instance', 'job', 'host', 'type', 'le', 'quantile', 'env', 'region', 'zone', 'cluster', 'service'],
  'incarnation',
])

/** Suffixes that a format gives to samples of a type; as a family's own name they would mean two things. */
const RESERVED_SUFFIXES = ['_count', '_sum', '_bucket', '_created']

/** The family's name in OpenMetrics, where a counter's `_total` belongs to the sample only. */
export function openMetricsName(family: Family): string {
  return family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name
}

/**
 * Checks all declarations at start and refuses them together: what would be an invalid or misleading scrape is
 * a failed start. The same declaration may come from two rooms that both measure it.
 * @throws Error that names every wrong declaration
 */
export function createCatalogue(families: readonly Family[]): Catalogue {
  const problems: string[] = []
  const byName = new Map<string, Family>()
  const claimed = new Map<string, string>()
  for (const family of families) {
    const known = byName.get(family.name)
    if (known !== undefined) {
      if (!sameDeclaration(known, family)) problems.push(`${family.name}: declared twice and differently`)
      continue
    }
    byName.set(family.name, family)
    problems.push(...faults(family).map((fault) => `${family.name}: ${fault}`))
    for (const name of claims(family)) {
      const owner = claimed.get(name)
      if (owner !== undefined) problems.push(`${family.name}: ${name} is already a name of ${owner}`)
      claimed.set(name, family.name)
    }
  }
  if (problems.length > 0) throw new Error(`The metric catalogue is not valid:\n  ${problems.join('\n  ')}`)

  const ordered = [...byName.values()]
  const places = new Map<Family, number>(ordered.map((family, place) => [family, place]))
  const placeOfName = new Map(ordered.map((family, place) => [family.name, place]))
  return {
    families: ordered,
    has: (family) => indexOf(family) !== undefined,
    indexOf,
  }

  function indexOf(family: Family): number | undefined {
    const place = places.get(family)
    if (place !== undefined) return place
    const twin = placeOfName.get(family.name)
    if (twin === undefined || !sameDeclaration(ordered[twin]!, family)) return undefined
    places.set(family, twin)
    return twin
  }
}

function sameDeclaration(a: Family, b: Family): boolean {
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.unit === b.unit &&
    a.help === b.help &&
    a.labels.join() === b.labels.join() &&
    a.buckets?.join() === b.buckets?.join()
  )
}

/** Every name that this family occupies in either format. */
function claims(family: Family): readonly string[] {
  if (family.type === 'gauge') return [family.name]
  if (family.type === 'counter') return [openMetricsName(family), family.name]
  return [family.name, ...['_bucket', '_sum', '_count'].map((suffix) => family.name + suffix)]
}

function faults(family: Family): string[] {
  return [...nameFaults(family), ...unitFaults(family), ...labelFaults(family), ...otherFaults(family)]
}

function* nameFaults(family: Family): Generator<string> {
  const base = openMetricsName(family)
  if (!LEGAL_NAME.test(family.name)) yield 'the name must be lower_snake_case'
  if (family.name.startsWith('scrape_')) yield 'scrape_ is the prefix of the series Prometheus adds itself'
  if (family.type === 'counter' && !family.name.endsWith('_total')) yield 'a counter must end in _total'
  if (family.type !== 'counter' && family.name.endsWith('_total')) yield 'only a counter ends in _total'
  for (const suffix of RESERVED_SUFFIXES) {
    if (base.endsWith(suffix)) yield `${suffix} is a suffix of samples, not of families`
  }
  if (base.endsWith('_info') && (family.type !== 'gauge' || family.labels.length === 0)) {
    yield '_info is for a gauge of 1 whose labels are the information'
  }
}

function* unitFaults(family: Family): Generator<string> {
  const base = openMetricsName(family)
  const spoken = UNITS.find((unit) => base.endsWith(`_${unit}`))
  if (family.unit !== undefined && !base.endsWith(`_${family.unit}`)) {
    yield `the unit ${family.unit} must be the end of the name`
  } else if (spoken !== family.unit) {
    yield `the name says ${spoken}, the declaration ${family.unit ?? 'no unit'}`
  }
}

function* labelFaults(family: Family): Generator<string> {
  if (new Set(family.labels).size !== family.labels.length) yield 'a label is named twice'
  for (const label of family.labels) {
    if (!LEGAL_NAME.test(label)) yield `label ${label} must be lower_snake_case`
    if (FORBIDDEN_LABELS.has(label)) yield `label ${label} is never used`
  }
}

function* otherFaults(family: Family): Generator<string> {
  if (family.help.trim() === '' || family.help !== family.help.trim()) yield 'help must be a sentence'
  if (/[\r\n]/.test(family.help)) yield 'help must be one line'
  const { buckets } = family
  if ((family.type === 'histogram') !== (buckets !== undefined)) yield 'a histogram, and only it, has buckets'
  if (buckets === undefined) return
  if (buckets.length === 0) yield 'a histogram needs a bucket'
  if (!buckets.every((bound, i) => Number.isFinite(bound) && bound > (buckets[i - 1] ?? -Infinity))) {
    yield 'buckets must be finite and ascend'
  }
}
