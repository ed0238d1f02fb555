import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import type {
  DashboardLink,
  DynamicConfigValue,
  FieldColor,
  Panel,
  ThresholdsConfig,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Colour } from '../colours.ts'
import type { Expectation } from '../expectations.ts'
import type { DataLink } from '../links.ts'
import { DATASOURCE } from '../variables.ts'

/** What every panel says. */
export interface PanelText {
  /** Never changes: the panel's id, and so its address and the alerts that point at it, are made of it. */
  readonly key: string
  readonly title: string
  /** What it shows and where it comes from. */
  readonly description: string
  /** What to do when it is red; required where something can be. */
  readonly whenRed?: string
  /** Alerts about the same, whose runbooks say more. */
  readonly runbooks?: readonly string[]
  /** Of 24 columns. */
  readonly width: number
  /** In rows of 30 pixels. */
  readonly height: number
  readonly expect: Expectation
}

/** How values are written. */
export interface ValueFormat {
  readonly unit: string
  readonly decimals?: number
  readonly min?: number
  readonly max?: number
  /** What stands there when there is nothing. */
  readonly noValue: string
  readonly thresholds?: ThresholdsConfig
  readonly mappings?: readonly ValueMapping[]
  readonly links?: readonly DataLink[]
}

/** A panel before it has its place and its id. */
export interface PanelPlan extends PanelText {
  build(): Panel
}

/** The part of Grafana's builders that all kinds of panels share. */
interface AnyBuilder extends cog.Builder<Panel> {
  title(title: string): this
  description(description: string): this
  datasource(datasource: typeof DATASOURCE): this
  unit(unit: string): this
  decimals(decimals: number): this
  min(min: number): this
  max(max: number): this
  noValue(text: string): this
  mappings(mappings: ValueMapping[]): this
  thresholds(thresholds: cog.Builder<ThresholdsConfig>): this
}

/** Title, description and datasource. */
export function describe<B extends AnyBuilder>(builder: B, text: PanelText): B {
  builder.title(text.title).description(descriptionOf(text)).datasource(DATASOURCE)
  return builder
}

export function format<B extends AnyBuilder>(builder: B, values: ValueFormat): B {
  builder.unit(values.unit).noValue(values.noValue)
  if (values.decimals !== undefined) builder.decimals(values.decimals)
  if (values.min !== undefined) builder.min(values.min)
  if (values.max !== undefined) builder.max(values.max)
  if (values.mappings !== undefined) builder.mappings([...values.mappings])
  if (values.thresholds !== undefined) builder.thresholds(made(values.thresholds))
  return builder
}

/** A plan whose panel also has links; the SDK's builder of links adds keys that a value's link has not. */
export function plan(
  text: PanelText,
  builder: cog.Builder<Panel>,
  links: readonly DataLink[] | undefined,
): PanelPlan {
  return {
    ...text,
    build() {
      const panel = builder.build()
      if (links !== undefined) panel.fieldConfig!.defaults.links = [...links] as unknown as DashboardLink[]
      return panel
    },
  }
}

function descriptionOf({ description, whenRed, runbooks }: PanelText): string {
  const anchors = runbooks?.map((alert) => `${alert} (docs/runbooks.md#${alert.toLowerCase()})`)
  return [
    description,
    ...(whenRed === undefined ? [] : [`**When it is red:** ${whenRed}`]),
    ...(anchors === undefined ? [] : [`Runbooks: ${anchors.join(', ')}.`]),
  ].join('\n\n')
}

/** Something finished where the SDK wants a builder. */
export function made<T>(value: T): cog.Builder<T> {
  return { build: () => value }
}

export function fixedColour(colour: Colour): DynamicConfigValue {
  const value: FieldColor = { mode: FieldColorModeId.Fixed, fixedColor: colour }
  return { id: 'color', value }
}
