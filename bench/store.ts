/**
 * What the embedded store takes, and what the event loop feels of it. One JSON line.
 *
 * npm run bench:store
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { systemClock } from '../src/platform/clock.ts'
import { silentLog } from '../src/platform/log.ts'
import type { Migration } from '../src/platform/store/migration.ts'
import { column, required } from '../src/platform/store/migration-types.ts'
import { openStore } from '../src/platform/store/open.ts'
import type { Store } from '../src/platform/store/store.ts'

interface Tables {
  readonly usage: {
    readonly daemon_id: string
    readonly seq: number
    readonly at_ms: number
    readonly agent: string
    readonly quantity: string
    readonly amount: number
  }
}

const usage: Migration = {
  name: '0001_usage',
  async up(db) {
    await db.schema
      .createTable('usage')
      .addColumn('daemon_id', column.text, required)
      .addColumn('seq', column.integer, required)
      .addColumn('at_ms', column.time, required)
      .addColumn('agent', column.text, required)
      .addColumn('quantity', column.text, required)
      .addColumn('amount', column.integer, required)
      .addPrimaryKeyConstraint('usage_pk', ['daemon_id', 'seq'])
      .execute()
  },
}

const ONE_BY_ONE = 500
const TOGETHER = 64
const TOGETHER_ROUNDS = 100
const BATCHED = 200_000
const PACED_PER_SECOND = 20_000
const PACED_ROWS = 60_000
const INGEST_SIZE = 500
const INGESTS = 100

let seq = 0
const row = (): Tables['usage'] => ({
  daemon_id: 'bench',
  seq: seq++,
  at_ms: 1_790_000_000_000 + seq,
  agent: `agent-${seq % 100}`,
  quantity: 'tokens',
  amount: seq % 4_096,
})

function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}
const round = (value: number) => Math.round(value * 1_000) / 1_000

/** Time, CPU of this thread and loop delay of one piece of work. */
async function measure(work: () => Promise<void>) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  const busy = performance.eventLoopUtilization()
  await work()
  const seconds = (performance.now() - started) / 1e3
  const utilization = performance.eventLoopUtilization(busy).utilization
  delay.disable()
  return {
    seconds,
    loop: {
      utilization: round(utilization),
      delayP99Ms: round(delay.percentile(99) / 1e6),
      delayMaxMs: round(delay.max / 1e6),
    },
  }
}

async function durableOneByOne(store: Store<Tables>) {
  const latencies: number[] = []
  const { seconds, loop } = await measure(async () => {
    for (let i = 0; i < ONE_BY_ONE; i++) {
      const started = performance.now()
      await store.db.insertInto('usage').values(row()).execute()
      latencies.push(performance.now() - started)
    }
  })
  latencies.sort((a, b) => a - b)
  return {
    perSecond: Math.round(ONE_BY_ONE / seconds),
    p50Ms: round(percentile(latencies, 0.5)),
    p99Ms: round(percentile(latencies, 0.99)),
    loop,
  }
}

async function durableTogether(store: Store<Tables>) {
  const { seconds, loop } = await measure(async () => {
    for (let i = 0; i < TOGETHER_ROUNDS; i++) {
      await Promise.all(
        Array.from({ length: TOGETHER }, () => store.db.insertInto('usage').values(row()).execute()),
      )
    }
  })
  return { writers: TOGETHER, perSecond: Math.round((TOGETHER * TOGETHER_ROUNDS) / seconds), loop }
}

/** What an ingest request does: one statement of many rows, on disk before the answer. */
async function durableIngest(store: Store<Tables>) {
  const { seconds, loop } = await measure(async () => {
    for (let i = 0; i < INGESTS; i++) {
      await store.db
        .insertInto('usage')
        .values(Array.from({ length: INGEST_SIZE }, row))
        .execute()
    }
  })
  return { rowsPerStatement: INGEST_SIZE, rowsPerSecond: Math.round((INGEST_SIZE * INGESTS) / seconds), loop }
}

async function batched(store: Store<Tables>) {
  const { seconds, loop } = await measure(async () => {
    for (let sent = 0; sent < BATCHED; ) {
      if (store.stats().queueLength.batch > 20_000) {
        await pause(1)
        continue
      }
      for (let i = 0; i < 1_000; i++, sent++) store.enqueue('usage', row())
    }
    await store.flush()
  })
  const { dropped } = store.stats()
  const lost = Object.values(dropped).reduce((sum, n) => sum + n, 0)
  return { rowsPerSecond: Math.round(BATCHED / seconds), dropped: lost, loop }
}

/** The rate of the budget for usage events, as it would come in: some rows at every turn. */
async function batchedPaced(store: Store<Tables>) {
  const { seconds, loop } = await measure(async () => {
    const started = performance.now()
    for (let sent = 0; sent < PACED_ROWS; ) {
      const due = ((performance.now() - started) / 1e3) * PACED_PER_SECOND
      for (; sent < due; sent++) store.enqueue('usage', row())
      await pause(5)
    }
    await store.flush()
  })
  return { rowsPerSecond: Math.round(PACED_ROWS / seconds), loop }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

const dir = mkdtempSync(join(tmpdir(), 'ae-bench-'))
const store = await openStore<Tables>({
  url: 'sqlite',
  dataDir: dir,
  daemonId: 'bench',
  clock: systemClock,
  log: silentLog,
  migrations: [usage],
})
try {
  const result = {
    bench: 'store',
    node: process.version,
    durable: await durableOneByOne(store),
    durableTogether: await durableTogether(store),
    durableIngest: await durableIngest(store),
    idle: (await measure(() => pause(1_000).then(() => {}))).loop,
    batchedPaced: await batchedPaced(store),
    batched: await batched(store),
  }
  console.log(JSON.stringify(result))
} finally {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
}
