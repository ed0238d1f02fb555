/** With the most entries there may be, ten in each: what is copied for one change. */
const BUCKETS = 2_048

type Bucket<Value> = ReadonlyMap<string, Value>

/**
 * A map that is never changed. One with some values replaced shares the rest with the one it was made of, so that it
 * costs what was changed and not what there is, and what differs between the two is found at the same price. In no
 * particular order.
 */
export class SharedMap<Value> implements ReadonlyMap<string, Value> {
  readonly size: number
  readonly #buckets: readonly (Bucket<Value> | undefined)[]

  private constructor(buckets: readonly (Bucket<Value> | undefined)[], size: number) {
    this.#buckets = buckets
    this.size = size
  }

  static of<Value>(map: ReadonlyMap<string, Value>): SharedMap<Value> {
    if (map instanceof SharedMap) return map
    return new SharedMap<Value>(Array(BUCKETS).fill(undefined), 0).with(map)
  }

  /** The same with these values; undefined takes one out. */
  with(changes: ReadonlyMap<string, Value | undefined>): SharedMap<Value> {
    const buckets = [...this.#buckets]
    const own = new Map<number, Map<string, Value>>()
    let { size } = this
    for (const [key, value] of changes) {
      const at = placeOf(key)
      let bucket = own.get(at)
      if (bucket === undefined) {
        bucket = new Map(buckets[at])
        own.set(at, bucket)
        buckets[at] = bucket
      }
      size -= bucket.size
      if (value === undefined) bucket.delete(key)
      else bucket.set(key, value)
      size += bucket.size
    }
    return new SharedMap(buckets, size)
  }

  /** What is another value here than in `before`, is new, or is gone (undefined). */
  *since(before: SharedMap<Value>): Generator<readonly [string, Value | undefined]> {
    for (let at = 0; at < BUCKETS; at++) {
      const now = this.#buckets[at]
      const then = before.#buckets[at]
      if (now === then) continue
      for (const [key, value] of now ?? []) if (then?.get(key) !== value) yield [key, value]
      for (const key of then?.keys() ?? []) if (now?.has(key) !== true) yield [key, undefined]
    }
  }

  get(key: string): Value | undefined {
    return this.#buckets[placeOf(key)]?.get(key)
  }

  has(key: string): boolean {
    return this.#buckets[placeOf(key)]?.has(key) === true
  }

  forEach(tell: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this) tell(value, key, this)
  }

  *entries(): MapIterator<[string, Value]> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket
  }

  *keys(): MapIterator<string> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.keys()
  }

  *values(): MapIterator<Value> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.values()
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries()
  }
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo), over code units. Whoever chooses names so that they meet only slows a copy. */
function placeOf(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0) % BUCKETS
}
