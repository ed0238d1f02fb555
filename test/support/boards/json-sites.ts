/** A place within JSON: the names and numbers that lead there. */
type Path = readonly (string | number)[]

/** One fault: where it is, and what becomes of the whole. */
export interface Change<T> {
  readonly operator: string
  readonly site: string
  readonly json: T
}

/** A kind of fault. `at` tells the places by their paths, written with dots. */
export type Operator =
  | {
      readonly name: string
      readonly at: RegExp
      readonly text: RegExp
      readonly becomes: (found: string) => string
    }
  | { readonly name: string; readonly at: RegExp; readonly change: 'key' | 'flag' | 'off' | 'drop' }

/** Every fault at every place, one at a time. */
export function* changesOf<T>(json: T, operators: readonly Operator[]): Generator<Change<T>> {
  for (const [path, value] of placesIn(json)) {
    const place = path.join('.')
    for (const operator of operators) {
      if (!operator.at.test(place)) continue
      for (const [found, change] of faultsOf(operator, value)) {
        yield { operator: operator.name, site: `${place} ${found}`, json: changed(json, path, change) as T }
      }
    }
  }
}

type Fault = readonly [
  found: string,
  change: (parent: Record<string, unknown> | unknown[], key: string | number) => unknown,
]

function faultsOf(operator: Operator, value: unknown): Fault[] {
  if ('text' in operator) {
    if (typeof value !== 'string') return []
    return [...value.matchAll(operator.text)].map(({ 0: found, index }) => {
      const text = `${value.slice(0, index)}${operator.becomes(found)}${value.slice(index + found.length)}`
      return [`${found} at ${index}`, (parent, key) => put(parent, key, text)]
    })
  }
  switch (operator.change) {
    case 'flag':
      return typeof value === 'boolean' ? [['', (parent, key) => put(parent, key, !value)]] : []
    case 'off':
      return value === true ? [['', (parent, key) => put(parent, key, false)]] : []
    case 'key':
      return [
        [
          '',
          (parent, key) => {
            Reflect.deleteProperty(parent, key)
            return put(parent, `${key}x`, value)
          },
        ],
      ]
    case 'drop':
      return [
        [
          '',
          (parent, key) =>
            Array.isArray(parent) ? parent.splice(Number(key), 1) : Reflect.deleteProperty(parent, key),
        ],
      ]
  }
}

function put(parent: object, key: string | number, value: unknown): unknown {
  return Object.assign(parent, { [key]: value })
}

function* placesIn(json: unknown, path: Path = []): Generator<readonly [Path, unknown]> {
  if (path.length > 0) yield [path, json]
  if (json === null || typeof json !== 'object') return
  for (const [key, value] of Object.entries(json)) yield* placesIn(value, [...path, key])
}

/** A copy with one place changed; the rest is shared. */
function changed(json: unknown, path: Path, change: Fault[1]): unknown {
  const copy = (Array.isArray(json) ? [...json] : { ...(json as object) }) as Record<string, unknown>
  const [key, ...rest] = path
  if (rest.length === 0) change(copy, key!)
  else copy[key!] = changed(copy[key!], rest, change)
  return copy
}
