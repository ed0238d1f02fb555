import { ago, bytes, count, duration, moment, money, percent, UNKNOWN } from './amounts.ts'
import { agentButtons, approvalButtons } from './buttons.ts'
import { memoryChart } from './chart.ts'
import { limitsOf } from './limits.ts'
import { html, type Markup } from './markup.ts'
import type { AgentDetail, Frame, ShownAction, ShownAgent, ShownCrash, ShownEvent } from './model.ts'
import {
  actionTable,
  badge,
  bar,
  facts,
  finding,
  LEVEL_WORDS,
  levelSeverity,
  memoryBar,
  phaseSeverity,
  since,
  stateOf,
} from './parts.ts'
import { findings, holder } from './trouble.ts'

/** What the page of one agent is made of. */
export interface AgentMatter {
  readonly agent: ShownAgent
  readonly detail: AgentDetail | undefined
  readonly actions: readonly ShownAction[]
  readonly crashes: readonly ShownCrash[]
  readonly events: readonly ShownEvent[]
}

/** One agent as a ladder of evidence: what is wrong, what can be done, and then everything that says so. */
export function agentPage(matter: AgentMatter, frame: Frame): Markup {
  const { agent, detail, actions, crashes, events } = matter
  const { nowMs, pending, grafana } = frame
  const [worst, ...others] = findings(agent, pending, nowMs)
  const own = pending.filter((action) => action.agent === agent.id)
  return html`<p class="verdict" id="verdict">${finding(worst)}</p>
${others.length > 0 && html`<ul class="also">${others.map((one) => html`<li>${finding(one)}</li>`)}</ul>`}
${own.map((action) => html`<div class="card" id="pending-${action.id}"><p>Waits for approval to <strong>${action.action}</strong> it: ${action.reason}</p>${approvalButtons(action)}</div>`)}
${agentButtons(agent)}
<div class="columns">
<section aria-labelledby="memory"><h2 id="memory">Memory</h2>${memory(agent, detail, nowMs)}</section>
<section aria-labelledby="budget"><h2 id="budget">Budget</h2>${budget(agent)}</section>
<section aria-labelledby="holds"><h2 id="holds">Holds</h2>${holds(agent, nowMs)}</section>
<section aria-labelledby="itself"><h2 id="itself">The agent</h2>${itself(agent, nowMs)}${grafana !== undefined && boardLink(grafana, agent.id)}</section>
</div>
<section aria-labelledby="happened"><h2 id="happened">What was done</h2>${actionTable(actions, nowMs, { showsAgent: false, empty: 'Nothing was done to it yet.' })}<p><a href="/ui/actions?agent=${encodeURIComponent(agent.id)}">All of it</a></p></section>
<section aria-labelledby="events"><h2 id="events">What happened since the daemon started</h2>${happened(events, nowMs)}</section>
<section aria-labelledby="crashes"><h2 id="crashes">Crashes</h2>${crashList(crashes, nowMs)}</section>
<section aria-labelledby="processes"><h2 id="processes">Processes</h2>${processes(detail)}</section>`
}

function memory(agent: ShownAgent, detail: AgentDetail | undefined, nowMs: number): Markup {
  const { memory: of } = agent
  if (of === undefined || of === null) return html`<p class="faint">Not judged.</p>`
  const { growthBytesPerSecond: growth, timeToLimit, thresholds, level = 'healthy' } = of
  return html`<p class="meter">${memoryBar(agent)}</p>${memoryChart(detail?.memory ?? [], of, nowMs)}${facts([
    ['Level', of.judgedBytes === undefined ? undefined : badge(levelSeverity(of), LEVEL_WORDS[level])],
    ['Judged by', of.basis?.replaceAll('_', ' ')],
    [
      'Trend',
      of.trend === undefined
        ? undefined
        : `${of.trend}${growth === undefined ? '' : `, ${bytes(growth * 60)} a minute`}`,
    ],
    [
      'Full in',
      timeToLimit === undefined
        ? undefined
        : `about ${duration(timeToLimit.lowSeconds)} at its peaks, ${duration(timeToLimit.midSeconds)} in the middle`,
    ],
    ['Warning from', thresholds && bytes(thresholds.warning)],
    ['Critical from', thresholds && bytes(thresholds.critical)],
    ['OOM imminent from', thresholds && bytes(thresholds.oom_imminent)],
    ['Highest so far', of.highWatermarkBytes === undefined ? undefined : bytes(of.highWatermarkBytes)],
  ])}`
}

