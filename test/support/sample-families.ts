import { createCatalogue } from '../../src/platform/exposition/catalogue.ts'
import { counter, gauge, histogram } from '../../src/platform/exposition/family.ts'
import { mergeParts } from '../../src/platform/exposition/merge.ts'
import {
  createPart,
  type Part,
  type Snapshot,
  type SnapshotBuilder,
} from '../../src/platform/exposition/snapshot.ts'

export const rss = gauge('agent_memory_rss_bytes', {
  unit: 'bytes',
  labels: ['agent'],
  help: 'Resident memory "RSS" of C:\\agents.',
})
export const cpu = counter('agent_cpu_seconds_total', {
  unit: 'seconds',
  labels: ['agent', 'mode'],
  help: 'CPU time.',
})
export const paused = gauge('agents_paused_current', { help: 'Paused agents.' })
export const duration = histogram('agent_action_duration_seconds', {
  unit: 'seconds',
  labels: ['action'],
  buckets: [0.25, 1, 100, 1e6],
  help: 'From admitted to verified.',
})
export const lonely = histogram('agent_lonely_seconds', { unit: 'seconds', buckets: [1], help: 'No labels.' })
export const info = gauge('agent_info', { labels: ['agent', 'name'], help: 'Always 1.' })

export const catalogue = createCatalogue([info, rss, cpu, paused, duration, lonely])

export function partOf(write: (out: SnapshotBuilder) => void): Part {
  const part = createPart(catalogue)
  write(part)
  return part.finish()
}

export function snapshotOf(...writes: readonly ((out: SnapshotBuilder) => void)[]): Snapshot {
  return run(mergeParts(catalogue, writes.map(partOf))).snapshot
}

/** Runs a generator to its end without pauses. */
export function run<Result>(work: Generator<unknown, Result, void>): Result {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}
