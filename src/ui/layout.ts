import { ago, stamp } from './amounts.ts'
import { button } from './buttons.ts'
import { dialog } from './dialog.ts'
import { html, type Markup } from './markup.ts'
import type { Frame, ShownAgent } from './model.ts'
import { badge } from './parts.ts'

export interface Page {
  readonly title: string
  /** Which of the links at the top leads here. */
  readonly place: 'fleet' | 'actions' | 'crashes' | 'control'
  readonly body: Markup
  /** Whose limits a resume may raise. */
  readonly agent?: ShownAgent
}

const PLACES = [
  ['fleet', '/ui/', 'Fleet'],
  ['actions', '/ui/actions', 'Actions'],
  ['crashes', '/ui/crashes', 'Crashes'],
  ['control', '/ui/control', 'Control'],
] as const

/**
 * A whole page. `#state` and `#page` are exchanged by the browser script as time goes on; everything else stays, and so
 * does what a person has opened or written in it.
 */
export function document(page: Page, frame: Frame): string {
  const { title, place, body } = page
  const links = PLACES.map(
    ([name, href, text]) =>
      html`<a href="${href}"${name === place && html` aria-current="page"`}>${text}</a>`,
  )
  const { markup } = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${title} · Agent Exporter</title>
<link rel="icon" href="/ui/assets/icon.svg"><link rel="stylesheet" href="/ui/assets/page.css">
<script type="module" src="/ui/assets/main.js"></script></head>
<body><a class="skip" href="#page">Skip to the content</a>
<header><nav aria-label="Pages"><strong>Agent Exporter</strong>${links}</nav>
<p id="live"><span id="live-word" role="status">Not refreshed by itself</span>, as of <time id="as-of" datetime="${new Date(frame.nowMs).toISOString()}">${stamp(new Date(frame.nowMs).toISOString())}</time></p>
<div id="who">${who(frame)}</div></header>
<div id="state">${state(frame)}</div>
<noscript><p class="notice">${NO_SCRIPT}</p></noscript>
<section id="outcome" class="outcome" role="status" aria-live="polite" hidden></section>
<main id="page" tabindex="-1"><h1>${title}</h1>${body}</main>
<footer>Agent Exporter ${frame.version} · <a href="/metrics">metrics</a> · <a href="/docs">API</a> · <a href="/health">health</a></footer>
${dialog(page.agent)}</body></html>
`
  return markup
}

const NO_SCRIPT = html`Everything can be read here without JavaScript. To act, use the command line: <code>agent-exporter pause AGENT --reason TEXT</code>, <code>resume</code>, <code>terminate</code>, <code>kill-switch on</code>.`

/** Who looks, and how to be allowed more. The script writes what it learns of a session into it. */
function who({ viewer }: Frame): Markup {
  const { name, scopes } = viewer
  const canControl = scopes.has('control')
  return html`<p><span id="who-name" data-control="${canControl ? 'yes' : 'no'}">${
    canControl ? `${name}, may control` : `${name}, may read`
  }</span> <span id="who-hint">${
    canControl ? '' : html`To act, sign in: run <code>agent-exporter ui</code> on this host.`
  }</span> <span id="who-leave" hidden>${button({
    ...{ deed: 'sign-out', label: 'Sign out', title: 'Sign out?' },
    explain: 'This browser can read only what everybody may, and act no more.',
  })}</span></p>`
}

/** What stands in the way of acting, on every page. */
function state({ control, pending, nowMs }: Frame): Markup {
  const { killSwitch, mode, acting, failureStops } = control
  const { engaged, actor, reason, since } = killSwitch
  const notices = [
    engaged &&
      html`${badge('critical', 'kill switch engaged')} Nothing is done to any agent but to resume it. ${
        actor !== undefined && `Engaged by ${actor}`
      } ${since !== undefined && ago(since, nowMs)}${reason !== undefined && `: ${reason}`} <a href="/ui/control">Release it</a>`,
    mode !== 'enforce' &&
      html`${badge('warning', `control.mode is ${mode}`)} ${
        mode === 'off'
          ? 'Nothing is done to any agent.'
          : 'What would be done is written down, and nothing is done.'
      }`,
    !acting &&
      html`${badge('warning', 'observes only')} Another daemon of this user on this host acts; this one does not.`,
    failureStops.length > 0 &&
      html`${badge('serious', 'stopped after failures')} ${failureStops
        .map(({ action, trigger }) => `${action} for ${trigger}`)
        .join(', ')} <a href="/ui/control">Look into it</a>`,
    pending.length > 0 &&
      html`${badge('held', `${pending.length} to approve`)} ${
        pending.length === 1 ? 'An action waits' : 'Actions wait'
      } for somebody's decision. <a href="/ui/actions?status=pending_approval">Decide</a>`,
  ].filter((notice) => notice !== false)
  return html`${notices.map((notice) => html`<p class="notice">${notice}</p>`)}`
}
