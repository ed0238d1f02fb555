import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTail, outputFacts, redact, redactedTail } from '../../../src/crashes/tail.ts'

/** As `node --max-old-space-size=40` really writes them; addresses shortened. */
const V8 = {
  'Node 20': `
<--- Last few GCs --->

[15648:0x18797ca0]      126 ms: Mark-Compact 30.8 (63.7) -> 30.7 (63.7) MB, 19.75 / 0.00 ms  (+ 1.4 ms in 4 steps since start of marking, biggest step 0.9 ms, walltime since start of marking 22 ms) (average mu = 0.4) allocation failure; scavenge might not succeed


<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xb76db1 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]`,
  'Node 22 and 24': `
<--- Last few GCs --->

[15776:0xf33d000]      112 ms: Mark-Compact 36.3 (65.6) -> 36.0 (69.9) MB, pooled: 0 MB, 18.89 / 0.00 ms  (+ 1.5 ms in 0 steps since start of marking, biggest step 0.0 ms)
FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----`,
  'Node 26': `
<--- Last few GCs --->
, [15793:0x2401e000]      257 ms: Incremental Mark-Compact (reduce) 38.3 (39.9) -> 38.3 (39.9) MB, pooled: 0.0 MB, 18.89 / 0.00 ms (+ 0.1 ms in 1 steps since start of marking)
FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----`,
  'Node 8':
    'FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - JavaScript heap out of memory\n 1: node::Abort()',
} as const

describe('what the last output says', () => {
  for (const [node, text] of Object.entries(V8)) {
    it(`is the heap limit of ${node} (E11)`, () => {
      expect(outputFacts(text).heapLimit?.text).toMatch(/Allocation failed$/)
    })
  }

  it('is how large the heap was at last', () => {
    expect(outputFacts(V8['Node 26']).heapLimit?.heapBytes).toBe(Math.round(38.3 * 1024 * 1024))
  })

  it('finds the line of V8 behind kilobytes of stack', () => {
    const tail = createTail()
    tail.push('x'.repeat(100_000))
    tail.push(`\n${V8['Node 20']}\n`)
    for (let frame = 2; frame < 80; frame++)
      tail.push(Buffer.from(` ${frame}: 0xabcdef node::Frame(int) [node]\n`))
    expect(tail.facts().heapLimit).toBeDefined()
    expect(tail.text(200).length).toBeLessThanOrEqual(200)
  })

  it.each([
    ['Traceback (most recent call last):\n  File "a.py", line 1\nMemoryError', 'MemoryError'],
    [
      "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
      'std::bad_alloc',
    ],
    ['memory allocation of 17179869184 bytes failed', 'memory allocation of 17179869184 bytes failed'],
    ['fatal error: runtime: out of memory\n\nruntime stack:', 'fatal error: runtime: out of memory'],
    ['Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', 'java.lang.OutOfMemoryError'],
    [
      'RangeError: Array buffer allocation failed\n    at new ArrayBuffer',
      'RangeError: Array buffer allocation failed',
    ],
    ['fork: Cannot allocate memory', 'Cannot allocate memory'],
    ['Out of memory!', 'Out of memory!'],
  ])('is a failed allocation: %s', (text, expected) => {
    expect(outputFacts(text).allocationFailure).toBe(expected)
  })

  it('is the class of an error and never its message', () => {
    const text = "node:internal/x\nTypeError: Cannot read 'my secret plan' of undefined\n    at f (a.js:1)\n"
    expect(outputFacts(text)).toEqual({ errorType: 'TypeError' })
  })

  it('is nothing when it is talk about memory', () => {
    expect(outputFacts('We saw "JavaScript heap out of memory" in CI; FATAL ERROR: none of ours')).toEqual({})
  })
})

describe('an output tail', () => {
  it.each([
    ['key sk-ant-REDACTED here', 'sk-ant'],
    ['OPENAI_API_KEY=abcdefgh123', 'abcdefgh123'],
    ['{"password": "hunter2 and more"}', 'hunter2'],
    ['Authorization: Bearer abc.def.ghi', 'abc.def'],
    ['postgres://me:hunter2@db/x', 'hunter2'],
    ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', '16C7e42'],
    ['AKIAIOSFODNN7EXAMPLE', 'IOSFODNN'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'eyJzdWIi'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----', 'MIIEow'],
    ['MIIEow\n-----END PRIVATE KEY-----\nrest', 'MIIEow'],
    ['d41d8cd98f00b204e9800998ecf8427e', 'd41d8cd9'],
  ])('hides %s', (text, secret) => {
    expect(redactedTail(text, 2_000)).not.toContain(secret)
    expect(redactedTail(text, 2_000)).toContain('<secret>')
  })

  it('keeps what helps', () => {
    const text = 'Error: connect ECONNREFUSED 127.0.0.1:5432\n    at TCPConnectWrap (node:net:1611:16)'
    expect(redactedTail(text, 2_000)).toBe(text)
  })

  it('shows no control characters, and lines stay lines', () => {
    expect(redactedTail('a\x1b[31mred\u202e\r\nb\tc\r\n', 100)).toBe('a\ufffd[31mred\ufffd\nb  c')
  })

  it('is bounded, and redacting again changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500, unit: 'binary' }), fc.nat(300), (text, limit) => {
        expect(redactedTail(text, limit).length).toBeLessThanOrEqual(limit)
        expect(redact(redact(text))).toBe(redact(text))
      }),
    )
  })

  it('never shows a secret however the chunks fall', () => {
    const secret = 'sk-live-abcdefghijklmnop1234567890'
    const text = `calling with ${secret} failed\n`
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 5 }), (cuts) => {
        const tail = createTail()
        let from = 0
        for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
          tail.push(text.slice(from, cut))
          from = cut
        }
        for (const limit of [10, 20, 30, 1_000]) expect(tail.text(limit)).not.toMatch(/cdefg|1234/)
      }),
    )
  })
})
