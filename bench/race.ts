// Who is first at a container that leaks towards its limit: this daemon, or the kernel.
//
//   npm run bench:race [-- --runs=50 --rate=95 --at-once=3 --ways=pause,resize,poll]
//
// Real containers of 1 GiB over the built daemon. An oracle that shares no code with the daemon reads the files of each
// container every 2 ms until it stands still, has a larger limit, or the kernel has killed in it. `poll` is the same
// pause without looks between the samples, which are a second apart. Prints one JSON line per way: successes, and the
// memory and the time that were left when the effect was there. Exits 1 when fewer than 95 % of a way (but poll) won.
//
// earlyoom looks at the memory of the host only, every 100 ms at best (earlyoom(1)): it does not see a limit of a
// container, and is not run here, because a host that runs out of memory would end the measurement with it.
import { cpus, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type ActingDaemon, startActingDaemon } from '../test/support/acting-daemon.ts'
import { eventually } from '../test/support/child.ts'
import { containerGroup } from '../test/support/container-look.ts'
import { type Dockerd, startDockerd } from '../test/support/dockerd.ts'
import { containerMemory, leakScript } from '../test/support/leak.ts'

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '50' },
    rate: { type: 'string', default: '95' },
    'at-once': { type: 'string', default: '3' },
    ways: { type: 'string', default: 'pause,resize,poll' },
  },
})
const RUNS = Number(flags.runs)
/** MiB/s; 95 of these are 100 MB/s. */
const RATE = Number(flags.rate)
const AT_ONCE = Number(flags['at-once'])
const MIB = 2 ** 20
const LIMIT_BYTES = 2 ** 30
const LOOK_EVERY_MS = 2
const GIVE_UP_MS = 60_000
const STAYS_MS = 300
/** Over it the pace of the leak is measured. */
const PACE_MS = 1_000
const LEAST_WON = 0.95
/** Automatic effects are for a tenth of the fleet; with these all containers may be acted on. */
const OTHERS = 100

type Way = 'pause' | 'resize' | 'poll'

const CONFIGS: Readonly<Record<Way, { readonly memory: object; readonly sampling: object }>> = {
  pause: { memory: { actions: { oomImminent: 'pause' } }, sampling: {} },
  resize: { memory: { actions: { oomImminent: 'resize', maxMemoryBytes: '2GiB' } }, sampling: {} },
  poll: { memory: { actions: { oomImminent: 'pause' } }, sampling: { nearLimitInterval: '1s' } },
}

interface Race {
  readonly won: boolean
  readonly leftMib: number
  readonly leadMs: number
  readonly mibPerSecond: number
  readonly fault: string | undefined
}

async function race(daemon: ActingDaemon, dockerd: Dockerd, way: Way, run: number): Promise<Race> {
  const id = `${way}-${run}`
  const { container, pid } = await dockerd.runContainer({
    labels: { 'agent-exporter.agent': id, 'agent-exporter.enforce': 'true' },
    memory: LIMIT_BYTES,
    // The leak meets the samples at any point of their second.
    script: `sleep ${(1 + Math.random()).toFixed(3)}; ${leakScript(RATE)}`,
  })
  const memory = containerMemory(pid)
  const group = containerGroup(pid)
  const isActedOn = () => (way === 'resize' ? (memory.limitBytes() ?? 0) > LIMIT_BYTES : group.isFrozen())
  const isKilled = () => (memory.oomKills() ?? 0) > 0
  const seen: { atMs: number; bytes: number }[] = []
  try {
    const until = performance.now() + GIVE_UP_MS
    while (!isActedOn() && !isKilled() && performance.now() < until) {
      const bytes = memory.usedBytes()
      const atMs = performance.now()
      if (bytes !== undefined) seen.push({ atMs, bytes })
      await delay(LOOK_EVERY_MS)
    }
    const usedBytes = memory.usedBytes() ?? LIMIT_BYTES
    const wasFirst = isActedOn() && !isKilled()
    await delay(STAYS_MS)
    const line = await eventually('the journal has it', async () => {
      const [newest] = await daemon.journal(id)
      return newest !== undefined && newest.status !== 'intended' ? newest : undefined
    }).catch(() => undefined)
    const faults = [
      ...(wasFirst ? [] : ['the kernel was first']),
      ...(isKilled() && wasFirst ? ['killed all the same'] : []),
      ...(line?.status === 'done' ? [] : [`the journal says ${JSON.stringify(line ?? 'nothing')}`]),
    ]
    const leftMib = Math.max(0, LIMIT_BYTES - usedBytes) / MIB
    const mibPerSecond = paceOf(seen)
    const fault = faults.length === 0 ? undefined : faults.join('; ')
    return {
      won: fault === undefined,
      leftMib,
      leadMs: (1_000 * leftMib) / mibPerSecond,
      mibPerSecond,
      fault,
    }
  } finally {
    await container.unpause().catch(() => undefined)
    await container.remove({ force: true }).catch(() => undefined)
  }
}

function paceOf(seen: readonly { readonly atMs: number; readonly bytes: number }[]): number {
  const last = seen.at(-1)
  const first = last && seen.find(({ atMs }) => last.atMs - atMs <= PACE_MS)
  if (last === undefined || first === undefined || first === last) return RATE
  return (1_000 * (last.bytes - first.bytes)) / MIB / (last.atMs - first.atMs)
}

async function racesOf(dockerd: Dockerd, way: Way): Promise<Race[]> {
  await using daemon = await startActingDaemon({
    env: { DOCKER_HOST: `unix://${dockerd.socketPath}` },
    config: {
      ...CONFIGS[way],
      agents: { discovery: { processes: false } },
      control: { maxFleetShare: 1 },
      resourceExhaustion: { thresholds: { maxTimeWithoutDeliverableMs: '1h' } },
    },
  })
  for (let other = 0; other < OTHERS; other++) {
    const { status } = await daemon.call('POST', '/api/v1/agents', {
      id: `other-${other}`,
      budget: { maxTokensConsumed: 1e9 },
    })
    if (status !== 201) throw new Error(`a registration answered ${status}`)
  }
  const races: Race[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, lane) => {
      await delay(lane * 1_300)
      while (next < RUNS) races.push(await race(daemon, dockerd, way, next++))
    }),
  )
  return races
}

function spread(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN)
  return { min: at(0), p10: at(0.1), p50: at(0.5), max: at(1) }
}

await using dockerd = await startDockerd()
for (const way of flags.ways.split(',') as Way[]) {
  const loadBefore = loadavg()[0]!.toFixed(1)
  const races = await racesOf(dockerd, way)
  const won = races.filter((one) => one.won)
  console.log(
    JSON.stringify({
      ...{ bench: 'race', way, runs: races.length, won: won.length },
      leftMib: spread(won.map(({ leftMib }) => leftMib)),
      leadMs: spread(won.map(({ leadMs }) => leadMs)),
      mibPerSecond: spread(races.map(({ mibPerSecond }) => mibPerSecond)),
      faults: races.flatMap(({ fault }) => fault ?? []).slice(0, 3),
      ...{ cores: cpus().length, loadBefore, node: process.version },
    }),
  )
  if (way !== 'poll' && won.length < LEAST_WON * races.length) process.exitCode = 1
}
