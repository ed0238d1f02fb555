import { freshMemory, type JudgeConfig, judgeMemory } from '../../src/memory/judge.ts'
import type { Trace } from './corpus.ts'

const MB = 1_048_576

/** The defaults. */
const CONFIG: JudgeConfig = {
  thresholds: { warningBytes: 512 * MB, criticalBytes: 1_024 * MB, oomImminentBytes: 1_536 * MB },
  limitRatios: { warning: 0.8, critical: 0.9, oomImminent: 0.95 },
  trend: { warningHorizonMs: 15 * 60_000 },
  alertCooldownMs: 60_000,
  intervalMs: 1_000,
  nearLimitIntervalMs: 100,
}

/** CPU microseconds of one sample, the looks of once a minute included, and bytes kept per agent at full length. */
export interface Cost {
  readonly microsecondsPerSample: number
  readonly bytesPerAgent: number
}

const AGENTS = 200

/** Everything that is judged of a sample, over a whole trace of a second per sample. */
export function measureCost({ bytes, limitBytes }: Trace): Cost {
  const judge = () => {
    let state = freshMemory(CONFIG)
    for (let t = 0; t < bytes.length; t++) {
      const value = bytes[t]!
      const anonBytes = Number.isNaN(value) ? undefined : value
      const sample = { anonBytes, workingSetBytes: anonBytes, limitBytes, hostAvailableBytes: 8_192 * MB }
      state = judgeMemory(state, sample, CONFIG, t * 1_000)[0]
    }
    return state
  }
  judge()
  collectGarbage()
  const before = process.cpuUsage()
  judge()
  const { user, system } = process.cpuUsage(before)

  collectGarbage()
  const empty = memory()
  const kept = Array.from({ length: AGENTS }, () => {
    let state = freshMemory(CONFIG)
    for (let t = 0; t < 7_300; t += 10) {
      const sample = { anonBytes: 100 * MB + t, workingSetBytes: 120 * MB, limitBytes: 256 * MB }
      state = judgeMemory(state, sample, CONFIG, t * 1_000)[0]
    }
    return state
  })
  collectGarbage()
  const bytesPerAgent = (memory() - empty) / kept.length
  return { microsecondsPerSample: (user + system) / bytes.length, bytesPerAgent }
}

/** @throws Error without `--expose-gc`: garbage would be counted as kept */
function collectGarbage(): void {
  if (global.gc === undefined) throw new Error('run it with node --expose-gc')
  for (let i = 0; i < 3; i++) global.gc()
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
