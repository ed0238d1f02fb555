import { describe, expect, it } from 'vitest'
import { greeting } from '../../../src/cli/greeting.ts'
import { formatBytes, renderTable } from '../../../src/cli/table.ts'

const WIDE = { columns: undefined }

describe('greeting', () => {
  const summary = {
    version: '1.2.3',
    urls: ['http://127.0.0.1:10780'],
    dataDir: '/data',
    configFile: undefined,
    acts: 'on nobody',
    agents: [{ id: 'claude-1', runtime: 'process', processes: 3 }],
    reach: [
      { name: 'cgroups', state: 'ok' as const, detail: 'version 2', cost: 'none' },
      { name: 'Docker', state: 'missing' as const, detail: 'no socket', cost: 'containers are not found' },
    ],
  }

  it('tells what was found, what is missing at which cost, and where to look', () => {
    const text = greeting(summary, WIDE)
    expect(text).toContain('agent-exporter 1.2.3 is running')
    expect(text).toContain('claude-1 (process, 3 processes)')
    expect(text).toContain('lacks   Docker: no socket; containers are not found')
    expect(text).toContain('http://127.0.0.1:10780/metrics')
  })

  it('says how to get an agent when there is none', () => {
    expect(greeting({ ...summary, agents: [] }, WIDE)).toContain('no agents yet')
  })

  it('lists only the first of many', () => {
    const agents = Array.from({ length: 25 }, (_, n) => ({
      id: `a${n}`,
      runtime: 'process',
      processes: undefined,
    }))
    expect(greeting({ ...summary, agents }, WIDE)).toContain('… and 15 more')
  })
})

describe('tables', () => {
  it('align columns and let no cell write escape sequences', () => {
    expect(
      renderTable(
        ['A', 'B'],
        [
          ['long cell', 'x'],
          ['\u001b[2J', 'y'],
        ],
      ),
    ).toBe('A          B\nlong cell  x\n\ufffd[2J       y')
  })

  it.each([
    [undefined, '-'],
    [0, '0 B'],
    [1536, '1.5 KiB'],
    [300 * 2 ** 20, '300 MiB'],
  ])('%s bytes is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))
})
