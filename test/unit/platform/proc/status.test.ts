import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createIoLines, parseIo } from '../../../../src/platform/proc/io.ts'
import {
  createStatusLines,
  createStatusPlaces,
  parseStatus,
  type StatusLines,
} from '../../../../src/platform/proc/status.ts'

const FIXTURES = join(import.meta.dirname, '../../../fixtures/proc-files')
const fixture = (name: string) => readFileSync(join(FIXTURES, name))

function parse(bytes: Buffer, length = bytes.length): StatusLines {
  const lines = createStatusLines()
  parseStatus(bytes, length, lines)
  return lines
}

describe('parseStatus', () => {
  it.each([
    [
      'status-4.19',
      {
        uid: 1000,
        rssPeakBytes: 46284 * 1024,
        rssBytes: 45056 * 1024,
        rssAnonBytes: 12100 * 1024,
        swapBytes: 0,
      },
      { threads: 11, voluntarySwitches: 1530, involuntarySwitches: 77 },
    ],
    [
      'status-5.10',
      {
        uid: 0,
        rssPeakBytes: 9120 * 1024,
        rssBytes: 8700 * 1024,
        rssAnonBytes: 2048 * 1024,
        swapBytes: 512 * 1024,
      },
      { threads: 1, voluntarySwitches: 42, involuntarySwitches: 3 },
    ],
    [
      'status-6.18',
      { uid: 501, rssPeakBytes: 1772 * 1024, rssBytes: 1700 * 1024, rssAnonBytes: 112 * 1024, swapBytes: 0 },
      { threads: 1, voluntarySwitches: 7, involuntarySwitches: 1 },
    ],
  ])('%s', (name, memory, rest) => {
    expect(parse(fixture(name))).toEqual({ ...memory, ...rest })
  })

  it('leaves the memory of a kernel thread and of a zombie absent', () => {
    for (const name of ['status-6.18-kthread', 'status-6.18-zombie']) {
      const lines = parse(fixture(name))
      expect(lines.rssBytes).toBeUndefined()
      expect(lines.rssAnonBytes).toBeUndefined()
      expect(lines.swapBytes).toBeUndefined()
      expect(lines.threads).toBe(1)
    }
  })

  it('gives the true number or none, wherever the file is cut', () => {
    const bytes = fixture('status-6.18')
    const whole = parse(bytes)
    for (let length = 0; length < bytes.length; length++) {
      const lines = parse(bytes, length)
      for (const key of Object.keys(whole) as (keyof StatusLines)[]) {
        expect([undefined, whole[key]]).toContain(lines[key])
      }
    }
  })

  it('says the same with the places of whatever was read before', () => {
    const names = ['status-4.19', 'status-5.10', 'status-6.18', 'status-6.18-kthread', 'status-6.18-zombie']
    const cut = fc.tuple(
      fc.constantFrom(...names),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(99_999_999),
    )
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 8 }), (reads) => {
        const places = createStatusPlaces()
        const lines = createStatusLines()
        for (const [name, share, groups] of reads) {
          const bytes = Buffer.from(fixture(name).toString().replace('Groups:', `Groups:\t${groups}`))
          const length = Math.floor(bytes.length * share)
          parseStatus(bytes, length, lines, places)
          expect(lines).toEqual(parse(bytes, length))
        }
      }),
    )
  })

  it('never makes a number of anything', () => {
    const key = fc.constantFrom(
      'VmRSS',
      'VmHWM',
      'Threads',
      'Uid',
      'RssAnon',
      'VmRSSx',
      'voluntary_ctxt_switches',
    )
    const line = fc
      .tuple(key, fc.constantFrom(':', ':\t', ' ', ''), fc.string())
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const value of Object.values(parse(Buffer.from(lines.join('\n'))))) {
          expect(value === undefined || (Number.isFinite(value) && value >= 0)).toBe(true)
        }
      }),
    )
  })
})

describe('parseIo', () => {
  const text =
    'rchar: 6976\nwchar: 5\nsyscr: 10\nsyscw: 0\nread_bytes: 40960\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n'

  it('takes what reached storage', () => {
    const lines = createIoLines()
    parseIo(Buffer.from(text), text.length, lines)
    expect(lines).toEqual({ readBytes: 40960, writeBytes: 8192 })
  })

  it('gives the true number or none, wherever the file is cut', () => {
    const lines = createIoLines()
    for (let length = 0; length < text.length; length++) {
      parseIo(Buffer.from(text), length, lines)
      expect([undefined, 40960]).toContain(lines.readBytes)
      expect([undefined, 8192]).toContain(lines.writeBytes)
    }
  })
})
