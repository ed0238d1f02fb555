/** Text that is HTML already. */
export interface Html {
  readonly html: string
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** HTML with texts in it, which are escaped; lists are joined, what is undefined or false is left out. */
export function html(texts: TemplateStringsArray, ...values: readonly unknown[]): Html {
  return { html: texts.map((text, at) => text + (at < values.length ? written(values[at]) : '')).join('') }
}

function written(value: unknown): string {
  if (value === undefined || value === false) return ''
  if (Array.isArray(value)) return value.map(written).join('')
  if (typeof value === 'object' && value !== null && 'html' in value) return (value as Html).html
  return String(value).replace(/[&<>"']/g, (sign) => ESCAPES[sign]!)
}
