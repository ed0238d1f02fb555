import { describe, expect, it } from 'vitest'
import { CliError } from '../../../src/cli/exit.ts'
import { fullId, shortIds } from '../../../src/cli/short-id.ts'

const items = (...ids: string[]) => ids.map((id) => ({ id }))

describe('the beginning of an id', () => {
  it('is as long as it takes to tell it from the others', () => {
    expect(shortIds(items('aaaaaaaa-1', 'bbbbbbbb-1'))('aaaaaaaa-1')).toBe('aaaaaaaa')
    expect(shortIds(items('aaaaaaaa-1', 'aaaaaaaa-2'))('aaaaaaaa-1')).toBe('aaaaaaaa-1')
    expect(shortIds(items('abc', 'abc'))('abc')).toBe('abc')
    expect(shortIds(items('crash-0123456789', 'crash-1123456789'))('crash-0123456789')).toBe('crash-01234567')
    expect(shortIds([])('abc')).toBe('abc')
  })

  it('finds the whole id, and only one', () => {
    const list = items('abc-1', 'abc-2', 'abc', 'xyz')
    expect(fullId('x', list, 'crash')).toBe('xyz')
    expect(fullId('abc', list, 'crash')).toBe('abc')
    expect(() => fullId('abc-', list, 'crash')).toThrow(
      new CliError(2, '2 crashes begin with abc-: type more of it.'),
    )
    expect(() => fullId('q\u001b', list, 'alert')).toThrow(new CliError(4, 'There is no alert q\ufffd.'))
  })
})
