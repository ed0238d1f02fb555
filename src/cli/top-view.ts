import { PHASES, type Phase } from '../exhaustion/model.ts'
import { cleanText } from '../platform/text.ts'
import { type FullAgent, stateOf } from './agent-list.ts'
import { levelStyle } from './level-style.ts'
import { type Column, formatBytes, renderColumns } from './table.ts'
import type { Style, Terminal } from './terminal.ts'
import { nearestOf, sortAgents, type TopSort } from './top-sort.ts'
import { fitText } from './width.ts'

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

const PHASE_STYLES: Readonly<Record<Phase, Style | undefined>> = {
  normal: undefined,
  warning: 'yellow',
  intervention: 'red',
  termination: 'bold red',
}

/** @param at monotonic milliseconds, on the clock of `earlier` */
export function snapshotOf(
  agents: readonly FullAgent[],
  filter: TopFilter & { readonly sort?: TopSort },
  stamp: Date,
  earlier?: Earlier,
  at = 0,
): TopSnapshot {
  const wanted = agents.filter((agent) => isWanted(agent, filter))
  const shown = sortAgents(wanted, filter.sort ?? 'urgency', cpuSince(earlier, at))
  const states = shown.map(stateOf)
  return {
    at: stamp.toISOString(),
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
  terminal: Terminal = { columns: undefined, colours: 'off' },
  sort: TopSort = 'urgency',
): string {
  const { total, active, paused, byPhase } = stats
  const phases = PHASES.flatMap((phase) =>
    byPhase[phase] === undefined ? [] : [`${byPhase[phase]} ${phase}`],
  )
  const { columns: width = Number.POSITIVE_INFINITY } = terminal
  const time = `${stamp.slice(11, 19)} UTC`
  if (total === 0) return `${time}  No agents.`
  const by = sort === 'urgency' ? '' : `; by ${sort}`
  const line = `${time}  ${total} agents, ${active} active, ${paused} paused; ${phases.join(', ') || 'no budgets'}${by}`
  return `${fitText(line, width)}\n${renderColumns(columns(cpuSince(earlier, at)), agents, terminal)}`
}

function columns(cpu: (agent: FullAgent) => number | undefined): readonly Column<FullAgent>[] {
  const memoryOf = ({ state: { lifecycleMetrics: of } }: FullAgent) => of.workingSetBytes ?? of.rssBytes
  return [
    { head: 'AGENT', cell: ({ id }) => id },
    { head: 'ROLE', cell: ({ role }) => role ?? '-', spare: 3 },
    { head: 'STATE', cell: stateOf },
    { head: 'PHASE', cell: ({ phase }) => ({ text: phase ?? '-', style: PHASE_STYLES[phase ?? 'normal'] }) },
    { head: 'BUDGET', cell: budgetText },
    { head: 'CPU', whole: true, cell: (agent) => cpuText(cpu(agent)) },
    { head: 'PROCS', cell: ({ state }) => String(state.lifecycleMetrics.processes ?? '-'), spare: 6 },
    { head: 'MEMORY', whole: true, cell: (agent) => formatBytes(memoryOf(agent)) },
    {
      head: 'LIMIT',
      whole: true,
      cell: ({ state }) => formatBytes(state.lifecycleMetrics.memoryLimitBytes),
      spare: 2,
    },
    {
      head: 'LEVEL',
      whole: true,
      cell: ({ memory }) => ({ text: memory?.level ?? '-', style: levelStyle(memory?.level) }),
      spare: 4,
    },
    { head: 'TREND', whole: true, cell: ({ memory }) => memory?.trend ?? '-', spare: 5 },
  ]
}

function budgetText(agent: FullAgent): string {
  const nearest = nearestOf(agent)
  return nearest === undefined ? '-' : `${Math.floor(nearest[1] * 100)}% ${nearest[0]}`
}

function cpuText(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(0)}%`
}

/** Share of one core since the look before; undefined when it was not there or not read at both. */
function cpuSince(earlier: Earlier | undefined, at: number): (agent: FullAgent) => number | undefined {
  const before = new Map(earlier?.agents.map((agent) => [agent.id, agent]))
  const seconds = earlier === undefined ? 0 : (at - earlier.at) / 1_000
  return (agent) => {
    const known = before.get(agent.id)
    const [now, then] = [cpuSecondsOf(agent), known && cpuSecondsOf(known)]
    if (now === undefined || then === undefined || now < then || seconds <= 0) return undefined
    return (now - then) / seconds
  }
}

function cpuSecondsOf({ state }: FullAgent): number | undefined {
  const { cpuUserSeconds, cpuSystemSeconds, cpuUnsplitSeconds } = state.lifecycleMetrics
  if (cpuUserSeconds === undefined || cpuSystemSeconds === undefined) return cpuUnsplitSeconds
  return cpuUserSeconds + cpuSystemSeconds
}

function isWanted(agent: FullAgent, { role, state, phase }: TopFilter): boolean {
  return (
    (role === undefined || agent.role === role) &&
    (state === undefined || stateOf(agent) === state) &&
    (phase === undefined || (agent.phase ?? 'normal') === phase)
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
