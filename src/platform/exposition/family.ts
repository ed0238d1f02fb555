/** The units that may end a family's name (OpenMetrics: the unit is a suffix of the name). */
export type Unit = 'bytes' | 'seconds' | 'ratio' | 'cores' | 'usd' | 'bytes_per_second'

export type FamilyType = 'counter' | 'gauge' | 'histogram'

/**
 * One metric family, declared once next to the room that owns it. `name` is what Prometheus shows: a
 * counter's name ends in `_total` here and in both formats' samples.
 */
export interface Family<Label extends string = string> {
  readonly name: string
  readonly type: FamilyType
  readonly unit: Unit | undefined
  readonly help: string
  readonly labels: readonly Label[]
  /** Upper bounds of a histogram's buckets, ascending, without `+Inf`. */
  readonly buckets: readonly number[] | undefined
}

interface Declaration<Label extends string> {
  readonly unit?: Unit
  readonly labels?: readonly Label[]
  /** What it means and from which file or call the number comes. One sentence. */
  readonly help: string
}

export function gauge<Label extends string = never>(name: string, d: Declaration<Label>): Family<Label> {
  return { name, type: 'gauge', unit: d.unit, help: d.help, labels: d.labels ?? [], buckets: undefined }
}

export function counter<Label extends string = never>(name: string, d: Declaration<Label>): Family<Label> {
  return { name, type: 'counter', unit: d.unit, help: d.help, labels: d.labels ?? [], buckets: undefined }
}

export function histogram<Label extends string = never>(
  name: string,
  d: Declaration<Label> & { readonly buckets: readonly number[] },
): Family<Label> {
  return { name, type: 'histogram', unit: d.unit, help: d.help, labels: d.labels ?? [], buckets: d.buckets }
}
