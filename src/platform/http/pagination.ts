import { Type } from 'typebox'
import { Problem } from '../problem.ts'

export const DEFAULT_PAGE_SIZE = 100
const MAX_PAGE_SIZE = 1_000

/** `?limit=&cursor=` of every list. Spread `PageQuery.properties` into the query schema of a list with filters. */
export const PageQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_PAGE_SIZE,
      default: DEFAULT_PAGE_SIZE,
      description: 'Items per page',
    }),
  ),
  cursor: Type.Optional(
    Type.String({ maxLength: 1024, description: 'nextCursor of the page before; has no meaning of its own' }),
  ),
})

export interface PageOf<Item> {
  readonly items: Item[]
  readonly nextCursor: string | null
}

/**
 * Sort key of an item, as compared: lists go on after the last key that was shown, so items that appear or vanish
 * between two pages neither repeat nor hide others.
 */
export type SortKey = readonly (string | number)[]

export const encodeCursor = (key: SortKey): string => Buffer.from(JSON.stringify(key)).toString('base64url')

/**
 * The sort key after which a page begins; undefined without a cursor.
 * @param length how many parts the key of this list has.
 * @throws Problem AE_INVALID for anything that `encodeCursor` did not make.
 */
export function decodeCursor(cursor: string | undefined, length: number): SortKey | undefined {
  if (cursor === undefined) return undefined
  let key: unknown
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    key = undefined
  }
  const isKey =
    Array.isArray(key) &&
    key.length === length &&
    key.every((part) => typeof part === 'string' || Number.isFinite(part))
  if (isKey) return key as SortKey
  throw new Problem('AE_INVALID', 'The cursor is not one of this list.', [
    { in: 'query', path: '/cursor', message: 'use the nextCursor of the page before' },
  ])
}

/** Makes a page of rows that were asked for with `limit + 1`: the extra one only tells that there is more. */
export function toPage<Item>(
  rows: readonly Item[],
  limit: number,
  keyOf: (item: Item) => SortKey,
): PageOf<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null }
}

/** Numbers by value, texts by code unit; numbers before texts. */
function compareKeys(a: SortKey, b: SortKey): number {
  for (const [index, left] of a.entries()) {
    const right = b[index]
    if (right === undefined || left === right) continue
    if (typeof left === typeof right) return left < right ? -1 : 1
    return typeof left === 'number' ? -1 : 1
  }
  return 0
}

/** One page of a list that is in memory, ordered by `keyOf`. Keys must be unique. */
export function pageOfList<Item>(
  list: Iterable<Item>,
  query: { readonly limit?: number; readonly cursor?: string },
  keyOf: (item: Item) => SortKey,
): PageOf<Item> {
  const limit = query.limit ?? DEFAULT_PAGE_SIZE
  const keyed = Array.from(list, (item) => ({ item, key: keyOf(item) })).sort((a, b) =>
    compareKeys(a.key, b.key),
  )
  const after = decodeCursor(query.cursor, keyed[0]?.key.length ?? 1)
  const rest = after === undefined ? keyed : keyed.filter(({ key }) => compareKeys(key, after) > 0)
  return toPage(
    rest.slice(0, limit + 1).map(({ item }) => item),
    limit,
    keyOf,
  )
}
