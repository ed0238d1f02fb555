import { escapeHtml, page } from './html.ts'

export interface LandingLink {
  readonly href: string
  readonly text: string
  readonly description: string
}

export interface LandingPage {
  readonly name: string
  readonly description: string
  readonly version: string
  readonly links: readonly LandingLink[]
}

/** The page at `/`: name, version and links. It is public, so it says nothing about this host or its agents. */
export function renderLandingPage({ name, description, version, links }: LandingPage): string {
  const items = links.map(
    (link) =>
      `<li><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a> ${escapeHtml(link.description)}</li>`,
  )
  return page(
    name,
    `<p>${escapeHtml(description)}</p><p>Version: ${escapeHtml(version)}</p><ul>${items.join('')}</ul>`,
  )
}
