import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMatcher, MatcherError, OPERATORS, parseMatchers } from '../../../src/alertmanager/matchers.ts'

const read = (text: string) => parseMatchers(text).map(({ name, operator, value }) => [name, operator, value])
const fits = (text: string, labels: Record<string, string>) =>
  parseMatchers(text).every((matcher) => matcher.matches(new Map(Object.entries(labels))))

describe('matchers', () => {
  it('are read as Alertmanager writes them', () => {
    expect(read('agent=~"team-a-.*"')).toEqual([['agent', '=~', 'team-a-.*']])
    expect(read('{ a = b , c!="d,e", }')).toEqual([
      ['a', '=', 'b'],
      ['c', '!=', 'd,e'],
    ])
    expect(read('a=b,c!~d')).toEqual([
      ['a', '=', 'b'],
      ['c', '!~', 'd'],
    ])
    expect(read('"größe in m"="{1}",größe="x"')).toEqual([
      ['größe in m', '=', '{1}'],
      ['größe', '=', 'x'],
    ])
    expect(read('a=""')).toEqual([['a', '=', '']])
    expect(read('a="say \\"hi\\"\\n\\\\ \\d"')).toEqual([['a', '=', 'say "hi"\n\\ \\d']])
  })

  it.each([
    '',
    '{}',
    'a',
    'a=',
    '=b',
    'a=b c',
    'a="b',
    '{a="b"',
    'a="b"}',
    'a=b,,c=d',
    'a==b',
    'a=~[a-z]{2}',
    '""="b"',
    'a=~"("',
    'a=~"(?=x)"',
  ])('refuses %s', (text) => {
    expect(() => parseMatchers(text)).toThrow(MatcherError)
  })

  it('takes a label that is not there for an empty one', () => {
    expect(fits('team=""', {})).toBe(true)
    expect(fits('team!="a"', {})).toBe(true)
    expect(fits('team=~".+"', {})).toBe(false)
    expect(fits('team!~".+"', {})).toBe(true)
    expect(fits('constructor="x"', {})).toBe(false)
  })

  it('compares the whole value', () => {
    expect(fits('agent=~"a.c"', { agent: 'abc' })).toBe(true)
    expect(fits('agent=~"a.c"', { agent: 'xabc' })).toBe(false)
    expect(fits('agent!~"a|b", agent!="c"', { agent: 'ab' })).toBe(true)
  })

  it('reads back whatever is quoted', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    const quote = (value: string) => `"${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.constantFrom('=', '!='), text), { minLength: 1 }), (list) => {
        const written = list.map(([n, op, v]) => `${quote(n)}${op}${quote(v)}`).join(', ')
        expect(read(`{${written}}`)).toEqual(list)
      }),
    )
  })

  it('never fails in another way than its own', () => {
    const any = fc.string({ unit: fc.constantFrom(...'ab{}!=~,\\"\'` \n(*['), maxLength: 20 })
    fc.assert(
      fc.property(any, (text) => {
        try {
          parseMatchers(text)
        } catch (error) {
          expect(error).toBeInstanceOf(MatcherError)
        }
      }),
    )
  })

  it('of opposite operators never agree', () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 })
    fc.assert(
      fc.property(value, value, (wanted, is) => {
        const [equal, unequal, like, unlike] = OPERATORS.map((operator) =>
          createMatcher('x', operator, wanted).matches(new Map([['x', is]])),
        )
        expect([unequal, unlike]).toEqual([!equal, !like])
        expect(like).toBe(equal)
      }),
    )
  })
})
