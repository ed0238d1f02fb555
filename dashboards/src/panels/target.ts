import {
  DataqueryBuilder,
  PromQueryFormat,
  QueryEditorMode,
} from '@grafana/grafana-foundation-sdk/prometheus'
import { DATASOURCE } from '../variables.ts'

/** A, B, C … in the order of the panel: overrides and columns are called by it. */
export function refIdOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index)
}

/** One value per series, as it is at the end of the shown time. */
export function instant(expression: string, legendFormat: string, index: number): DataqueryBuilder {
  return target(expression, index).instant().legendFormat(legendFormat)
}

/** The rows of a table: labels and value become columns. */
export function tabular(expression: string, index: number): DataqueryBuilder {
  return target(expression, index).instant().format(PromQueryFormat.Table)
}

/** A history. */
export function history(expression: string, legendFormat: string, index: number): DataqueryBuilder {
  return target(expression, index).range().legendFormat(legendFormat)
}

function target(expression: string, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(refIdOf(index))
    .editorMode(QueryEditorMode.Code)
    .expr(expression)
}
