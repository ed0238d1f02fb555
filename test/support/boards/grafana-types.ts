import type * as bargauge from '@grafana/grafana-foundation-sdk/bargauge'
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import type * as stat from '@grafana/grafana-foundation-sdk/stat'
import type * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import type * as table from '@grafana/grafana-foundation-sdk/table'
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

/** The types of which schemas are made (schema.ts); read from this text, never a value. */
export type DashboardJson = dashboard.Dashboard
export type FieldJson = dashboard.FieldConfig
export type QueryJson = prometheus.Dataquery
export type BarGaugeOptions = bargauge.Options
export type StatOptions = stat.Options
export type TableOptions = table.Options
export type TableStyle = table.FieldConfig
export type TimelineOptions = statetimeline.Options
export type TimelineStyle = statetimeline.FieldConfig
export type GraphOptions = timeseries.Options
export type GraphStyle = timeseries.FieldConfig
