import { createHash } from 'node:crypto'
import { pagePolicy } from './security-headers.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text that stands for itself inside an element or a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)

/** Colours and shape of the pages other exporters show at `/`, so that it is recognised at a glance. */
const STYLE = `
body{font-family:system-ui,sans-serif;margin:0;color:#222;background:#fff}
header{background:#e6522c;color:#fff;font-size:1rem;padding:1rem}
h1{font-weight:400;margin:0}
main{padding:1rem;max-width:60rem}
a{color:#b33a18}
table{border-collapse:collapse}
td,th{border:1px solid #ddd;padding:.3rem .6rem;text-align:left}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1f}a{color:#ff8a66}td,th{border-color:#444}}
`

/** Content-Security-Policy of what `page` makes: its one style sheet is allowed by its hash. */
export const PAGE_POLICY = pagePolicy(`'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`)

/** A whole page. `body` is HTML made with `escapeHtml`. */
export function page(title: string, body: string): string {
  const name = escapeHtml(title)
  return (
    `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width"><title>${name}</title><style>${STYLE}</style></head>` +
    `<body><header><h1>${name}</h1></header><main>${body}</main></body></html>\n`
  )
}
