import { describe, expect, it } from 'vitest'
import { logfmt } from '../../../src/platform/log.ts'
import { cleanText } from '../../../src/platform/text.ts'

describe('log lines', () => {
  it('quote what a reader would stumble over', () => {
    expect(logfmt({ time: 't', level: 'info', msg: 'two words', n: 1, q: 'a"b', left: undefined })).toBe(
      'time=t level=info msg="two words" n=1 q="a\\"b"',
    )
  })
})

describe('foreign text', () => {
  it('cannot move the cursor, break a line or turn the writing round', () => {
    expect(cleanText('a\u001b[31m\nb\u202ec\u0085')).toBe('a\ufffd[31m\ufffdb\ufffdc\ufffd')
  })

  it('is cut to a length', () => expect(cleanText('x'.repeat(300))).toHaveLength(256))
})
