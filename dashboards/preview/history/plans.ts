import type { AgentState } from '../../../src/agents/model.ts'
import type { CrashCause, ExitReason } from '../../../src/crashes/model.ts'
import type { Resource } from '../../../src/exhaustion/model.ts'
import type { Basis, Trend } from '../../../src/memory/model.ts'
import type { DeliverableType } from '../../../src/usage/model.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

/** Minutes before the end of the history, so below zero. */
type Minute = number

/** What an agent does by itself; what its exporter does about it follows from that. */
export interface AgentPlan {
  readonly id: string
  readonly instance: string
  readonly role: string
  readonly vendor: string
  readonly workspace: string
  readonly runtime: 'process' | 'container'
  readonly story: readonly (readonly [from: Minute, state: AgentState | 'gone'])[]
  readonly ends?: readonly { readonly at: Minute; readonly reason: ExitReason; readonly cause?: CrashCause }[]
  readonly memory: {
    readonly limit: number
    readonly basis: Basis
    bytes(at: Minute): number
    /** Bytes per second, and what the exporter makes of it. */
    growth(at: Minute): readonly [number, Trend]
  }
  /** Cores when it runs. */
  readonly cores: number
  readonly cpuLimit?: number
  readonly model: {
    readonly provider: string
    readonly name: string
    readonly tokensPerMinute: number
    readonly usdPerMillion: number
    readonly failing?: (at: Minute) => number
  }
  readonly budget?: {
    readonly limits: Readonly<Partial<Record<Resource, number>>>
    readonly enforced: boolean
    /** Minutes without an answer after which it is terminated. */
    readonly terminateAfter?: number
  }
  readonly deliverables?: { readonly everyMinutes: number; readonly kind: DeliverableType }
}

const steady =
  (bytes: number) =>
  (at: Minute): number =>
    bytes * (1 + 0.06 * Math.sin(at / 9) + 0.04 * Math.sin(at / 2.3))
const still = (at: Minute): readonly [number, Trend] => [2_000 * Math.sin(at / 11), 'stable']
export const LAPTOP = 'laptop-7:10780'
export const BUILD = 'build-01:10780'
export const BEGIN: Minute = -400

/** When the leaking one was killed by the kernel and began again. */
const KILLED: Minute = -151
/** A person held it for a while after that; held memory stands still. */
const PAUSED_AFTER = 45
const PAUSED_FOR = 17
const LEAK_LIMIT = 4 * GIB
function leak(at: Minute): number {
  const since = at < KILLED ? at + 388 : at - KILLED
  const slope = at < KILLED ? 15.2 : 24.2
  const held = at < KILLED ? 0 : Math.min(Math.max(since - PAUSED_AFTER, 0), PAUSED_FOR)
  const wave = held > 0 && held < PAUSED_FOR ? 0 : 14 * MIB * Math.sin(at / 3)
  return Math.min(LEAK_LIMIT * 0.992, (520 + (since - held) * slope) * MIB + wave)
}

