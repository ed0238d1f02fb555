import { describe, expect, it } from 'vitest'
import type { SnapshotBuilder } from '../../../../src/platform/exposition/snapshot.ts'
import { collectStore, storeCollectorFamilies } from '../../../../src/platform/store/families.ts'
import { createStoreCounters } from '../../../../src/platform/store/stats.ts'

/** What a scrape would show: name{labels} → value. */
function collect(change: (counters: ReturnType<typeof createStoreCounters>) => void): Map<string, unknown> {
  const counters = createStoreCounters()
  change(counters)
  const shown = new Map<string, unknown>()
  const key = (name: string, labels: object) => [name, ...Object.values(labels)].join(' ')
  const out: SnapshotBuilder = {
    set: (family, labels, value) => void (value !== undefined && shown.set(key(family.name, labels), value)),
    put: () => {},
    histogram: (family, labels, value) => void shown.set(key(family.name, labels), value),
  }
  collectStore(out, { ...counters, up: true, queueLength: { durable: 3, batch: 40 } })
  return shown
}

describe('families of the store', () => {
  it('shows every lane and reason from the start, and no size that is not known', () => {
    const shown = collect(() => {})
    expect(shown.get('agent_exporter_store_up')).toBe(1)
    expect(shown.get('agent_exporter_store_write_failures_total full')).toBe(0)
    expect(shown.get('agent_exporter_store_dropped_rows_total queue_full')).toBe(0)
    expect(shown.get('agent_exporter_store_queue_length batch')).toBe(40)
    expect(shown.has('agent_exporter_store_size_bytes')).toBe(false)
  })

  it('sorts commits into buckets by their time', () => {
    const shown = collect((counters) => {
      for (const seconds of [0.0004, 0.0005, 0.03, 7]) counters.observeCommit('durable', seconds)
      counters.sizeBytes = 4_096
    })
    expect(shown.get('agent_exporter_store_size_bytes')).toBe(4_096)
    const histogram = shown.get('agent_exporter_store_commit_duration_seconds durable')
    expect(histogram).toMatchObject({ count: 4, counts: [2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0] })
  })

  it('declares names that say what they are', () => {
    for (const family of storeCollectorFamilies) {
      expect(family.name).toMatch(/^agent_exporter_store_/)
      if (family.type === 'counter') expect(family.name).toMatch(/_total$/)
      if (family.unit) expect(family.name.endsWith(family.unit)).toBe(true)
    }
  })
})
