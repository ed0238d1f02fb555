// What it costs to judge the memory of one agent: the part that every sample of every agent pays, and a look at one
// container between the samples.
//
//   npm run bench:memory [-- --agents=100 --seconds=7200]
//
// Simulated agents (idle, working, leaking) through the judge as the daemon calls it, one sample a second each; the
// look reads the memory files of the control group of this process. Prints one JSON line; exits 1 when over budget.
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { freshMemory, type JudgeConfig, judgeMemory } from '../src/memory/judge.ts'
import { createCgroupReader } from '../src/platform/cgroup/reader.ts'
import { emptySample } from '../src/platform/cgroup/sample.ts'

const { values: flags } = parseArgs({
  options: {
    agents: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '7200' },
  },
})
const AGENTS = Number(flags.agents)
const SECONDS = Number(flags.seconds)
const WARM_UP_S = 600
const MIB = 2 ** 20
const GIB = 2 ** 30
/** A hundredth of the footprint: 100 agents may cost a hundredth of a core in all. */
const JUDGE_BUDGET_US = 10
/** DESIGN, section "Budgets". */
const LOOK_BUDGET_US = 100
const LOOKS = 20_000

const CONFIG: JudgeConfig = {
  thresholds: { warningBytes: 512 * MIB, criticalBytes: GIB, oomImminentBytes: 1.5 * GIB },
  limitRatios: { warning: 0.8, critical: 0.9, oomImminent: 0.95 },
  trend: { warningHorizonMs: 900_000 },
  ...{ alertCooldownMs: 60_000, intervalMs: 1_000, nearLimitIntervalMs: 100 },
}

/** Numbers between 0 and 1, the same in every run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

type Kind = 'idle' | 'working' | 'leaking'
const KINDS: readonly Kind[] = ['idle', 'working', 'leaking']
const chance = random(1)

function bytesAt(kind: Kind, second: number): number {
  if (kind === 'idle') return 80 * MIB
  const sawtooth = ((second % 90) / 90) * 60 * MIB + chance() * 4 * MIB
  return 200 * MIB + sawtooth + (kind === 'leaking' ? second * 0.05 * MIB : 0)
}

function judgeCost(): Record<Kind | 'mean' | 'secondMsP999', number> {
  const agents = Array.from({ length: AGENTS }, (_, i) => ({
    kind: KINDS[i % KINDS.length]!,
    // As the daemon spreads them over the minute.
    state: freshMemory(CONFIG, (i % 60) * 1_000),
  }))
  const spent: Record<Kind, { ms: number; samples: number }> = {
    idle: { ms: 0, samples: 0 },
    working: { ms: 0, samples: 0 },
    leaking: { ms: 0, samples: 0 },
  }
  const seconds: number[] = []
  for (let second = 0; second < SECONDS; second++) {
    let inSecond = 0
    for (const agent of agents) {
      const bytes = bytesAt(agent.kind, second)
      const sample = {
        ...{ anonBytes: bytes, rssBytes: bytes, swapBytes: 0, workingSetBytes: bytes + 5 * MIB },
        ...{ limitBytes: GIB, hostAvailableBytes: 8 * GIB },
      }
      const from = performance.now()
      agent.state = judgeMemory(agent.state, sample, CONFIG, second * 1_000)[0]
      const ms = performance.now() - from
      inSecond += ms
      if (second < WARM_UP_S) continue
      spent[agent.kind].ms += ms
      spent[agent.kind].samples++
    }
    if (second >= WARM_UP_S) seconds.push(inSecond)
  }
  const us = (kind: Kind) => (1_000 * spent[kind].ms) / spent[kind].samples
  const [idle, working, leaking] = KINDS.map(us) as [number, number, number]
  seconds.sort((a, b) => a - b)
  const secondMsP999 = seconds[Math.floor(0.999 * seconds.length)] ?? Number.NaN
  return { idle, working, leaking, mean: (idle + working + leaking) / 3, secondMsP999 }
}

function lookCost(): { readonly all: number; readonly memory: number } | undefined {
  const reader = createCgroupReader()
  const ref = reader.locate(process.pid)
  const sample = emptySample()
  const cost = (files: 'all' | 'memory') => {
    if (ref === undefined || reader.read(ref, sample, files) !== 'ok') return undefined
    const from = performance.now()
    for (let look = 0; look < LOOKS; look++) reader.read(ref, sample, files)
    return (1_000 * (performance.now() - from)) / LOOKS
  }
  cost('all')
  const [all, memory] = [cost('all'), cost('memory')]
  reader.close()
  return all === undefined || memory === undefined ? undefined : { all, memory }
}

const rounded = (numbers: object) =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Math.round(value * 10) / 10]))

const judge = judgeCost()
const look = lookCost()
const withinBudget = judge.mean <= JUDGE_BUDGET_US && (look === undefined || look.memory <= LOOK_BUDGET_US)
console.log(
  JSON.stringify({
    ...{ bench: 'memory', agents: AGENTS, seconds: SECONDS },
    judgeUs: rounded(judge),
    lookUs: look === undefined ? 'no control group can be read here' : rounded(look),
    budget: { judgeUs: JUDGE_BUDGET_US, lookUs: LOOK_BUDGET_US },
    withinBudget,
    ...{ cores: cpus().length, load: Math.round(loadavg()[0]! * 10) / 10, node: process.version },
  }),
)
if (!withinBudget) process.exitCode = 1