/** Two machines and a working day: one leaks, one is paused at its budget, one crashes, two run in containers. */
export const PLANS: readonly AgentPlan[] = [
  {
    id: 'payments-coder',
    instance: LAPTOP,
    role: 'coder',
    vendor: 'claude',
    workspace: '/home/ada/payments',
    runtime: 'process',
    story: [
      [BEGIN, 'running'],
      [-300, 'waiting'],
      [-288, 'running'],
      [-200, 'idle'],
      [-170, 'running'],
      [-62, 'waiting'],
      [-55, 'running'],
    ],
    memory: { limit: 6 * GIB, basis: 'rss', bytes: steady(1.1 * GIB), growth: still },
    cores: 0.62,
    model: { provider: 'anthropic', name: 'claude-opus-4-5', tokensPerMinute: 5_600, usdPerMillion: 11 },
    budget: { limits: { cost_usd: 30, api_calls: 4_500, tokens: 3_000_000 }, enforced: true },
    deliverables: { everyMinutes: 41, kind: 'code_commit' },
  },
  {
    id: 'search-coder',
    instance: LAPTOP,
    role: 'coder',
    vendor: 'codex',
    workspace: '/home/ada/search',
    runtime: 'process',
    story: [
      [BEGIN, 'running'],
      [-131, 'exited'],
      [-127, 'starting'],
      [-126, 'running'],
      [-34, 'exited'],
      [-31, 'starting'],
      [-30, 'running'],
    ],
    ends: [
      { at: -131, reason: 'crashed', cause: 'heap_limit' },
      { at: -34, reason: 'crashed', cause: 'error' },
    ],
    memory: { limit: 6 * GIB, basis: 'rss', bytes: steady(760 * MIB), growth: still },
    cores: 0.48,
    model: { provider: 'openai', name: 'gpt-5-codex', tokensPerMinute: 4_100, usdPerMillion: 3.4 },
    budget: { limits: { time_without_deliverable: 3_600, files: 400 }, enforced: false },
    deliverables: { everyMinutes: 55, kind: 'test_passed' },
  },
  {
    id: 'planner',
    instance: LAPTOP,
    role: 'planner',
    vendor: 'claude',
    workspace: '/home/ada/payments',
    runtime: 'process',
    story: [
      [BEGIN, 'idle'],
      [-240, 'running'],
      [-215, 'idle'],
      [-95, 'running'],
      [-80, 'idle'],
    ],
    memory: { limit: 6 * GIB, basis: 'rss', bytes: steady(330 * MIB), growth: still },
    cores: 0.2,
    model: { provider: 'anthropic', name: 'claude-sonnet-4-5', tokensPerMinute: 1_900, usdPerMillion: 4.1 },
    budget: { limits: { cost_usd: 10 }, enforced: true },
    deliverables: { everyMinutes: 120, kind: 'analysis_report' },
  },
  {
    id: 'researcher',
    instance: BUILD,
    role: 'researcher',
    vendor: 'openhands',
    workspace: '/srv/research',
    runtime: 'container',
    story: [
      [BEGIN, 'running'],
      [KILLED, 'exited'],
      [KILLED + 1, 'starting'],
      [KILLED + 2, 'running'],
      [KILLED + PAUSED_AFTER, 'paused'],
      [KILLED + PAUSED_AFTER + PAUSED_FOR, 'running'],
      [-44, 'waiting'],
      [-38, 'running'],
    ],
    ends: [{ at: KILLED, reason: 'crashed', cause: 'memory_leak' }],
    memory: {
      limit: LEAK_LIMIT,
      basis: 'working_set',
      bytes: leak,
      growth: (at) => [
        (23 + 1.6 * Math.sin(at / 17)) * (MIB / 60),
        at > KILLED && at < KILLED + 12 ? 'unknown' : 'growing',
      ],
    },
    cores: 1.35,
    cpuLimit: 2,
    model: {
      provider: 'anthropic',
      name: 'claude-sonnet-4-5',
      tokensPerMinute: 3_400,
      usdPerMillion: 4.1,
      failing: (at) => (at > -78 && at < -64 ? 0.32 : 0.01),
    },
    budget: { limits: { tokens: 1_450_000, cost_usd: 12, subtasks: 60 }, enforced: true },
    deliverables: { everyMinutes: 52, kind: 'analysis_report' },
  },
  {
    id: 'migrator',
    instance: BUILD,
    role: 'coder',
    vendor: 'openhands',
    workspace: '/srv/migration',
    runtime: 'container',
    story: [
      [BEGIN, 'running'],
      [-210, 'idle'],
      [-190, 'running'],
    ],
    memory: { limit: 2 * GIB, basis: 'working_set', bytes: steady(1.05 * GIB), growth: still },
    cores: 0.97,
    cpuLimit: 1,
    model: { provider: 'google', name: 'gemini-2.5-pro', tokensPerMinute: 2_600, usdPerMillion: 2.2 },
    budget: { limits: { tokens: 1_000_000 }, enforced: true },
    deliverables: { everyMinutes: 75, kind: 'artifact_produced' },
  },
  {
    id: 'reviewer',
    instance: BUILD,
    role: 'reviewer',
    vendor: 'claude',
    workspace: '/srv/reviews',
    runtime: 'process',
    story: [[BEGIN, 'running']],
    memory: { limit: 8 * GIB, basis: 'rss', bytes: steady(540 * MIB), growth: still },
    cores: 0.35,
    model: { provider: 'anthropic', name: 'claude-opus-4-5', tokensPerMinute: 3_000, usdPerMillion: 11 },
    budget: { limits: { tokens: 850_000, api_calls: 3_500 }, enforced: true, terminateAfter: 120 },
    deliverables: { everyMinutes: 33, kind: 'review_complete' },
  },
  {
    id: 'load-tester',
    instance: BUILD,
    role: 'tester',
    vendor: 'opencode',
    workspace: '/srv/load',
    runtime: 'process',
    story: [
      [-330, 'starting'],
      [-329, 'running'],
      [-180, 'gone'],
    ],
    memory: { limit: 8 * GIB, basis: 'rss', bytes: steady(610 * MIB), growth: still },
    cores: 1.9,
    model: { provider: 'openai', name: 'gpt-5-codex', tokensPerMinute: 6_200, usdPerMillion: 3.4 },
    budget: { limits: { tokens: 560_000 }, enforced: true, terminateAfter: 10 },
  },
  {
    id: 'docs-writer',
    instance: LAPTOP,
    role: 'writer',
    vendor: 'gemini',
    workspace: '/home/ada/handbook',
    runtime: 'process',
    story: [
      [-250, 'starting'],
      [-249, 'running'],
      [-70, 'exited'],
      [-66, 'gone'],
    ],
    ends: [{ at: -70, reason: 'clean' }],
    memory: { limit: 6 * GIB, basis: 'rss', bytes: steady(410 * MIB), growth: still },
    cores: 0.3,
    model: { provider: 'google', name: 'gemini-2.5-pro', tokensPerMinute: 2_300, usdPerMillion: 2.2 },
    deliverables: { everyMinutes: 60, kind: 'documentation' },
  },
  {
    id: 'planner',
    instance: BUILD,
    role: 'planner',
    vendor: 'claude',
    workspace: '/srv/research',
    runtime: 'process',
    story: [
      [BEGIN, 'running'],
      [-320, 'idle'],
      [-100, 'running'],
    ],
    memory: { limit: 8 * GIB, basis: 'rss', bytes: steady(380 * MIB), growth: still },
    cores: 0.15,
    model: { provider: 'anthropic', name: 'claude-sonnet-4-5', tokensPerMinute: 1_500, usdPerMillion: 4.1 },
    budget: { limits: { cost_usd: 10 }, enforced: true },
  },
]
