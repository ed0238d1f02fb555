import { ago, bytes, moment, percent, UNKNOWN } from './amounts.ts'
import { memoryScale } from './gauge.ts'
import { html, type Markup, type Part } from './markup.ts'
import type { ShownAction, ShownAgent, ShownMemory } from './model.ts'
import { outcomeOf } from './outcome.ts'
import type { Finding, Severity } from './trouble.ts'

const MARKS: Readonly<Record<Severity, readonly [sign: string, word: string]>> = {
  critical: ['✖', 'critical'],
  serious: ['▲', 'serious'],
  held: ['‖', 'held'],
  warning: ['!', 'warning'],
  fine: ['✓', 'fine'],
  ended: ['■', 'ended'],
}

/** A sign, a word and a colour, which all three say the same. */
export function badge(severity: Severity, word = MARKS[severity][1]): Markup {
  return html`<span class="badge ${severity}"><span aria-hidden="true">${MARKS[severity][0]}</span> ${word}</span>`
}

/** The address of an agent's page. Ids are plain text for paths but for `:` and `@`, which are encoded like the rest. */
const agentPath = (id: string): string => `/ui/agents/${encodeURIComponent(id)}`

export const agentLink = (id: string): Markup => html`<a href="${agentPath(id)}">${id}</a>`

export function finding({ severity, says, crash }: Finding): Markup {
  const more =
    crash !== undefined && html` <a href="/ui/crashes/${encodeURIComponent(crash)}">What is known of it</a>`
  return html`${badge(severity)} ${says}${more}`
}

/** A pause is known before the next sample sees it. */
export function stateOf({ state, holds = [], endedAt }: ShownAgent): string {
  return holds.length > 0 && endedAt === undefined ? 'paused' : state.lifecycleState
}

export interface Bar {
  /** Of the whole width; more than 1 fills it. */
  readonly ratio: number | undefined
  readonly severity: Severity
  /** What it means, for those who do not see it. */
  readonly label: string
  /** Where the limits before the last are. */
  readonly marks?: readonly number[]
}

/** How much of something is used up. Nothing is drawn of what was not measured. */
export function bar({ ratio, severity, label, marks = [] }: Bar): Markup {
  if (ratio === undefined) return html`<span class="bar-none">not measured</span>`
  const width = round(Math.min(1, Math.max(0, ratio)) * 100)
  const lines = marks
    .filter((at) => at > 0 && at < 1)
    .map((at) => html`<rect class="bar-mark" x="${round(at * 100)}" width="0.8" height="10"/>`)
  return html`<svg class="bar ${severity}" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${label}"><rect class="bar-bed" width="100" height="10"/><rect class="bar-fill" width="${width}" height="10"/>${lines}</svg>`
}

const round = (value: number): number => Math.round(value * 10) / 10

const LEVEL_SEVERITY = {
  healthy: 'fine',
  warning: 'warning',
  critical: 'serious',
  oom_imminent: 'critical',
} as const

export function levelSeverity(memory: ShownMemory | null | undefined): Severity {
  return LEVEL_SEVERITY[memory?.level ?? 'healthy']
}

const PHASE_SEVERITY = {
  normal: 'fine',
  warning: 'warning',
  intervention: 'serious',
  termination: 'critical',
} as const

export function phaseSeverity(phase: ShownAgent['phase']): Severity {
  return PHASE_SEVERITY[phase ?? 'normal']
}

export const LEVEL_WORDS = {
  healthy: 'healthy',
  warning: 'warning',
  critical: 'critical',
  oom_imminent: 'OOM imminent',
} as const

export function memoryBar(agent: ShownAgent): Markup {
  const { memory } = agent
  if (memory === undefined || memory === null || memory.judgedBytes === undefined) {
    const { rssBytes } = agent.state.lifecycleMetrics
    return html`${rssBytes === undefined ? UNKNOWN : `${bytes(rssBytes)} resident, not judged`}`
  }
  const { judgedBytes, thresholds, level = 'healthy' } = memory
  const { bytes: scale, isLimit } = memoryScale(memory)
  const ratio = scale === undefined ? undefined : judgedBytes / scale
  const against =
    scale === undefined ? ', no limit' : isLimit ? ` of ${bytes(scale)}` : `, full at ${bytes(scale)}`
  return html`${bar({
    ratio,
    severity: LEVEL_SEVERITY[level],
    label: `Memory: ${percent(ratio)}, ${LEVEL_WORDS[level]}`,
    marks:
      scale === undefined || thresholds === undefined
        ? []
        : [thresholds.warning / scale, thresholds.critical / scale],
  })} <span class="bar-text">${bytes(judgedBytes)}<span class="faint">${against}</span></span>`
}

/** Lines of the journal. */
export function actionTable(
  items: readonly ShownAction[],
  nowMs: number,
  options: { readonly showsAgent: boolean; readonly empty: string },
): Markup {
  if (items.length === 0) return html`<p class="faint">${options.empty}</p>`
  return html`<div class="wide"><table><thead><tr><th scope="col">When (UTC)</th>${
    options.showsAgent && html`<th scope="col">Agent</th>`
  }<th scope="col">What came of it</th><th scope="col">For</th><th scope="col">Reason</th></tr></thead><tbody>${items.map(
    (item) => actionRow(item, nowMs, options.showsAgent),
  )}</tbody></table></div>`
}

function actionRow(entry: ShownAction, nowMs: number, showsAgent: boolean): Markup {
  const { id, at, lastAt, agent, reason, count } = entry
  const { says, mark } = outcomeOf(entry)
  const times = count > 1 && html` <span class="faint">×${count}</span>`
  return html`<tr id="action-${id}"><td class="time">${moment(lastAt ?? at, nowMs)}</td>${
    showsAgent && html`<td>${agentLink(agent)}</td>`
  }<td>${badge(mark, entry.status.replaceAll('_', ' '))} <a href="${actionPath(id)}">${says}</a>${times}</td><td>${whoAsked(entry)}</td><td>${reason}</td></tr>`
}

const actionPath = (id: string): string => `/ui/actions/${encodeURIComponent(id)}`

export function whoAsked({ trigger, actor }: ShownAction): string {
  if (trigger === 'human') return `a person (${actor})`
  return trigger === actor ? trigger : `${trigger}: ${actor}`
}

/** Rows of names and values; what is not known is left out. */
export function facts(rows: readonly (readonly [name: string, value: Part])[]): Markup {
  const known = rows.filter(([, value]) => value !== undefined && value !== null && value !== UNKNOWN)
  return html`<dl>${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

export function since(iso: string | undefined, nowMs: number): Part {
  return iso === undefined ? undefined : ago(iso, nowMs)
}