function budget({ phase, thresholds, ratios, enforced }: ShownAgent): Markup {
  const limits = limitsOf(thresholds, ratios)
  if (limits.length === 0) return html`<p class="faint">It has no limits.</p>`
  const severity = (ratio: number | undefined) =>
    ratio === undefined || ratio < 0.8 ? 'fine' : ratio < 1 ? 'warning' : 'serious'
  const rows = limits.map(
    ({ text, max, ratio }) =>
      html`<tr><th scope="row">${text.name}</th><td class="meter">${bar({ ratio, severity: severity(ratio), label: `${text.name}: ${percent(ratio)}` })}</td><td class="number">${percent(ratio)}</td><td class="number">${
        ratio === undefined ? UNKNOWN : text.show(ratio * max)
      } of ${text.show(max)}</td></tr>`,
  )
  return html`<p>Phase ${badge(phaseSeverity(phase), phase ?? 'not judged')} ${
    enforced === false && html`<span class="faint">observed only: nothing is done at a limit</span>`
  }</p><div class="wide"><table>${rows}</table></div>`
}

function holds({ holds: held = [] }: ShownAgent, nowMs: number): Markup {
  if (held.length === 0) return html`<p class="faint">Nothing holds it.</p>`
  return html`<ul>${held.map(
    ({ cause, since: from, reason }) =>
      html`<li>${badge('held', `held by ${holder(cause)}`)} ${ago(from, nowMs)}: ${reason}</li>`,
  )}</ul>`
}

function itself(agent: ShownAgent, nowMs: number): Markup {
  const { lifecycleMetrics: of } = agent.state
  return facts([
    ['State', stateOf(agent)],
    ['Name', agent.name],
    ['Role', agent.role],
    ['Vendor', agent.vendor],
    ['Workspace', agent.workspace],
    ['Runtime', agent.runtime],
    ['Known because', agent.origin],
    ['Acted on', agent.enforced === false ? 'no: it did not opt in' : 'yes'],
    ['Started', since(agent.startedAt, nowMs)],
    ['Ended', since(agent.endedAt, nowMs)],
    ['Last activity', since(agent.lastActivityAt, nowMs)],
    ['Last deliverable', ago(agent.lastDeliverableAt, nowMs)],
    ['CPU', agent.cpuPercent === undefined ? undefined : `${percent(agent.cpuPercent / 100)} of a core`],
    ['Tokens', agent.tokensConsumed ? count(agent.tokensConsumed) : 'none told'],
    ['Cost', agent.costUsd ? money(agent.costUsd) : 'none told'],
    ['Processes', of.processes],
    ['Threads', of.threads],
    ['Open files', of.openFds],
  ])
}

const boardLink = (grafana: string, id: string): Markup =>
  html`<p><a href="${grafana}/d/agent-exporter-agent?var-agent=${encodeURIComponent(id)}">Its board in Grafana</a></p>`

function happened(events: readonly ShownEvent[], nowMs: number): Markup {
  if (events.length === 0) return html`<p class="faint">Nothing was told of it.</p>`
  return html`<ol class="events">${events.map(
    ({ at, summary }) => html`<li><span class="time">${moment(at, nowMs)}</span> ${summary}</li>`,
  )}</ol>`
}

function crashList(crashes: readonly ShownCrash[], nowMs: number): Markup {
  if (crashes.length === 0) return html`<p class="faint">None is known.</p>`
  return html`<ul>${crashes.map(
    ({ id, crashedAt, cause, confidence, summary }) =>
      html`<li><span class="time">${moment(crashedAt, nowMs)}</span> <a href="/ui/crashes/${encodeURIComponent(id)}">${cause.replaceAll('_', ' ')}</a> <span class="faint">(${confidence} confidence)</span> ${summary}</li>`,
  )}</ul>`
}

function processes(detail: AgentDetail | undefined): Markup {
  if (detail === undefined || detail.processes.length === 0)
    return html`<p class="faint">None is listed: it has ended, or it is a container or tells only about itself.</p>`
  const rows = detail.processes.map(
    ({ pid, ppid, name, isService }) =>
      html`<tr><td class="number">${pid}</td><td class="number">${ppid}</td><td>${name}${
        isService && html` <span class="faint">serves the session, never stopped</span>`
      }</td></tr>`,
  )
  return html`<div class="wide"><table><thead><tr><th scope="col">PID</th><th scope="col">Parent</th><th scope="col">Program</th></tr></thead><tbody>${rows}</tbody></table></div>`
}
