import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMembership } from '../../../../src/platform/cgroup/membership.ts'
import {
  finiteLimit,
  keysOf,
  numberAt,
  picked,
  pickKeyed,
  pressureTotal,
  sumNested,
} from '../../../../src/platform/cgroup/parse.ts'

const bytes = (text: string) => Buffer.from(text)
const word = fc.stringMatching(/^[a-z_]{1,12}$/)
const natural = fc.nat({ max: Number.MAX_SAFE_INTEGER })

describe('numbers in cgroup files', () => {
  it('reads any whole number back, wherever the filled part of the buffer ends', () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.constantFrom('', '\n', ' 100000\n'),
        fc.string(),
        (n, end, stale) => {
          const text = `${n}${end}`
          const buffer = Buffer.concat([bytes(text), bytes(stale)])
          expect(numberAt(buffer, bytes(text).length, 0)).toBe(n)
        },
      ),
    )
  })

  it('takes text, an empty file and a number with a tail for no number', () => {
    for (const text of ['max', '', '-', '\n', '12abc', '1.5']) {
      expect(numberAt(bytes(text), bytes(text).length, 0)).toBeUndefined()
    }
  })

  it('knows both spellings of unlimited', () => {
    for (const text of ['9223372036854771712', '18446744073709551615']) {
      expect(finiteLimit(numberAt(bytes(text), text.length, 0))).toBeUndefined()
    }
    expect(finiteLimit(-1)).toBeUndefined()
    expect(finiteLimit(6_291_456)).toBe(6_291_456)
    expect(finiteLimit(0)).toBe(0)
  })
})

describe('keyed files', () => {
  it('finds every key with its value in any order, and only whole keys at the start of a line', () => {
    fc.assert(
      fc.property(fc.dictionary(word, natural, { minKeys: 1, maxKeys: 8 }), word, (facts, other) => {
        fc.pre(!(other in facts) && !(`x${other}` in facts))
        const text = Object.entries(facts)
          .map(([key, value]) => `${key} ${value}\nx${other} 7\n`)
          .join('')
        const names = [...Object.keys(facts), other]
        const out = new Float64Array(names.length)
        pickKeyed(bytes(text), bytes(text).length, keysOf(...names), out)
        names.forEach((name, index) => {
          expect(picked(out, index)).toBe(name === other ? undefined : facts[name])
        })
      }),
    )
  })

  it('never throws and never reads behind the filled part, whatever the bytes are', () => {
    const keys = keysOf('anon', 'inactive_file')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (raw, cut) => {
        const length = Math.min(cut, raw.length)
        const out = new Float64Array(2)
        const behind = Buffer.concat([raw.subarray(0, length), bytes('\nanon 5\nsome total=9\n rbytes=3')])
        pickKeyed(behind, length, keys, out)
        const alone = new Float64Array(2)
        pickKeyed(raw.slice(0, length), length, keys, alone)
        expect([...out]).toEqual([...alone])
        expect(pressureTotal(behind, length, 'some')).toBe(
          pressureTotal(raw.slice(0, length), length, 'some'),
        )
        expect(sumNested(behind, length, bytes('rbytes='))).toBe(
          sumNested(raw.slice(0, length), length, bytes('rbytes=')),
        )
      }),
    )
  })

  it('sums a key over all devices and survives a device line without numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1e9), fc.nat(1e9)), { maxLength: 20 }), (devices) => {
        const text = devices.map(([r, w], i) => `8:${i} rbytes=${r} wbytes=${w} xrbytes=1\n`).join('8:99 \n')
        expect(sumNested(bytes(text), bytes(text).length, bytes('rbytes='))).toBe(
          devices.reduce((sum, [r]) => sum + r, 0),
        )
      }),
    )
  })

  it('reads both totals of a pressure file', () => {
    const text =
      'some avg10=1.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n'
    expect(pressureTotal(bytes(text), text.length, 'some')).toBe(123)
    expect(pressureTotal(bytes(text), text.length, 'full')).toBe(45)
    expect(pressureTotal(bytes('some avg10=0.00\n'), 16, 'some')).toBeUndefined()
    // Kernels before 5.13 have no `full` line in the cpu file.
    expect(pressureTotal(bytes('some total=1\n'), 13, 'full')).toBeUndefined()
  })
})

describe('/proc/<pid>/cgroup', () => {
  it('splits controllers that are mounted together and keeps colons of the path', () => {
    expect({ ...parseMembership('7:cpu,cpuacct:/a:b\n1:name=systemd:/s\n0::/u\n') }).toEqual({
      cpu: '/a:b',
      cpuacct: '/a:b',
      'name=systemd': '/s',
      unified: '/u',
    })
  })

  it('returns absolute paths only and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const path of Object.values(parseMembership(text))) expect(path.startsWith('/')).toBe(true)
      }),
    )
  })
})
