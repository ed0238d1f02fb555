import { counter, gauge, histogram } from '../exposition/family.ts'
import type { SnapshotBuilder } from '../exposition/snapshot.ts'
import { FAILURE_REASONS } from './failure.ts'
import { COMMIT_BUCKETS, DROP_REASONS, LANES, type StoreStats } from './stats.ts'

const up = gauge('agent_exporter_store_up', {
  help: 'Whether the last write to the store succeeded (1) or the store is waiting to recover (0).',
})
const writes = counter('agent_exporter_store_writes_total', {
  labels: ['lane'],
  help: 'Statements and batched rows committed, by lane: durable (synced) or batch.',
})
const failures = counter('agent_exporter_store_write_failures_total', {
  labels: ['reason'],
  help: 'Writes that were refused, or attempts that failed and may be repeated, by reason.',
})
const dropped = counter('agent_exporter_store_dropped_rows_total', {
  labels: ['reason'],
  help: 'Batched rows that will never be written: buffer full, refused by the engine, or unwritten at the end.',
})
const queue = gauge('agent_exporter_store_queue_length', {
  labels: ['lane'],
  help: 'Statements and batched rows that wait for the store, by lane.',
})
const commits = histogram('agent_exporter_store_commit_duration_seconds', {
  unit: 'seconds',
  labels: ['lane'],
  buckets: COMMIT_BUCKETS,
  help: 'Time of one transaction in the store from begin to committed, by lane; one may carry many writes.',
})
const size = gauge('agent_exporter_store_size_bytes', {
  unit: 'bytes',
  help: 'Size of the embedded database file and its write-ahead log; absent with PostgreSQL.',
})
const quarantines = counter('agent_exporter_store_quarantines_total', {
  help: 'Damaged database files put aside since the start.',
})
const recoveries = counter('agent_exporter_store_recoveries_total', {
  help: 'Times the store could be written again after it could not.',
})

/** Families of the store, printed under the collector `self`. */
export const storeCollectorFamilies = [
  up,
  writes,
  failures,
  dropped,
  queue,
  commits,
  size,
  quarantines,
  recoveries,
] as const

/** Writes the store's own numbers; every label value is there from the start. */
export function collectStore(out: SnapshotBuilder, stats: StoreStats): void {
  out.set(up, {}, stats.up ? 1 : 0)
  for (const lane of LANES) {
    out.set(writes, { lane }, stats.writes[lane])
    out.set(queue, { lane }, stats.queueLength[lane])
    out.histogram(commits, { lane }, stats.commits[lane])
  }
  for (const reason of FAILURE_REASONS) out.set(failures, { reason }, stats.failures[reason])
  for (const reason of DROP_REASONS) out.set(dropped, { reason }, stats.dropped[reason])
  out.set(size, {}, stats.sizeBytes)
  out.set(quarantines, {}, stats.quarantines)
  out.set(recoveries, {}, stats.recoveries)
}
