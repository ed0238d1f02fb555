import { ago, count, money, percent, UNKNOWN } from './amounts.ts'
import { approvalButtons } from './buttons.ts'
import { memoryScale } from './gauge.ts'
import { limitsOf } from './limits.ts'
import { html, type Markup } from './markup.ts'
import type { Frame, ShownAction, ShownAgent } from './model.ts'
import {
  agentLink,
  badge,
  bar,
  finding,
  LEVEL_WORDS,
  levelSeverity,
  memoryBar,
  phaseSeverity,
  stateOf,
  whoAsked,
} from './parts.ts'
import { type Finding, findings, rankOf, SEVERITIES, type Severity } from './trouble.ts'

/** Rows of one page: more nobody reads, and it is what a busy daemon renders in a few milliseconds. */
export const FLEET_PAGE = 100

/** An agent and the worst that is known of it. */
export interface FleetRow {
  readonly agent: ShownAgent
  readonly worst: Finding
  readonly others: number
}

export function fleetRow(agent: ShownAgent, pending: readonly ShownAction[], nowMs: number): FleetRow {
  const [worst, ...rest] = findings(agent, pending, nowMs)
  return { agent, worst, others: rest.length }
}

/** Who needs somebody most is first; nearest to the end of its memory or budget among equals, then by name. */
export function byNeed(a: FleetRow, b: FleetRow): number {
  return (
    rankOf(a.worst) - rankOf(b.worst) ||
    // In steps, or rows would change places at every look.
    Math.round(10 * (nearness(b.agent) - nearness(a.agent))) ||
    (a.agent.id < b.agent.id ? -1 : 1)
  )
}

function nearness({ memory, ratios = {} }: ShownAgent): number {
  const { bytes: scale } = memory ? memoryScale(memory) : {}
  const fullness = scale === undefined ? 0 : (memory?.judgedBytes ?? 0) / scale
  return Math.max(fullness, ...Object.values(ratios))
}

/** Does anything that a person sees of the agent contain the text? */
export function matches({ agent, worst }: FleetRow, text: string): boolean {
  const { id, name, role, vendor, runtime, phase, memory } = agent
  const words = [
    id,
    name,
    role,
    vendor,
    runtime,
    phase,
    memory?.level,
    stateOf(agent),
    worst.severity,
    worst.says,
  ]
  const wanted = text.toLowerCase()
  return words.some((word) => word?.toLowerCase().includes(wanted))
}

export interface Fleet {
  /** Those on this page. */
  readonly rows: readonly FleetRow[]
  /** Of all agents, also those that the filter leaves out. */
  readonly tally: Readonly<Partial<Record<Severity, number>>>
  readonly total: number
  readonly matching: number
  readonly filter: string
  /** From 1. */
  readonly page: number
}

export function fleetPage(fleet: Fleet, frame: Frame): Markup {
  const { rows, tally, total, matching, filter } = fleet
  const counts = SEVERITIES.flatMap((severity) => {
    const many = tally[severity]
    return many === undefined ? [] : [html`<li>${badge(severity)} ${many}</li>`]
  })
  return html`<ul class="tally" aria-label="Agents by how much they need somebody">${counts}</ul>
${approvals(frame)}
<form method="get" action="/ui/" role="search" class="filter"><label for="filter">Filter</label><input type="search" id="filter" name="q" value="${filter}" maxlength="128" placeholder="id, role, state, level …" autocomplete="off"> <kbd>/</kbd> <noscript><button>Filter</button></noscript> <span class="faint">${
    filter === '' ? `${total} ${total === 1 ? 'agent' : 'agents'}` : `${matching} of ${total} agents`
  }</span></form>
${rows.length === 0 ? html`<p class="faint">${total === 0 ? NOBODY : 'No agent fits the filter.'}</p>` : table(rows, frame)}
${pages(fleet)}`
}

const NOBODY = html`No agent was found yet. Start one with <code>agent-exporter run -- COMMAND</code>, or start a known one; it is here a second later.`

