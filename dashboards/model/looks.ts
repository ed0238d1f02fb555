import type {
  DynamicConfigValue,
  FieldColor,
  FieldConfigSource,
  ThresholdsConfig,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { DataLink } from '../src/links.ts'
import type { Field, Frame } from './frames.ts'

/** How the values of a field are shown, after defaults and overrides. */
export interface Look {
  readonly displayName?: string
  readonly unit?: string
  readonly decimals?: number
  readonly min?: number
  readonly max?: number
  readonly noValue?: string
  readonly mappings?: readonly ValueMapping[]
  readonly thresholds?: ThresholdsConfig
  readonly color?: FieldColor
  readonly links?: readonly DataLink[]
  /** Of the kind of panel: `width`, `hidden`, `cellOptions`, `lineStyle` and so on. */
  readonly custom: Readonly<Record<string, unknown>>
}

/** Only numbers have them. */
const OF_NUMBERS: readonly string[] = ['decimals', 'min', 'max']

/**
 * The defaults of the panel, and over them every override that fits, in their order.
 * @see grafana-data: field/fieldOverrides.ts `applyFieldOverrides`
 */
export function lookOf(source: FieldConfigSource | undefined, field: Field, frame: Frame): Look {
  const { custom, ...defaults } = { custom: {}, ...source?.defaults }
  const properties = (source?.overrides ?? [])
    .filter(({ matcher }) => fits(matcher.id, matcher.options, field, frame))
    .flatMap((override) => override.properties)
  const own = Object.entries(defaults).map(([id, value]): DynamicConfigValue => ({ id, value }))
  const look: Record<string, unknown> = {}
  const style: Record<string, unknown> = { ...(custom as object) }
  for (const { id, value } of [...own, ...properties]) {
    if (id.startsWith('custom.')) style[id.slice('custom.'.length)] = value
    else if (field.type === 'number' || !OF_NUMBERS.includes(id)) look[id] = value
  }
  return { ...look, custom: style }
}

/** The name by which a field is shown, and by which overrides and transformations find it besides its own. */
export function nameOf(field: Field): string {
  return field.legend || field.name
}

/**
 * Whether an override is for a field.
 * @see grafana-data: transformations/matchers
 * @throws Error for a matcher whose meaning is not written here
 */
function fits(matcher: string, options: unknown, field: Field, frame: Frame): boolean {
  switch (matcher) {
    case 'byName':
      return options === nameOf(field) || options === field.name
    case 'byRegexp':
      return regularExpression(String(options)).test(nameOf(field))
    case 'byFrameRefID':
      return options === frame.refId
    case 'byType':
      return options === field.type
    default:
      throw new Error(`the matcher ${matcher} has no model`)
  }
}

/** `/…/flags`, or a text that must be the whole name. */
function regularExpression(text: string): RegExp {
  const [, body, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? []
  return body === undefined ? new RegExp(`^${text}$`) : new RegExp(body, flags)
}
