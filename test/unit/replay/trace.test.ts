import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../../src/platform/problem.ts'
import { rowsOf, type TraceRow } from '../../../src/replay/trace.ts'

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(text: string | Uint8Array, size = 64): Promise<TraceRow[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const rows: TraceRow[] = []
  for await (const some of rowsOf(inChunks(bytes, size), 'trace.csv')) rows.push(...some)
  return rows
}

async function faultOf(text: string | Uint8Array): Promise<string> {
  try {
    await read(text)
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
    expect((error as Problem).code).toBe('AE_BAD_TRACE')
    return (error as Problem).message
  }
  throw new Error('The trace was read.')
}

describe('a recorded trace', () => {
  it('has columns in any order, and an empty cell is a failed read', async () => {
    const rows = await read(
      'incarnation,rss_bytes,limit_bytes,time_s,heap_bytes\r\na,10,,0,5\r\na,,100,1.5,\r\n',
    )
    expect(rows).toEqual([
      { seconds: 0, incarnation: 'a', sample: { rssBytes: 10, heapUsedBytes: 5, limitBytes: undefined } },
      {
        seconds: 1.5,
        incarnation: 'a',
        sample: { rssBytes: undefined, heapUsedBytes: undefined, limitBytes: 100 },
      },
    ])
  })

  it('may come from a spreadsheet: byte order mark, quotes, blank lines, other columns, no last line break', async () => {
    const rows = await read('\ufeff"time_s","rss_bytes","note"\n\n"1","2e6","one, ""two"""\n2,3,')
    expect(rows.map(({ seconds, sample }) => [seconds, sample.rssBytes])).toEqual([
      [1, 2e6],
      [2, 3],
    ])
  })

  it.each([
    ['', 'trace.csv is empty.'],
    ['\n\n', 'trace.csv is empty.'],
    ['time_s,rss_bytes\n', 'trace.csv has a header and no rows.'],
    ['time_s,heap_bytes\n1,2', 'trace.csv, line 1: the column rss_bytes is missing; the header has to name'],
    ['time,rss_bytes\n1,2', 'trace.csv, line 1: the column time_s is missing (is it "time"?).'],
    ['1,2\n3,4', 'trace.csv, line 1: the column time_s is missing'],
    ['time_s,rss_bytes,time_s\n1,2,3', 'line 1: the column time_s is there twice.'],
    [
      'time_s,rss_bytes,limit_byte\n1,2,3',
      'line 1: the column "limit_byte" is not known, did you mean limit_bytes?',
    ],
    ['time_s,rss_bytes\n1,2\n\n3,x', 'trace.csv, line 4: rss_bytes is no number from 0: "x".'],
    ['time_s,rss_bytes\n1,-2', 'line 2: rss_bytes is no number from 0: "-2".'],
    ['time_s,rss_bytes\n1,NaN', 'line 2: rss_bytes is no number'],
    ['time_s,rss_bytes\n1,1e300', 'line 2: rss_bytes is no number'],
    ['time_s,rss_bytes\n1,0x10', 'line 2: rss_bytes is no number'],
    ['time_s,rss_bytes\n,1', 'line 2: time_s is empty.'],
    ['time_s,rss_bytes\n1700000000000,1', 'line 2: time_s has to be seconds'],
    ['time_s,rss_bytes\n2,1\n1,1', 'line 3: time_s goes back, from 2 to 1.'],
    ['time_s,rss_bytes\n1', 'line 2: 1 cell, the header has 2.'],
    ['time_s,rss_bytes\n1,2,3', 'line 2: 3 cells, the header has 2.'],
    ['time_s,rss_bytes,limit_bytes\n1,2,0', 'line 2: limit_bytes is 0; leave the cell empty'],
    [`time_s,rss_bytes\n1,${'9'.repeat(5_000)}`, 'line 2: the line is longer than 4096 characters.'],
    ['x'.repeat(1e6), 'line 1: the line is longer than 4096 characters.'],
    ['time_s,rss_bytes\n1,\0', 'trace.csv, line 2: this is not text in UTF-8.'],
    [new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0x02, 0x00, 0xff]), 'line 1: this is not text in UTF-8.'],
    [new Uint8Array([0x74, 0xc3]), 'line 1: this is not text in UTF-8.'],
  ])('says where it is wrong: %j', async (text, fault) => expect(await faultOf(text)).toContain(fault))

  it('shows nothing of a bad cell that would steer a terminal', async () => {
    expect(await faultOf('time_s,rss_bytes\n1,\u001b[2J')).not.toContain('\u001b')
  })

  it('is read the same whatever the chunks are', async () => {
    const row = fc.record({
      seconds: fc.integer({ min: 0, max: 1_000 }),
      rssBytes: fc.option(fc.nat(), { nil: undefined }),
      life: fc.constantFrom('', 'one', 'zwei · 二'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1 }),
        fc.integer({ min: 1, max: 50 }),
        async (given, size) => {
          const sorted = given.toSorted((a, b) => a.seconds - b.seconds)
          const text = ['incarnation,time_s,rss_bytes']
          for (const { seconds, rssBytes, life } of sorted) text.push(`${life},${seconds},${rssBytes ?? ''}`)
          const rows = await read(text.join('\n'), size)
          expect(
            rows.map(({ seconds, sample, incarnation }) => ({
              seconds,
              rssBytes: sample.rssBytes,
              life: incarnation ?? '',
            })),
          ).toEqual(sorted)
        },
      ),
    )
  })

  it('is either read or refused with a code, whatever the bytes are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const head = Buffer.from('time_s,rss_bytes\n')
        const fault = await read(Buffer.concat([head, bytes])).catch((error: unknown) => error)
        expect(Array.isArray(fault) || fault instanceof Problem).toBe(true)
      }),
    )
  })
})
