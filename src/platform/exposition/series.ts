import type { Family } from './family.ts'

/** A family with its label values filled in and escaped once; rooms keep it as long as the agent lives. */
export interface Series {
  readonly family: Family
  /** Escaped label text without braces, e.g. `agent="a",mode="user"`; empty without labels. */
  readonly labelText: string
  /** Value of the `agent` label, for the series cap; undefined for fleet and self families. */
  readonly agent: string | undefined
  /** What is printed before the value of a counter or gauge; encoded at the first printing and kept. */
  lineStart: Uint8Array | undefined
}

/**
 * Fills in the labels of one series, in the order of the declaration, and escapes them once.
 * @throws Error when a label of the family is missing: a series with fewer labels is another series
 */
export function bindSeries<Label extends string>(
  family: Family<Label>,
  labels: Readonly<Record<Label, string>>,
): Series {
  const pairs = family.labels.map((name) => {
    const value: unknown = labels[name]
    if (typeof value !== 'string') throw new Error(`${family.name}: label ${name} has no value`)
    return `${name}="${escapeLabelValue(value)}"`
  })
  const isPerAgent = (family.labels as readonly string[]).includes('agent')
  const agent = isPerAgent ? (labels as Readonly<Record<string, string>>)['agent'] : undefined
  return { family, labelText: pairs.join(','), agent, lineStart: undefined }
}

/** Name, labels and the space before the value. */
export function lineStartOf(series: Series): Uint8Array {
  const { family, labelText } = series
  series.lineStart ??= Buffer.from(labelText === '' ? `${family.name} ` : `${family.name}{${labelText}} `)
  return series.lineStart
}

const NEEDS_CARE = /["\\\n\0\ud800-\udfff]/

/**
 * Label values of both formats: backslash, quote and line feed are escaped. Halves of surrogate pairs would
 * all become U+FFFD when encoded, and the parsers of Prometheus 2 take NUL for the end of the input: both are
 * replaced here, so that two values that print alike are known to be one series.
 */
export function escapeLabelValue(value: string): string {
  if (!NEEDS_CARE.test(value)) return value
  return value
    .replace(/[\0\p{Surrogate}]/gu, '\ufffd')
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
}
