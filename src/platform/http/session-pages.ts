import type { Problem } from '../problem.ts'
import { escapeHtml, page } from './html.ts'

const COMMAND = '<p>On the host of the exporter run</p><pre><code>agent-exporter ui</code></pre>'
const OPEN = '<p>and open the link it prints: it works once, within a minute.</p>'

/** Instead of a page that is not open to whoever asks for it. */
export function renderSignInPage(): string {
  // Whoever followed a link from another site (Grafana) is sent without the cookie, which is SameSite=Strict. A link
  // on this page is one of the same site. The empty address is that of the page itself, with its query.
  const again = '<p>Signed in already, and came here from another site? <a href="">Continue</a></p>'
  return page('Agent Exporter: sign in', `${again}${COMMAND}${OPEN}`)
}

/** For a link that opens nothing. */
export function renderSpentPage(): string {
  const why = '<p>This link was used already, has expired, or was made before the exporter was restarted.</p>'
  return page('Agent Exporter: the link is no longer good', `${why}${COMMAND}${OPEN}`)
}

/** Between the link and the control page, for a browser that came from another site. */
export function renderEnteredPage(target: string): string {
  return page('Agent Exporter', `<p>Signed in. <a href="${escapeHtml(target)}">Continue</a></p>`)
}

/** A refusal for people. */
export function renderProblemPage(problem: Problem, title: string): string {
  const { code, message } = problem
  const more = `<p><a href="/docs/errors#${code}"><code>${code}</code></a></p>`
  return page(
    `Agent Exporter: ${problem.status}`,
    `<p>${escapeHtml(title)}. ${escapeHtml(message)}</p>${more}`,
  )
}
