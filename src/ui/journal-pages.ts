import { moment, stamp } from './amounts.ts'
import { approvalButtons } from './buttons.ts'
import { html, type Markup } from './markup.ts'
import type { ActionQuestion, Frame, ShownAction } from './model.ts'
import { outcomeOf } from './outcome.ts'
import { actionTable, agentLink, badge, facts, whoAsked } from './parts.ts'

const ACTIONS = ['pause', 'resume', 'terminate', 'resize'] as const
const STATUSES = [
  'pending_approval',
  'intended',
  'done',
  'noop',
  'dry_run',
  'refused',
  'partial',
  'failed',
  'needs_foreground',
] as const

/** The journal, newest first. */
export function actionsPage(
  items: readonly ShownAction[],
  question: ActionQuestion,
  next: string | undefined,
  frame: Frame,
): Markup {
  const { nowMs, pending } = frame
  const { agent = '', action, status } = question
  const isAsked = agent !== '' || action !== undefined || status !== undefined
  return html`<form method="get" action="/ui/actions" role="search" class="filter"><label for="filter">Agent</label><input type="search" id="filter" name="agent" value="${agent}" maxlength="128" placeholder="whole id"> ${select('action', 'Action', ACTIONS, action)} ${select('status', 'Outcome', STATUSES, status)} <button>Show</button>${
    isAsked && html` <a href="/ui/actions">Show all</a>`
  }</form>
${
  pending.length > 0 &&
  html`<section aria-labelledby="approvals"><h2 id="approvals">To decide</h2><ul class="cards">${pending.map(
    (one) =>
      html`<li id="pending-${one.id}"><p>To <strong>${one.action}</strong> ${agentLink(one.agent)}, asked by ${whoAsked(one)}: ${one.reason}</p>${approvalButtons(one)}</li>`,
  )}</ul></section>`
}
<section aria-labelledby="journal"><h2 id="journal">Journal</h2>${actionTable(items, nowMs, {
    showsAgent: true,
    empty: isAsked ? 'No action fits the filter.' : 'Nothing was done to any agent yet.',
  })}</section>
${next !== undefined && html`<nav class="pages"><a href="/ui/actions?${String(new URLSearchParams({ ...(question as Record<string, string>), before: next }))}" rel="next">Older</a></nav>`}`
}

function select(name: string, label: string, options: readonly string[], chosen: string | undefined): Markup {
  return html`<label for="filter-${name}">${label}</label><select id="filter-${name}" name="${name}"><option value="">any</option>${options.map(
    (option) =>
      html`<option value="${option}"${option === chosen && html` selected`}>${option.replaceAll('_', ' ')}</option>`,
  )}</select>`
}

/** One action. `#entry` is also what the script shows of an action that was just asked for. */
export function actionPage(entry: ShownAction, { nowMs }: Frame): Markup {
  const { says, mark } = outcomeOf(entry)
  const { id, at, agent, action, reason, status, rung, durationMs, verifiedAt, detail, refusal } = entry
  const isOpen = status === 'intended' || status === 'pending_approval'
  return html`<div id="entry" data-entry="${id}" data-open="${isOpen ? 'yes' : 'no'}"><p class="verdict">${badge(mark, status.replaceAll('_', ' '))} <span>${says}</span></p></div>
${status === 'pending_approval' && approvalButtons(entry)}
${facts([
  ['Agent', agentLink(agent)],
  ['Action', action],
  ['Asked by', whoAsked(entry)],
  ['Reason', reason],
  ['Asked at', html`${moment(at, nowMs)} UTC`],
  ['Outcome', status.replaceAll('_', ' ')],
  ['Refused because', refusal?.replaceAll('_', ' ')],
  ['In words', detail],
  ['Done by', rung?.replaceAll('_', ' ')],
  ['Verified at', verifiedAt === undefined ? undefined : stamp(verifiedAt)],
  ['Took', durationMs === undefined ? undefined : `${Math.round(durationMs)} ms`],
  ['Attempts', entry.attempt],
  ['How often', entry.count > 1 ? entry.count : undefined],
  [
    'On disk before it was done',
    entry.durable ? 'yes' : 'no: the disk was too slow, and a pause does not wait',
  ],
  ['Id', html`<code>${id}</code>`],
])}`
}