function approvals({ pending, nowMs }: Frame): Markup | undefined {
  if (pending.length === 0) return undefined
  const rows = pending.map(
    (action) =>
      html`<li id="pending-${action.id}"><p>${badge('held', 'waits for approval')} To <strong>${action.action}</strong> ${agentLink(action.agent)}, asked by ${whoAsked(action)} ${ago(action.at, nowMs)}: ${action.reason}</p>${approvalButtons(action)}</li>`,
  )
  return html`<section aria-labelledby="approvals"><h2 id="approvals">To decide</h2><ul class="cards">${rows}</ul></section>`
}

function table(rows: readonly FleetRow[], { nowMs }: Frame): Markup {
  const heads = ['Agent', 'State', 'Why it needs you', 'Memory', 'CPU', 'Budget', 'Used', 'Last deliverable']
  return html`<div class="wide"><table class="fleet"><thead><tr>${heads.map(
    (head) => html`<th scope="col">${head}</th>`,
  )}</tr></thead><tbody>${rows.map((row) => tableRow(row, nowMs))}</tbody></table></div>`
}

function tableRow({ agent, worst, others }: FleetRow, nowMs: number): Markup {
  const { id, name, role, vendor, memory, cpuPercent, lastDeliverableAt } = agent
  const about = [name === id ? undefined : name, role, vendor]
    .filter((part) => part !== undefined)
    .join(' · ')
  const level = memory?.judgedBytes === undefined ? undefined : (memory.level ?? 'healthy')
  return html`<tr id="agent-${id}" class="${worst.severity}"><th scope="row">${agentLink(id)}<br><span class="faint">${about}</span></th><td>${stateOf(agent)}${
    agent.enforced === false && html`<br><span class="faint">observed only</span>`
  }</td><td class="why">${finding(worst)}${others > 0 && html` <span class="faint">and ${others} more</span>`}</td><td class="meter">${memoryBar(agent)}${
    level !== undefined && html`<br>${badge(levelSeverity(memory), LEVEL_WORDS[level])}`
  }${memory?.trend === 'growing' && html` <span class="faint">growing</span>`}</td><td class="number">${
    cpuPercent === undefined ? UNKNOWN : percent(cpuPercent / 100)
  }</td><td class="meter">${budget(agent)}</td><td class="number">${used(agent)}</td><td>${ago(lastDeliverableAt, nowMs)}</td></tr>`
}

/** Only the agent knows what it uses: no report is no proof of no use. */
function used({ tokensConsumed = 0, costUsd = 0 }: ShownAgent): Markup {
  if (tokensConsumed === 0 && costUsd === 0) return html`<span class="faint">none told</span>`
  const tokens = tokensConsumed > 0 && html`${count(tokensConsumed)} tokens`
  const cost = costUsd > 0 && money(costUsd)
  return html`${tokens}${tokens && cost && html`<br>`}${cost}`
}

/** The limit it is nearest to. */
function budget({ phase, thresholds, ratios, endedAt }: ShownAgent): Markup {
  const [nearest] = limitsOf(thresholds, ratios)
  if (phase === undefined || nearest?.ratio === undefined || endedAt !== undefined) return html`${UNKNOWN}`
  const { text, max, ratio } = nearest
  return html`${bar({
    ...{ ratio, severity: phaseSeverity(phase) },
    label: `Budget: ${percent(ratio)} of ${text.name}, phase ${phase}`,
  })} <span class="bar-text">${percent(ratio)} <span class="faint">of ${text.show(max)} ${text.name}</span></span><br>${badge(phaseSeverity(phase), phase)}`
}

function pages({ matching, page, filter }: Fleet): Markup | undefined {
  const last = Math.ceil(matching / FLEET_PAGE)
  if (last <= 1) return undefined
  const to = (number: number) =>
    `/ui/?${new URLSearchParams({ ...(filter !== '' && { q: filter }), page: String(number) })}`
  return html`<nav class="pages" aria-label="Pages of the fleet">${page > 1 && html`<a href="${to(page - 1)}" rel="prev">Sooner</a>`} page ${page} of ${last} ${
    page < last && html`<a href="${to(page + 1)}" rel="next">Later</a>`
  }</nav>`
}
