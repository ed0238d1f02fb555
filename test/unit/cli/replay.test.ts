import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runCli } from '../../support/command-line.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
  vi.stubEnv('XDG_CONFIG_HOME', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const MIB = 2 ** 20

function trace(rows: readonly string[], header = 'time_s,rss_bytes'): string {
  const file = join(folder, 'trace.csv')
  writeFileSync(file, [header, ...rows, ''].join('\n'))
  return file
}

/** Calm for a minute, then within two percent of a limit of 1 GiB, then calm again. */
const SPIKE = Array.from({ length: 240 }, (_, t) => `${t},${(t >= 60 && t < 120 ? 1_010 : 200) * MIB}`)

describe('replay TRACE.csv', () => {
  it('prints JSON lines at every change and every minute of the trace', async () => {
    const { code, out } = await runCli('replay', trace(SPIKE), '--limit', '1GiB', '--json')
    expect(code).toBe(0)
    const lines = out.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { t: 0, level: 'healthy', trend: 'unknown', alerts: [] },
      { t: 60, level: 'oom_imminent', alerts: ['oom_imminent'] },
      { t: 120, level: 'oom_imminent', alerts: [] },
      { t: 180, level: 'healthy', alerts: ['recovered'] },
    ])
    expect(Object.keys(JSON.parse(lines[0]!))).toEqual([
      ...['t', 'level', 'trend', 'growthBytesPerSecond', 'limitReachedSeconds', 'alerts'],
    ])
  })

  it('prints changes and a summary for people', async () => {
    const { out } = await runCli('replay', trace(SPIKE), '--limit', '1GiB')
    expect(out).toMatchInlineSnapshot(`
      "TIME       LEVEL         TREND      GROWTH        LIMIT IN
      0:00:00    healthy       unknown    -             -
      0:01:00    oom_imminent  unknown    -             -
        oom_imminent: Memory is about to be killed for memory: resident memory 1010 MiB of 1.0 GiB (99 %), threshold 973 MiB.
      0:03:00    healthy       unknown    -             -
        recovered: Memory is healthy again: resident memory 200 MiB of 1.0 GiB.

      rows     240 in 3m 59s, 0 without a reading, 0 restarts
      peak     1010 MiB resident
      levels   healthy 1m 59s, oom_imminent 2m
      growing  never
      alerts   1 oom_imminent, 1 recovered
      "
    `)
  })

  it('goes by the configuration in force', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'memory: { thresholds: { warningBytes: 100MiB, criticalBytes: 190MiB } }')
    const { out } = await runCli('--config.file', file, 'replay', trace(SPIKE.slice(0, 10)), '--json')
    expect(out).toContain('"level":"critical"')
  })

  it('ends with 2 and says where the trace is wrong', async () => {
    const { code, out, err } = await runCli('replay', trace(['1,2', '0,2']))
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('AE_BAD_TRACE: ')
    expect(err).toContain('trace.csv, line 3: time_s goes back, from 1 to 0.')
  })

  it('ends with 4 when there is no such file, and with 2 for a directory or a bad size', async () => {
    const missing = await runCli('replay', join(folder, 'none.csv'))
    expect(missing.code).toBe(4)
    expect(missing.err).toContain('There is no file')
    expect((await runCli('replay', folder)).code).toBe(2)
    expect((await runCli('replay', trace(['1,2']), '--limit', 'much')).code).toBe(2)
    expect((await runCli('replay')).code).toBe(2)
  })
})
