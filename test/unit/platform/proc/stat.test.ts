import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cachedComm, createCommCache, decodeComm } from '../../../../src/platform/proc/comm.ts'
import { createStatLine, parseStat, type StatLine } from '../../../../src/platform/proc/stat.ts'

const TAIL =
  'S 4321 4300 4200 34816 4400 4194304 1201 88 3 0 1500 250 77 33 20 0 12 0 93249 1133133440 38600 18446744073709551615 1 1 0 0 0 0 0 4096 17663 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 9\n'

function parse(bytes: Buffer, length = bytes.length): { line: StatLine; complete: boolean } {
  const line = createStatLine()
  const complete = parseStat(bytes, length, line)
  return { line, complete }
}

const statOf = (comm: string | Uint8Array, tail = TAIL) =>
  Buffer.concat([Buffer.from('4242 ('), Buffer.from(comm as string), Buffer.from(`) ${tail}`)])

describe('parseStat', () => {
  it('reads the fields of proc_pid_stat(5)', () => {
    const { line, complete } = parse(statOf('node'))
    expect(complete).toBe(true)
    expect(line).toMatchObject({
      state: 'S'.charCodeAt(0),
      ppid: 4321,
      pgrp: 4300,
      session: 4200,
      userTicks: 1500,
      systemTicks: 250,
      childUserTicks: 77,
      childSystemTicks: 33,
      threads: 12,
      startTime: 93249,
      exitStatus: undefined,
    })
  })

  it.each(['a b', ') R 1 1 1', '((', '))', 'x) S 7 7 7 (y', ''])('takes the name %j as it is', (comm) => {
    const bytes = statOf(comm)
    const { line } = parse(bytes)
    expect(decodeComm(bytes, line.commStart, line.commEnd)).toBe(comm)
    expect(line.ppid).toBe(4321)
    expect(line.startTime).toBe(93249)
  })

  it('tells how a zombie ended', () => {
    expect(parse(statOf('sh', TAIL.replace(/^S/, 'Z'))).line.exitStatus).toBe(9)
  })

  it('finds the numbers after any name', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (comm) => {
        const bytes = statOf(comm)
        const { line, complete } = parse(bytes)
        expect(complete).toBe(true)
        expect([...bytes.subarray(line.commStart, line.commEnd)]).toEqual([...comm])
        expect([line.ppid, line.userTicks, line.startTime]).toEqual([4321, 1500, 93249])
      }),
    )
  })

  it('gives the true number or none, wherever the line is cut', () => {
    const bytes = statOf('a) b')
    const whole = parse(bytes).line
    for (let length = 0; length < bytes.length; length++) {
      const { line, complete } = parse(bytes, length)
      for (const key of Object.keys(whole) as (keyof StatLine)[]) {
        if (key === 'commStart' || key === 'commEnd' || line[key] === undefined) continue
        // A cut inside `a) b` makes the first bracket the last one: what follows is no number and ends the line.
        expect(line[key], `${key} at ${length}`).toBe(whole[key])
      }
      expect(complete).toBe(line.startTime !== undefined)
    }
  })

  it('never makes a number of anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const { line } = parse(Buffer.from(noise))
        for (const value of Object.values(line))
          expect(value === undefined || Number.isFinite(value)).toBe(true)
      }),
    )
  })

  it('stops at a field that is no number', () => {
    const { line, complete } = parse(statOf('x', 'S 1 2 nan 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n'))
    expect(complete).toBe(false)
    expect(line.pgrp).toBe(2)
    expect(line.session).toBeUndefined()
    expect(line.startTime).toBeUndefined()
  })
})

describe('comm', () => {
  it('is safe to print whatever bytes the process chose', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (comm) => {
        const text = decodeComm(Buffer.from(comm), 0, comm.length)
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
        expect(text).not.toMatch(/\p{Surrogate}/u)
      }),
    )
  })

  it('replaces a bidirectional override', () => {
    const bytes = Buffer.from('ab\u202Ecd')
    expect(decodeComm(bytes, 0, bytes.length)).toBe('ab\uFFFDcd')
  })

  it('is decoded again only when it changed', () => {
    const cache = createCommCache()
    const first = Buffer.from('(node) (sh)')
    expect(cachedComm(cache, first, 1, 5)).toBe('node')
    expect(cachedComm(cache, first, 1, 5)).toBe('node')
    expect(cachedComm(cache, first, 8, 10)).toBe('sh')
    expect(cachedComm(cache, Buffer.from('nodf'), 0, 4)).toBe('nodf')
  })
})
