import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor, pageOfList, toPage } from '../../../../src/platform/http/pagination.ts'

interface Item {
  readonly at: number
  readonly id: string
}
const keyOf = ({ at, id }: Item) => [at, id]

function readAll(list: readonly Item[], limit: number): Item[] {
  const seen: Item[] = []
  let cursor: string | null | undefined
  do {
    const page = pageOfList(list, { limit, ...(cursor == null ? {} : { cursor }) }, keyOf)
    seen.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return seen
}

describe('pages', () => {
  const items = fc.uniqueArray(
    fc.record({ at: fc.integer({ min: 0, max: 5 }), id: fc.string({ maxLength: 3 }) }),
    {
      selector: ({ at, id }) => `${at}/${id}`,
    },
  )

  it('show every item once, in order, whatever the page size', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 7 }), (list, limit) => {
        const seen = readAll(list, limit)
        expect(new Set(seen)).toEqual(new Set(list))
        expect(seen.length).toBe(list.length)
        expect(seen.every((item, index) => index === 0 || (seen[index - 1] as Item).at <= item.at)).toBe(true)
      }),
    )
  })
  it('neither repeat nor lose items when others vanish in between', () => {
    const list = [1, 2, 3, 4].map((at) => ({ at, id: 'x' }))
    const first = pageOfList(list, { limit: 2 }, keyOf)
    const second = pageOfList(list.slice(2), { limit: 2, cursor: first.nextCursor as string }, keyOf)
    expect(second.items.map(({ at }) => at)).toEqual([3, 4])
  })
  it('have no next page at the end', () => {
    expect(toPage([1, 2], 2, (n) => [n]).nextCursor).toBeNull()
    expect(toPage([1, 2, 3], 2, (n) => [n])).toEqual({ items: [1, 2], nextCursor: encodeCursor([2]) })
  })
  it('refuse a cursor that is not theirs with a coded error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(decodeCursor(text, 2)?.length).toBe(2)
        } catch (error) {
          expect(error).toMatchObject({ code: 'AE_INVALID' })
        }
      }),
    )
    expect(() => decodeCursor(encodeCursor(['a']), 2)).toThrow('not one of this list')
  })
})
