import { bytes, moment, percent, stamp } from './amounts.ts'
import { html, lines, type Markup } from './markup.ts'
import type { Frame, ShownCrash } from './model.ts'
import { agentLink, badge, facts } from './parts.ts'

/** What is known of ends that nobody wanted, newest first. */
export function crashesPage(crashes: readonly ShownCrash[], agent: string, { nowMs }: Frame): Markup {
  return html`<form method="get" action="/ui/crashes" role="search" class="filter"><label for="filter">Agent</label><input type="search" id="filter" name="agent" value="${agent}" maxlength="128" placeholder="whole id"> <button>Show</button></form>
${crashes.length === 0 ? html`<p class="faint">No crash is known.</p>` : table(crashes, nowMs)}`
}

function table(crashes: readonly ShownCrash[], nowMs: number): Markup {
  const rows = crashes.map(
    (crash) =>
      html`<tr id="crash-${crash.id}"><td class="time">${moment(crash.lastAt, nowMs)}</td><td>${agentLink(crash.agentName)}</td><td><a href="/ui/crashes/${encodeURIComponent(crash.id)}">${causeOf(crash)}</a>${
        crash.occurrences > 1 && html` <span class="faint">×${crash.occurrences}</span>`
      }</td><td>${crash.confidence}</td><td>${crash.summary}</td></tr>`,
  )
  return html`<div class="wide"><table><thead><tr><th scope="col">When (UTC)</th><th scope="col">Agent</th><th scope="col">Cause</th><th scope="col">Confidence</th><th scope="col">In words</th></tr></thead><tbody>${rows}</tbody></table></div>`
}

/** One crash: what killed it, how sure that is, and what says so. */
export function crashPage(crash: ShownCrash): Markup {
  const { agentName, summary, evidence, recommendations, lastOutput, peakMemory, memoryLimit } = crash
  const ofLimit =
    peakMemory === null || memoryLimit === null ? '' : ` (${percent(peakMemory / memoryLimit)} of its limit)`
  return html`<p class="verdict">${badge(crash.lives ? 'warning' : 'serious', causeOf(crash))} ${summary}</p>
<p>${crash.confidence} confidence</p>
<section aria-labelledby="evidence"><h2 id="evidence">What says so</h2>${
    evidence.length === 0
      ? html`<p class="faint">Nobody saw how it ended.</p>`
      : html`<table>${evidence.map(({ source, says }) => html`<tr><th scope="row">${source}</th><td>${says}</td></tr>`)}</table>`
  }</section>
${recommendations.length > 0 && html`<section aria-labelledby="next"><h2 id="next">What to do next</h2><ul>${recommendations.map((one) => html`<li>${one}</li>`)}</ul></section>`}
<section aria-labelledby="output"><h2 id="output">Last output</h2>${
    lastOutput === null || lastOutput === undefined || lastOutput === ''
      ? html`<p class="faint">None was kept.</p>`
      : html`<pre tabindex="0" aria-label="Last output">${lines(lastOutput)}</pre>`
  }</section>
${facts([
  ['Agent', agentLink(agentName)],
  ['At', stamp(crash.crashedAt)],
  ['Last at', crash.occurrences > 1 ? `${stamp(crash.lastAt)}, ${crash.occurrences} times` : undefined],
  ['Exit code', crash.exitCode],
  ['Signal', crash.signal],
  ['Reported as', crash.reason],
  ['PID', crash.pid],
  ['Peak of its memory', peakMemory === null ? undefined : `${bytes(peakMemory)}${ofLimit}`],
  ['Last known memory', crash.lastKnownMemory === null ? undefined : bytes(crash.lastKnownMemory)],
  ['Memory limit', memoryLimit === null ? undefined : bytes(memoryLimit)],
  ['Trend', crash.memoryTrend],
  ['Seen by', crash.witness],
  ['Daemon', crash.daemonId],
])}`
}

const causeOf = ({ cause }: ShownCrash): string => cause.replaceAll('_', ' ')
