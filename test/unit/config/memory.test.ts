import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/config/issue.ts'
import { parseConfig } from '../../../src/config/load.ts'

const MIB = 2 ** 20
const parse = (text: string) => parseConfig('test', text, {})

function issuesOf(text: string): string[] {
  try {
    parse(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.issues.map(({ path, message }) => `${path}: ${message}`)
  }
}

describe('the section memory', () => {
  it('is in bytes, shares and milliseconds', () => {
    const { memory } = parse(
      'memory: { thresholds: { warningBytes: 100MB, criticalBytes: 200MiB, oomImminentBytes: 1.5GiB }, alertCooldown: 5m }',
    )
    expect(memory.thresholds).toEqual({
      ...{ warningBytes: 100e6, criticalBytes: 200 * MIB, oomImminentBytes: 1_536 * MIB },
    })
    expect(memory.limitRatios).toEqual({ warning: 0.8, critical: 0.9, oomImminent: 0.95 })
    expect(memory.trend.warningHorizon).toBe(900_000)
    expect(memory.alertCooldown).toBe(300_000)
  })

  it.each(['lots', '512', '512 MiB x', '-1GiB'])('says what a size is when it gets %s', (size) => {
    expect(issuesOf(`memory: { thresholds: { warningBytes: "${size}" } }`)).toEqual([
      'memory.thresholds.warningBytes: must be a size such as 512MiB, 1.5GiB or 200MB',
    ])
  })

  it.each([
    ['memory.thresholds', 'thresholds: { warningBytes: 2GiB }'],
    ['memory.thresholds', 'thresholds: { criticalBytes: 512MiB }'],
    ['memory.limitRatios', 'limitRatios: { warning: 0.95 }'],
    ['memory.limitRatios', 'limitRatios: { oomImminent: 0.9 }'],
  ])('refuses levels that do not rise: %s of %s', (path, text) => {
    expect(issuesOf(`memory: { ${text} }`)).toEqual([
      `${path}: must rise from warning to critical to oomImminent`,
    ])
  })

  it.each(['0', '1.01', '-0.5'])('refuses %s as a share of a limit', (share) => {
    expect(issuesOf(`memory: { limitRatios: { oomImminent: ${share} } }`)).not.toEqual([])
  })

  it('does nothing by itself, and needs to know how far a resize may go', () => {
    expect(parse('').memory.actions).toEqual({
      ...{ critical: 'none', oomImminent: 'none', pauseDeadline: 600_000, afterPause: 'none' },
      resizeFactor: 1.5,
    })
    expect(issuesOf('memory: { actions: { critical: resize } }')).toEqual([
      'memory.actions.maxMemoryBytes: must be given where an action is resize: without it a leak would take the whole host',
    ])
    const { actions } = parse('memory: { actions: { critical: resize, maxMemoryBytes: 4GiB } }').memory
    expect(actions.maxMemoryBytes).toBe(4_096 * MIB)
    expect(issuesOf('memory: { actions: { oomImminent: kill } }')[0]).toContain('pause, resize, terminate')
  })
})
