import { escapeHtml } from '../platform/http/html.ts'
import { cleanText } from '../platform/text.ts'

/** HTML that was made by `html`: everything foreign in it is escaped. */
export interface Markup {
  readonly markup: string
}

/** Longer than anything that is shown in one piece; what an agent says of itself must not fill a page. */
const MOST_TEXT = 4_096

/** Printable ASCII without what HTML gives a meaning: nearly every text, and nothing to do. */
const PLAIN = /^[ !#$%(-;=?-~]*$/

export type Part = Markup | string | number | undefined | null | false | readonly Part[]

/**
 * HTML from a template. Texts are escaped and filtered for control and bidirectional characters wherever they stand,
 * inside an element or a quoted attribute; only what another `html` made is taken as it is. Nothing stands for
 * `undefined`, `null` and `false`.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let markup = strings[0] ?? ''
  for (const [index, part] of parts.entries()) markup += render(part) + (strings[index + 1] ?? '')
  return { markup }
}

/** Text of several lines, for an element that keeps its line ends. */
export function lines(text: string): Markup {
  const shown = text.split(/\r?\n/).map((line) => escapeHtml(cleanText(line, MOST_TEXT)))
  return { markup: shown.join('\n') }
}

function render(part: Part): string {
  if (part === undefined || part === null || part === false) return ''
  if (typeof part === 'string') {
    return part.length <= MOST_TEXT && PLAIN.test(part) ? part : escapeHtml(cleanText(part, MOST_TEXT))
  }
  if (typeof part === 'number') return String(part)
  if (Array.isArray(part)) return part.map(render).join('')
  return (part as Markup).markup
}
