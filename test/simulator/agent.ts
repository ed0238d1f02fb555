import type { Random } from '../../bench/trend/random.ts'
import type { CrashCause } from '../../src/crashes/model.ts'
import { DEATHS, LIMIT_DEATHS } from './deaths.ts'

const MIB = 2 ** 20
/** Where the seed's levels begin. */
const LEVELS = [
  { level: 'oom_imminent', bytes: 1_536 * MIB },
  { level: 'critical', bytes: 1_024 * MIB },
  { level: 'warning', bytes: 512 * MIB },
] as const
export type SimulatedLevel = (typeof LEVELS)[number]['level'] | 'normal'

/** Every agent dies here; a container of two gigabytes. */
const LIMIT_BYTES = 2_048 * MIB
const HOUR_MS = 3_600_000
const RECENT = 30

/** One line of a batch, as the daemons of the seed send it. */
export interface SimulatedMetric {
  readonly name: string
  readonly rssBytes: number
  readonly alertLevel: SimulatedLevel
  readonly trend: string
  readonly [more: string]: unknown
}

export interface SimulatedDeath {
  readonly cause: CrashCause
  readonly report: Readonly<Record<string, unknown>>
}

export interface SimulatedAlert {
  readonly alertType: SimulatedLevel | 'recovered'
  readonly currentRss: number
  readonly threshold: number
  readonly message: string
}

/** What happened to one agent in one step. Of one that has just died there is no metric. */
export interface Step {
  readonly metric: SimulatedMetric | undefined
  readonly death: SimulatedDeath | undefined
  readonly alert: SimulatedAlert | undefined
}

export interface SimulatedAgent {
  readonly name: string
  step(nowMs: number, sinceMs: number): Step
}

type Shape = 'steady' | 'sawtooth' | 'leak' | 'busy'

/** An agent that lives, grows, dies now and then, and is started again. Chance decides all of it, so a seed repeats it. */
export function createSimulatedAgent(name: string, random: Random): SimulatedAgent {
  const shape = chooseShape(random)
  const base = random.logBetween(60, 420) * MIB
  /** From half a gigabyte to four an hour. */
  const leakPerMs = (shape === 'leak' ? random.logBetween(512, 4_096) * MIB : 0) / HOUR_MS
  const periodMs = random.between(60_000, 600_000)
  const deathsPerMs = random.between(0.02, 0.4) / HOUR_MS
  let pid = Math.round(random.between(300, 60_000))
  let startedAtMs: number | undefined
  let level: SimulatedLevel = 'normal'
  let recent: number[] = []
  let high = 0
  let low = Number.POSITIVE_INFINITY

  function end(): void {
    startedAtMs = undefined
    level = 'normal'
    recent = []
    high = 0
    low = Number.POSITIVE_INFINITY
    pid = 300 + ((pid + Math.round(random.between(1, 500))) % 60_000)
  }

  function memory(ageMs: number): number {
    const swing = shape === 'sawtooth' ? (0.8 * base * (ageMs % periodMs)) / periodMs : 0
    return base + swing + leakPerMs * ageMs + 0.01 * base * random.gaussian()
  }

  function die(rssBytes: number, deaths: readonly SimulatedDeath[]): SimulatedDeath {
    const { cause, report } = deaths[Math.floor(random.next() * deaths.length)]!
    const memory = { pid, lastKnownMemory: rssBytes, peakMemory: Math.max(high, rssBytes) }
    end()
    return { cause, report: { ...memory, ...report } }
  }

  return {
    name,
    step(nowMs, sinceMs) {
      startedAtMs ??= nowMs
      const ageMs = nowMs - startedAtMs
      const rssBytes = memory(ageMs)
      const none = { metric: undefined, alert: undefined }
      if (rssBytes >= LIMIT_BYTES) return { ...none, death: die(rssBytes, LIMIT_DEATHS) }
      if (random.chance(deathsPerMs * sinceMs)) return { ...none, death: die(rssBytes, DEATHS) }
      high = Math.max(high, rssBytes)
      low = Math.min(low, rssBytes)
      recent = [...recent, rssBytes].slice(-RECENT)
      const now = levelOf(rssBytes)
      const alert = now === level ? undefined : alertOf(now, rssBytes, name)
      level = now
      return {
        death: undefined,
        alert,
        metric: {
          ...{ name, pid, status: 'running', rssBytes, heapUsedBytes: 0.6 * rssBytes },
          ...{ heapTotalBytes: 0.8 * rssBytes, highWatermark: high, lowWatermark: low },
          cpuPercent: (shape === 'busy' ? 90 : 8) * random.between(0.5, 1.5),
          trend: leakPerMs > 0 ? 'growing' : 'stable',
          trendRatePerMinute: 60_000 * leakPerMs,
          alertLevel: now,
          averageRss: recent.reduce((sum, one) => sum + one, 0) / recent.length,
          uptimeMs: ageMs,
          startedAt: new Date(startedAtMs).toISOString(),
        },
      }
    },
  }
}

function chooseShape(random: Random): Shape {
  const at = random.next()
  return at < 0.45 ? 'steady' : at < 0.65 ? 'sawtooth' : at < 0.85 ? 'leak' : 'busy'
}

function levelOf(bytes: number): SimulatedLevel {
  return LEVELS.find((one) => bytes >= one.bytes)?.level ?? 'normal'
}

function alertOf(level: SimulatedLevel, currentRss: number, name: string): SimulatedAlert {
  const threshold = LEVELS.find((one) => one.level === level)?.bytes ?? LEVELS[2].bytes
  const alertType = level === 'normal' ? 'recovered' : level
  const message = `${name} uses ${Math.round(currentRss / MIB)} MiB.`
  return { alertType, currentRss, threshold, message }
}
