import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { html, lines } from '../../../src/ui/markup.ts'

describe('html', () => {
  it('escapes texts in elements and in attributes, and takes its own as it is', () => {
    const name = `<b title='x'>"&`
    expect(html`<p class="${name}">${name}${html`<i>${name}</i>`}</p>`.markup).toBe(
      '<p class="&lt;b title=&#39;x&#39;&gt;&quot;&amp;">&lt;b title=&#39;x&#39;&gt;&quot;&amp;<i>&lt;b title=&#39;x&#39;&gt;&quot;&amp;</i></p>',
    )
  })

  it('shows nothing for what is not there, and 0 for 0', () => {
    expect(html`[${undefined}${null}${false}${0}${[]}${['a', html`<br>`]}]`.markup).toBe('[0a<br>]')
  })

  it('shows what would turn or hide text', () => {
    expect(html`${'a\u202eb\u0000c\u0085'}`.markup).toBe('a\ufffdb\ufffdc\ufffd')
  })

  it('lets no text out of the place where it stands', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { markup } = html`<p title="${text}">${text}</p>`
        const [, title, content] = /^<p title="([^"]*)">([^<]*)<\/p>$/s.exec(markup) ?? []
        expect(title).toBeDefined()
        expect(content).toBe(title)
        expect(content).not.toMatch(/[<>"']/)
      }),
    )
  })
})

describe('lines', () => {
  it('keeps line ends and nothing else that steers', () => {
    expect(lines('a<b\r\n\u001b[31mred\n\u2067x').markup).toBe('a&lt;b\n\ufffd[31mred\n\ufffdx')
  })
})
