/** A string with `%(name)s` in it that Jsonnet fills in; a `%` of its own is doubled. */
export class Formatted {
  readonly text: string
  /** The expression whose fields are filled in. */
  readonly values: string

  constructor(text: string, values: string) {
    this.text = text
    this.values = values
  }
}

/** Names that may stand before a colon without quotes. */
const NAME = /^[A-Za-z_]\w*$/
/** @see https://jsonnet.org/ref/spec.html#lexing */
const KEYWORDS = new Set(
  'assert else error false for function if import importstr in local null tailstrict then self super true'.split(
    ' ',
  ),
)

/** A value as Jsonnet, formatted for people; `indent` is that of the line it begins on. */
export function jsonnetOf(value: unknown, indent: string): string {
  const deeper = `${indent}  `
  if (value instanceof Formatted) return `${stringText(value.text, deeper, indent)} % ${value.values}`
  if (typeof value === 'string') return stringText(value, deeper, indent)
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${deeper}${jsonnetOf(item, deeper)},\n`).join('')}${indent}]`
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(
      ([name, item]) => `${deeper}${nameText(name)}: ${jsonnetOf(item, deeper)},\n`,
    )
    return `{\n${fields.join('')}${indent}}`
  }
  return JSON.stringify(value)
}

function nameText(name: string): string {
  return NAME.test(name) && !KEYWORDS.has(name) ? name : stringText(name, '', '')
}

/** Several lines become a text block, which needs a first line without spaces before it and a line break at the end. */
function stringText(text: string, deeper: string, indent: string): string {
  if (/^\S.*\n$/s.test(text)) return `|||\n${text.replace(/^(?=.)/gm, deeper)}${indent}|||`
  if (!/['\\\p{C}]/u.test(text)) return `'${text}'`
  return JSON.stringify(text)
}
