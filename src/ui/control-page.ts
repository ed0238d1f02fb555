import { ago, stamp } from './amounts.ts'
import { button } from './buttons.ts'
import { html, type Markup } from './markup.ts'
import type { Frame } from './model.ts'
import { agentLink, badge } from './parts.ts'
import { holder } from './trouble.ts'

/** What stops all acting, and what acting was stopped by. */
export function controlPage({ control, nowMs, viewer }: Frame): Markup {
  const { killSwitch, mode, acting, failureStops, holds } = control
  const { engaged, actor, reason, since } = killSwitch
  const isOff = viewer.limited ? { isOff: 'Your token is limited to some agents.' } : {}
  return html`<section aria-labelledby="kill-switch"><h2 id="kill-switch">Kill switch</h2>
<p>${badge(engaged ? 'critical' : 'fine', engaged ? 'engaged' : 'released')} ${
    engaged
      ? html`Nothing is done to any agent but to resume it. ${actor !== undefined && `By ${actor}`} ${since !== undefined && ago(since, nowMs)}${reason !== undefined && `: ${reason}`}`
      : 'Agents are acted on as the configuration says.'
  }</p>${
    engaged
      ? button({
          ...{
            deed: 'release',
            label: 'Release the kill switch',
            title: 'Release the kill switch?',
            ...isOff,
          },
          explain: 'Budgets, memory, alerts and people may act on agents again, beginning at once.',
        })
      : button({
          ...{ deed: 'engage', label: 'Engage the kill switch', title: 'Engage the kill switch?', ...isOff },
          explain:
            'Nothing is done to any agent any more, whoever asks, but to resume it. Nobody is resumed by this.',
          kind: 'danger',
        })
  }</section>
<section aria-labelledby="acting"><h2 id="acting">Acting</h2><p>${
    acting
      ? html`This daemon acts; <code>control.mode</code> is ${mode}.`
      : 'Another daemon of this user on this host acts; this one only observes.'
  }</p></section>
<section aria-labelledby="failures"><h2 id="failures">Stopped after failures</h2>${
    failureStops.length === 0
      ? html`<p class="faint">Nothing is.</p>`
      : html`<ul>${failureStops.map(
          ({ action, trigger, failures, until }) =>
            html`<li>${badge('serious', 'stopped')} ${action} for ${trigger}: failed ${failures} times in a row${until !== undefined && `, stopped until ${stamp(until)}`}</li>`,
        )}</ul>`
  }${button({
    ...{ deed: 'reset', label: 'Reset', title: 'Clear the stops?', ...isOff },
    explain:
      'What was stopped after failures may be done again, and acting after a damaged journal is confirmed.',
  })}</section>
<section aria-labelledby="held"><h2 id="held">Held agents</h2>${
    holds.length === 0
      ? html`<p class="faint">None is.</p>`
      : html`<ul>${holds.map(
          ({ agent, cause, since: from, reason: why }) =>
            html`<li>${agentLink(agent)} by ${holder(cause)} ${ago(from, nowMs)}: ${why}</li>`,
        )}</ul>`
  }</section>`
}
