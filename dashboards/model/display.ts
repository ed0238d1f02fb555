import type { ThresholdsConfig, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Field, Value } from './frames.ts'
import type { Look } from './looks.ts'
import { formatNumber } from './units.ts'

/** What stands where a value is: its text, and a colour by name if the value itself has one. */
export interface Shown {
  readonly value: Value
  readonly text: string
  readonly colour: string | undefined
}

/** Grafana's own where a panel has none: a trap for everything that is coloured and goes beyond 80. */
const DEFAULT_THRESHOLDS = {
  mode: 'absolute',
  steps: [
    { value: null, color: 'green' },
    { value: 80, color: 'red' },
  ],
} as ThresholdsConfig

/**
 * A value as text and colour: a mapping first, then the unit; a text that is a number is formatted as one unless the
 * unit is `string`. Where nothing is, the text for "no value" stands, in every cell of a table too.
 * @param now ms since the epoch
 * @see grafana-data: field/displayProcessor.ts
 */
export function show(value: Value, field: Pick<Field, 'type'>, look: Look, now: number): Shown {
  const mapped = mappingOf(look.mappings ?? [], value)
  const number = look.unit === 'string' ? Number.NaN : asNumber(value)
  const unit = look.unit ?? (field.type === 'string' ? 'string' : 'none')
  const isNumber = !Number.isNaN(number) && unit !== 'string'
  const text =
    mapped?.text ??
    (isNumber ? formatNumber(unit, number, look.decimals, now) : String(value ?? '') || (look.noValue ?? ''))
  return { value, text, colour: mapped?.color ?? fixedColour(look) ?? thresholdColour(look, number) }
}

function fixedColour({ color }: Look): string | undefined {
  return color?.mode === 'fixed' ? color.fixedColor : undefined
}

/** The colour of the last step that is not above the value; what is no number has the first. */
function thresholdColour(
  { color, thresholds = DEFAULT_THRESHOLDS }: Look,
  number: number,
): string | undefined {
  if (color !== undefined && color.mode !== 'thresholds') return undefined
  const [first, ...rest] = thresholds.steps
  return (rest.findLast(({ value }) => value !== null && number >= value) ?? first)?.color
}

/**
 * @see grafana-data: utils/valueMappings.ts
 * @throws Error for a kind of mapping whose meaning is not written here
 */
function mappingOf(
  mappings: readonly ValueMapping[],
  value: Value,
): { readonly text?: string; readonly color?: string } | undefined {
  for (const mapping of mappings) {
    if (mapping.type !== 'value') throw new Error(`a mapping of the type ${mapping.type} has no model`)
    const found = value === undefined ? undefined : mapping.options[String(value)]
    if (found !== undefined) return found
  }
  return undefined
}

function asNumber(value: Value): number {
  if (typeof value === 'number') return value
  return value === undefined || value === '' ? Number.NaN : Number(value)
}
