import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderTable } from '../../../src/cli/table.ts'
import { terminalOf } from '../../../src/cli/terminal.ts'
import { cellText, displayWidth, fitText, hangText, linesText, wrapText } from '../../../src/cli/width.ts'
import { toSafeJson } from '../../../src/platform/text.ts'

describe('the width of text on a terminal', () => {
  it.each([
    ['agent', 5],
    ['größe', 5],
    ['日本語', 6],
    ['한국어', 6],
    ['ｆｕｌｌ', 8],
    ['✅ done', 7],
    ['👩‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['e\u0301', 1],
    ['…×→▁█', 5],
    ['', 0],
  ])('%s is %i cells wide', (text, width) => expect(displayWidth(text)).toBe(width))

  it('is kept to, and what is cut off is seen', () => {
    expect(fitText('budget used up', 8)).toBe('budget …')
    expect(fitText('日本語テキスト', 6)).toBe('日本…')
    expect(fitText('日本語', 6)).toBe('日本語')
    expect(fitText('x', 0)).toBe('')
  })

  it('is the same for every row, whatever agents call themselves', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 120 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text), { minLength: 1 }),
        fc.integer({ min: 20, max: 160 }),
        (rows, columns) => {
          const lines = renderTable(
            ['NAME', 'WHY', 'END'],
            rows.map(([name, why]) => [name, why, '|']),
            { columns, colours: 'off' },
          ).split('\n')
          expect(new Set(lines.slice(1).map(displayWidth)).size).toBe(1)
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })

  it('has no place for what steers a terminal, hides, or piles up', () => {
    const shown = cellText('\u001b]0;owned\u0007a\u200bb\u202egpj\n\u0000', 80)
    expect(shown).toBe('\ufffd]0;owned\ufffdab\ufffdgpj\ufffd\ufffd')
    expect(cellText(`a${'\u0300'.repeat(60)}b`, 80)).toBe('ab')
    expect(cellText('\ud83d', 80)).toBe('\ufffd')
  })
})

describe('text in lines', () => {
  it('is broken at spaces, and a longer word where the line ends', () => {
    expect(wrapText('a path /run/user/1000/docker.sock is', 12)).toEqual([
      ...['a path', '/run/user/10', '00/docker.so', 'ck is'],
    ])
    expect(hangText('→ ', '日本語 テキスト', 8)).toEqual(['→ 日本語', '  テキス', '  ト'])
    expect(hangText('  ', 'one two', 7, 4)).toEqual(['  one', '    two'])
  })

  it('loses nothing and is never wider, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.integer({ min: 2, max: 30 }),
        (any, width) => {
          const text = cellText(any, 1_024)
          const lines = wrapText(text, width)
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width)
          expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
        },
      ),
    )
  })

  it('keeps the ends of lines and nothing else that steers', () => {
    expect(linesText('one\u001b[2J\n  two\r\n')).toBe('one\ufffd[2J\n  two\ufffd\n')
  })
})

describe('what the terminal can show', () => {
  it.each([
    [{ isTTY: true, columns: 100 }, {}, { columns: 100, colours: 'on' }],
    [{ isTTY: true, columns: 100 }, { NO_COLOR: '1' }, { columns: 100, colours: 'off' }],
    [{ isTTY: true, columns: 100 }, { NO_COLOR: '' }, { columns: 100, colours: 'on' }],
    [{ isTTY: true, columns: 100 }, { TERM: 'dumb' }, { columns: 100, colours: 'off' }],
    [{ isTTY: true, columns: 0 }, {}, { columns: 80, colours: 'on' }],
    [{ isTTY: false }, {}, { columns: undefined, colours: 'off' }],
    [{ isTTY: false }, { COLUMNS: '80' }, { columns: 80, colours: 'off' }],
    [{}, { COLUMNS: 'wide' }, { columns: undefined, colours: 'off' }],
  ])('%j with %j', (stream, env, expected) => expect(terminalOf(stream, env)).toEqual(expected))
})

describe('JSON for a terminal', () => {
  it('reads back as the same value and has nothing raw that steers', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const whole = { value, text, steering: '\u009b2J\u202e\ufeff\u2028\u007f\u001b' }
        expect(JSON.parse(toSafeJson(whole, 2))).toEqual(JSON.parse(JSON.stringify(whole)))
        expect(toSafeJson(whole)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ufeff]/)
      }),
    )
  })
})
