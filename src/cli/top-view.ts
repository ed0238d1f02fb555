import { PHASES } from '../exhaustion/model.ts'
import { cleanText } from '../platform/text.ts'
import type { FullAgent } from './agent-list.ts'
import { formatBytes, renderTable } from './table.ts'

export interface TopFilter {
  readonly role?: string
  readonly state?: string
  readonly phase?: string
}

/** What `top --json` prints. */
export interface TopSnapshot {
  /** ISO 8601. */
  readonly at: string
  readonly stats: {
    readonly total: number
    /** Neither exited nor paused. */
    readonly active: number
    readonly paused: number
    readonly byState: Readonly<Record<string, number>>
    readonly byPhase: Readonly<Record<string, number>>
  }
  /** Nearest to the end of its budget first. */
  readonly agents: readonly FullAgent[]
}

/** The look before this one; `at` on the monotonic clock, in milliseconds. */
export interface Earlier {
  readonly agents: readonly FullAgent[]
  readonly at: number
}

const HEAD = ['AGENT', 'ROLE', 'STATE', 'PHASE', 'BUDGET', 'CPU', 'PROCS', 'MEMORY', 'LIMIT']

export function snapshotOf(agents: readonly FullAgent[], filter: TopFilter, at: Date): TopSnapshot {
  const shown = agents.filter((agent) => isWanted(agent, filter)).sort(byUrgency)
  const states = shown.map(stateOf)
  return {
    at: at.toISOString(),
    stats: {
      total: shown.length,
      active: states.filter((state) => state !== 'exited' && state !== 'paused').length,
      paused: states.filter((state) => state === 'paused').length,
      byState: tally(states),
      byPhase: tally(shown.map(({ phase }) => phase ?? 'normal')),
    },
    agents: shown,
  }
}

/** A line of totals and a table. @param at monotonic milliseconds */
export function renderTop(
  { at: stamp, stats, agents }: TopSnapshot,
  earlier: Earlier | undefined,
  at: number,
): string {
  const { total, active, paused, byPhase } = stats
  const phases = PHASES.flatMap((phase) =>
    byPhase[phase] === undefined ? [] : [`${byPhase[phase]} ${phase}`],
  )
  const line = `${stamp.slice(11, 19)} UTC  ${total} agents, ${active} active, ${paused} paused; ${phases.join(', ') || 'no budgets'}`
  if (total === 0) return `${stamp.slice(11, 19)} UTC  No agents.`
  const before = new Map(earlier?.agents.map((agent) => [agent.id, agent]))
  const seconds = earlier === undefined ? 0 : (at - earlier.at) / 1_000
  return `${line}\n${renderTable(
    HEAD,
    agents.map((agent) => row(agent, before.get(agent.id), seconds)),
  )}`
}

/** What fits on a screen, and how many lines do not. */
export function fit(text: string, columns: number, rows: number): readonly string[] {
  const lines = text.split('\n').map((line) => [...line].slice(0, columns).join(''))
  if (lines.length <= rows || rows < 2) return lines.slice(0, Math.max(1, rows))
  return [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`]
}

function row(agent: FullAgent, before: FullAgent | undefined, seconds: number): string[] {
  const { id, role, phase, state } = agent
  const { processes, workingSetBytes, rssBytes, memoryLimitBytes } = state.lifecycleMetrics
  const nearest = nearestOf(agent)
  return [
    id,
    role ?? '-',
    stateOf(agent),
    phase ?? '-',
    nearest === undefined ? '-' : `${Math.floor(nearest[1] * 100)}% ${nearest[0]}`,
    cpuOf(agent, before, seconds),
    processes === undefined ? '-' : String(processes),
    formatBytes(workingSetBytes ?? rssBytes),
    formatBytes(memoryLimitBytes),
  ]
}

/** Share of one core since the look before; a dash when it was not there or not read at both. */
function cpuOf(agent: FullAgent, before: FullAgent | undefined, seconds: number): string {
  const [now, then] = [cpuSecondsOf(agent), before && cpuSecondsOf(before)]
  if (now === undefined || then === undefined || now < then || seconds <= 0) return '-'
  return `${(((now - then) / seconds) * 100).toFixed(0)}%`
}

function cpuSecondsOf({ state }: FullAgent): number | undefined {
  const { cpuUserSeconds, cpuSystemSeconds, cpuUnsplitSeconds } = state.lifecycleMetrics
  if (cpuUserSeconds === undefined || cpuSystemSeconds === undefined) return cpuUnsplitSeconds
  return cpuUserSeconds + cpuSystemSeconds
}

/** The limit that is used up most, and its share. */
function nearestOf({ ratios = {} }: FullAgent): readonly [string, number] | undefined {
  let nearest: readonly [string, number] | undefined
  for (const [resource, ratio] of Object.entries(ratios)) {
    if (nearest === undefined || ratio > nearest[1]) nearest = [resource, ratio]
  }
  return nearest
}

/** A pause is known before the next sample sees it. */
function stateOf({ state, pausedAt }: FullAgent): string {
  const { lifecycleState } = state
  return pausedAt && lifecycleState !== 'exited' ? 'paused' : lifecycleState
}

function isWanted(agent: FullAgent, { role, state, phase }: TopFilter): boolean {
  return (
    (role === undefined || agent.role === role) &&
    (state === undefined || stateOf(agent) === state) &&
    (phase === undefined || (agent.phase ?? 'normal') === phase)
  )
}

function byUrgency(a: FullAgent, b: FullAgent): number {
  const rank = ({ phase = 'normal' }: FullAgent) => PHASES.indexOf(phase)
  const isOver = (agent: FullAgent) => Number(stateOf(agent) === 'exited')
  return (
    isOver(a) - isOver(b) ||
    rank(b) - rank(a) ||
    (nearestOf(b)?.[1] ?? 0) - (nearestOf(a)?.[1] ?? 0) ||
    (a.id < b.id ? -1 : 1)
  )
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) {
    const key = cleanText(name, 32)
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
