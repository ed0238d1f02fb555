// What one sample of one container costs: from cgroup files against the stats API of the engine, in the same run.
//
//   npm run bench:containers       prints one JSON line; exits 1 above the budget
//
// Needs root and dockerd (scripts/test-services --install).
import { createCgroupReader } from '../src/platform/cgroup/reader.ts'
import { type CgroupRef, emptySample } from '../src/platform/cgroup/sample.ts'
import { locateContainer } from '../src/platform/docker/container-cgroup.ts'
import { createDockerEngine } from '../src/platform/docker/engine.ts'
import { createStatsFallback } from '../src/platform/docker/stats-fallback.ts'
import { startDockerd } from '../test/support/dockerd.ts'

const CONTAINERS = 12
const SWEEPS = 2_000
const API_SWEEPS = 3
/** DESIGN, section "Budgets". */
const BUDGET_MICROS = 100

await using dockerd = await startDockerd()
const running = []
for (let i = 0; i < CONTAINERS; i += 1) {
  const labels = { 'agent-exporter.agent': `bench-${i}` }
  running.push(await dockerd.runContainer({ labels, memory: 64 * 2 ** 20, cpus: 1, pidsLimit: 50 }))
}
const engine = createDockerEngine({ socketPath: dockerd.socketPath })
await engine.start()
const fallback = createStatsFallback({ stats: (id) => engine.stats(id) })
const sample = emptySample()

const cgroups = createCgroupReader()
const refs: CgroupRef[] = []
const located = timed(() => {
  for (const container of engine.containers().values()) {
    const ref = locateContainer(cgroups, container)
    if (ref !== undefined) refs.push(ref)
  }
})
const first = timed(() => readAll())
for (let i = 0; i < 200; i += 1) readAll()
const sweeps: number[] = []
const cpuBefore = process.cpuUsage()
for (let i = 0; i < SWEEPS; i += 1) sweeps.push(timed(() => readAll()) / CONTAINERS)
const cpu = process.cpuUsage(cpuBefore)
sweeps.sort((a, b) => a - b)

const inSequence: number[] = []
const atOnce: number[] = []
for (let i = 0; i < API_SWEEPS; i += 1) {
  for (const { id } of running) {
    const from = performance.now()
    await fallback.read(id, sample)
    inSequence.push(micros(from))
  }
  const from = performance.now()
  await Promise.all(running.map(({ id }) => fallback.read(id, emptySample())))
  atOnce.push(micros(from) / CONTAINERS)
}
inSequence.sort((a, b) => a - b)

const each = quantile(sweeps, 0.5)
const result = {
  bench: 'containers',
  node: process.version,
  cgroup: cgroups.version,
  engine: engine.status().version,
  containers: refs.length,
  filesMicrosEach: {
    p50: round(each),
    p99: round(quantile(sweeps, 0.99)),
    cpu: round((cpu.user + cpu.system) / (SWEEPS * CONTAINERS)),
    first: round(first / CONTAINERS),
    locate: round(located / CONTAINERS),
  },
  apiMicrosEach: {
    inSequence: round(quantile(inSequence, 0.5)),
    atOnce: round(Math.min(...atOnce)),
  },
  timesCheaper: round(quantile(inSequence, 0.5) / each),
  budgetMicros: BUDGET_MICROS,
  withinBudget: refs.length === CONTAINERS && each <= BUDGET_MICROS,
}
cgroups.close()
await engine.stop()
console.log(JSON.stringify(result))
if (!result.withinBudget) process.exitCode = 1

function readAll(): void {
  for (const ref of refs) {
    if (cgroups.read(ref, sample) !== 'ok') throw new Error('a container ended during the bench')
  }
}

/** Microseconds that `run` takes. */
function timed(run: () => void): number {
  const from = performance.now()
  run()
  return micros(from)
}

function micros(from: number): number {
  return (performance.now() - from) * 1000
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
