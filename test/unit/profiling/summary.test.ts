import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { renderChart } from '../../../src/profiling/chart.ts'
import { hottest } from '../../../src/profiling/cpu-profile.ts'
import { cpuProfiles, filesOf } from '../../../src/profiling/files.ts'
import { createTimeline, type Look, TIMELINE_HEADER, timelineRow } from '../../../src/profiling/timeline.ts'
import { rowsOf, type TraceRow } from '../../../src/replay/trace.ts'

const frame = (id: number, functionName: string, url = 'file:///app/main.js', lineNumber = 4) => ({
  id,
  callFrame: { functionName, url, lineNumber, columnNumber: 0, scriptId: '1' },
})
const PROFILE = {
  nodes: [
    frame(1, '(root)', ''),
    frame(2, '(idle)', ''),
    frame(3, 'work'),
    frame(4, ''),
    frame(5, 'work'),
    frame(6, 'begin', '/x/profiling/preload.cjs'),
  ],
  startTime: 1_000_000,
  endTime: 4_500_000,
  samples: [3, 2, 5, 4, 6],
  timeDeltas: [0, 1_000_000, 1_000_000, 500_000, 500_000],
}

describe('the hottest functions', () => {
  it('are told by what they ran themselves, over all profiles, without waiting', () => {
    expect(hottest([PROFILE, PROFILE], 5)).toEqual([
      { name: 'work', place: 'main.js:5', selfSeconds: 3 },
      { name: '(anonymous)', place: 'main.js:5', selfSeconds: 1 },
    ])
    expect(hottest([PROFILE], 1)).toHaveLength(1)
  })

  it.each([undefined, null, 7, 'text', {}, { ...PROFILE, nodes: [{}] }, { ...PROFILE, timeDeltas: ['1'] }])(
    'are not looked for in %j',
    (damaged) => expect(hottest([damaged], 5)).toEqual([]),
  )
})

describe('the files of a run', () => {
  it('are those of this run in the order of their numbers; damaged ones are not read', () => {
    const outputDir = mkdtempSync(join(tmpdir(), 'files-'))
    for (const name of ['a-10.cpuprofile', 'a-9.cpuprofile', 'b-1.cpuprofile', 'a.txt']) {
      writeFileSync(join(outputDir, name), name === 'a-9.cpuprofile' ? '{' : '{"nodes":1}')
    }
    mkdirSync(join(outputDir, 'a-folder'))
    const files = filesOf({ outputDir, prefix: 'a' })
    expect(files.map(({ path }) => path)).toEqual([
      join(outputDir, 'a-9.cpuprofile'),
      join(outputDir, 'a-10.cpuprofile'),
    ])
    expect([...cpuProfiles(files)]).toEqual([{ nodes: 1 }])
  })
})

const look = (seconds: number, rssBytes: number | undefined, cpuSeconds = 0): Look => ({
  ...{ seconds, rssBytes, cpuSeconds, processes: 1 },
})

describe('the timeline', () => {
  it('of a long run is thinned out without losing its peak, its begin and its end', () => {
    const timeline = createTimeline()
    for (let t = 0; t < 50_000; t++) timeline.add(look(t, t === 31_111 ? 9e9 : 1e6))
    const looks = timeline.looks()
    expect(looks.length).toBeLessThan(5_000)
    expect(looks[0]!.seconds).toBe(0)
    expect(looks.at(-1)!.seconds).toBe(49_999)
    expect(Math.max(...looks.map(({ rssBytes = 0 }) => rssBytes))).toBe(9e9)
  })

  it('can be replayed', async () => {
    const text = [TIMELINE_HEADER, timelineRow(look(0.5, 1_024, 0.25)), timelineRow(look(1, undefined))].join(
      '\n',
    )
    async function* chunks() {
      yield Buffer.from(text)
    }
    const rows: TraceRow[][] = []
    for await (const some of rowsOf(chunks(), 'timeline')) rows.push(some)
    expect(rows.flat().map(({ seconds, sample }) => [seconds, sample.rssBytes])).toEqual([
      [0.5, 1_024],
      [1, undefined],
    ])
  })

  it('is drawn without a line where nothing was read, and shows names as text', () => {
    const chart = renderChart('<script>alert(1)</script> & "co"\ud800', [
      look(0, 1e6),
      look(1, 2e6, 0.5),
      look(2, undefined, 0.5),
      look(3, 3e6, 1.5),
    ])
    expect(chart).not.toContain('<script')
    expect(chart).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;co&quot;\ufffd')
    expect(chart.match(/<polyline/g)).toHaveLength(3)
    expect(chart).not.toMatch(/NaN|Infinity|undefined|href/)
    expect(renderChart('nothing', [])).not.toMatch(/NaN|Infinity|undefined/)
  })
})
