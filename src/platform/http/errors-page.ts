import { PROBLEMS } from '../problem.ts'
import { escapeHtml, page } from './html.ts'

/** The page that the `type` of every problem points to. */
export function renderErrorsPage(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) =>
      `<tr id="${escapeHtml(code)}"><td><code>${escapeHtml(code)}</code></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  )
  return page(
    'Agent Exporter: errors',
    `<p>Errors are <code>application/problem+json</code> (RFC 9457) with one of these codes.</p>` +
      `<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  )
}
