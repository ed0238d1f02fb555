import { describe, expect, it } from 'vitest'
import { bindMemory } from '../../../src/memory/collector.ts'
import { memoryFamilies } from '../../../src/memory/families.ts'
import { freshMemory, judgeMemory } from '../../../src/memory/judge.ts'
import { CONFIG, GB, MB } from './shapes.ts'

function linesOf(samples: number, mbAt: (second: number) => number) {
  let state = freshMemory(CONFIG)
  for (let s = 0; s < samples; s++) {
    const bytes = mbAt(s) * MB
    const sample = { anonBytes: bytes, workingSetBytes: bytes, limitBytes: GB }
    state = judgeMemory(state, sample, CONFIG, s * 1_000)[0]
  }
  const { level, trend } = state
  const shown = bindMemory('a').samplesOf({ heapUsedBytes: undefined, level, trend })
  return shown.map(([{ family, labelText }, value]) => `${family.name}{${labelText}} ${value}`)
}

describe('what Prometheus sees of the memory judgement', () => {
  it('R34 has the names of the contract', () => {
    expect(memoryFamilies.map(({ name, labels }) => `${name}{${labels.join(',')}}`)).toEqual([
      'agent_memory_heap_used_bytes{agent}',
      'agent_memory_judged_bytes{agent}',
      'agent_memory_judged_limit_bytes{agent}',
      'agent_memory_threshold_bytes{agent,level}',
      'agent_memory_basis{agent,basis}',
      'agent_memory_level{agent,level}',
      'agent_memory_trend{agent,trend}',
      'agent_memory_growth_bytes_per_second{agent}',
      'agent_memory_time_to_limit_seconds{agent,estimate}',
      'agent_memory_warning_horizon_seconds{}',
      'agent_memory_alerts_total{alert}',
      'agent_exporter_memory_near_limit_agents{}',
      'agent_exporter_memory_looks_total{}',
      'agent_exporter_memory_look_delay_seconds{}',
    ])
  })

  it('shows what is compared, with its limit and thresholds on one basis', () => {
    const lines = linesOf(5, () => 900)
    for (const line of [
      `agent_memory_judged_bytes{agent="a"} ${900 * MB}`,
      `agent_memory_judged_limit_bytes{agent="a"} ${GB}`,
      `agent_memory_threshold_bytes{agent="a",level="warning"} ${0.8 * GB}`,
      'agent_memory_basis{agent="a",basis="working_set"} 1',
      'agent_memory_basis{agent="a",basis="heap"} 0',
      'agent_memory_level{agent="a",level="warning"} 1',
      'agent_memory_level{agent="a",level="healthy"} 0',
      'agent_memory_trend{agent="a",trend="unknown"} 1',
      'agent_memory_time_to_limit_seconds{agent="a",estimate="low"} undefined',
      'agent_memory_heap_used_bytes{agent="a"} undefined',
    ]) {
      expect(lines).toContain(line)
    }
  })

  it('shows growth and both times while it grows', () => {
    const lines = linesOf(1_200, (s) => 200 + s / 6)
    expect(lines).toContain('agent_memory_trend{agent="a",trend="growing"} 1')
    const value = (start: string) => Number(lines.find((line) => line.startsWith(start))?.split(' ')[1])
    expect(value('agent_memory_growth_bytes_per_second') / MB).toBeCloseTo(1 / 6, 2)
    const low = value('agent_memory_time_to_limit_seconds{agent="a",estimate="low"}')
    expect(low / 60).toBeGreaterThan(60)
    expect(low / 60).toBeLessThan(65)
  })

  it('shows no level of what was never read', () => {
    const { level, trend } = freshMemory(CONFIG)
    const shown = bindMemory('a').samplesOf({ heapUsedBytes: undefined, level, trend })
    const known = shown.filter(([, value]) => value !== undefined)
    expect(new Set(known.map(([{ family }]) => family.name))).toEqual(new Set(['agent_memory_trend']))
  })
})
