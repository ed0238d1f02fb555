import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGlob, compilePattern } from '../../../src/alertmanager/pattern.ts'
import { LONGEST_PATTERN, PatternError } from '../../../src/alertmanager/pattern-syntax.ts'

const matches = (pattern: string, text: string) => compilePattern(pattern).matches(text)

describe('patterns', () => {
  it.each([
    ['team-a-.*', 'team-a-7', true],
    ['team-a-.*', 'my-team-a-7', false],
    ['a|bc', 'bc', true],
    ['a|bc', 'abc', false],
    ['', '', true],
    ['', 'a', false],
    ['.*', '', true],
    ['.+', '', false],
    ['a{2,3}', 'aa', true],
    ['a{2,3}', 'aaaa', false],
    ['a{2}', 'aa', true],
    ['a{2,}', 'aaaaa', true],
    ['a{,2}', 'a{,2}', true],
    ['[a-c_]+', 'abc_', true],
    ['[^a-c]', 'b', false],
    ['[]a]+', ']a', true],
    ['[a-]+', 'a-', true],
    ['[\\d.]+', '10.1', true],
    ['\\d+\\.\\w\\s', '10.x ', true],
    ['(?i)TEAM-\\x41', 'team-a', true],
    ['(?i:A)b', 'aB', false],
    ['(?:a(?i)b|c)d', 'aBd', true],
    ['(?:a(?i)b|c)d', 'aBD', false],
    ['(?P<name>x)+?y', 'xxy', true],
    ['^a$', 'a', true],
    ['a^b', 'ab', false],
    ['(^|x)a($|y)', 'xay', true],
    ['$^', '', true],
    ['\\Aa\\z', 'a', true],
    ['a.b', 'a\nb', false],
    ['(?s)a.b', 'a\nb', true],
    ['[^a]', '\n', true],
    ['.', '😀', true],
    ['[😀-😂]', '😁', true],
    ['größe', 'größe', true],
  ])('%s against %j is %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected)
  })

  it.each([
    ...['(', ')', 'a)', '(a', '[', '[a', '[]', 'a**', '*a', 'a|*', '{2}', 'a{3,2}', 'a{1001}', '\\', '\\1'],
    ...['(?=a)', '(?!a)', '(?<=a)b', '(?)', '\\bfoo', '\\pL', '[[:alpha:]]', '[z-a]', '[a-\\d]', '\\xZZ'],
    ...['(((x{99}){99}){99}){99}', '((((){1000}){1000}){1000}){1000}', 'a'.repeat(LONGEST_PATTERN + 1)],
  ])('refuses %s', (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(PatternError)
  })

  it('looks at every character once, whatever the pattern: these would take the age of the universe', () => {
    const text = `${'a'.repeat(20_000)}!`
    for (const pattern of ['(a*)*b', '(a|a)*b', '(a|aa)+b', '(.*a){25}b', '((a+)+)+b', '(a?){50}a{50}b']) {
      expect(matches(pattern, text)).toBe(false)
    }
    const varied = Array.from({ length: 20_000 }, (_, i) => String.fromCodePoint(0x100 + i)).join('')
    expect(matches('(.*x?){20}b', varied)).toBe(false)
  })

  it('agrees with the regular expressions of the language', () => {
    const leaf = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '^', '$', '\\w', '')
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `${a}${b}`),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a}|${b})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}', '*?'))
          .map(([a, q]) => `(?:${a})${q}`),
      ),
    }))
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 })
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
        const ours = compilePattern(source)
        const theirs = new RegExp(`^(?:${source})$`, 'u')
        for (const one of texts) expect([one, ours.matches(one)]).toEqual([one, theirs.test(one)])
      }),
      { numRuns: 500 },
    )
  })

  it('answers the same before and after it has forgotten what it knew', () => {
    const pattern = compilePattern('(?:.*x.{3})?')
    const texts = Array.from({ length: 300 }, (_, i) =>
      String.fromCodePoint(...Array.from({ length: 60 }, (_, j) => 0x100 + i * 60 + j)),
    )
    for (const text of texts) {
      expect(pattern.matches(`${text}xabc`)).toBe(true)
      expect(pattern.matches(`${text}xab`)).toBe(false)
    }
  })
})

describe('globs', () => {
  it('know only * and ?', () => {
    expect(compileGlob('host-?:9464').matches('host-1:9464')).toBe(true)
    expect(compileGlob('*.example.org:*').matches('a.b.example.org:9464')).toBe(true)
    expect(compileGlob('*.example.org').matches('a-example.org')).toBe(false)
    expect(compileGlob('[ab](c)+^$|\\').matches('[ab](c)+^$|\\')).toBe(true)
    expect(compileGlob('größe').source).toBe('größe')
  })
})
