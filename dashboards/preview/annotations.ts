import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard'
import type { AnsweredSeries } from '../model/answers.ts'
import { cssColour } from './colour.ts'

/** A time that is marked on every graph, in seconds. */
export interface Band {
  readonly from: number
  readonly to: number
  readonly colour: string
}

/** Fields that Prometheus adds to Grafana's model of an annotation. */
export interface PrometheusAnnotation extends AnnotationQuery {
  readonly expr: string
  readonly step: string
}

/**
 * Moments at which a series is above zero, those a step apart as one.
 * @see grafana-prometheus: annotations.ts `processAnnotationResponse`
 */
export function bandsOf(series: readonly AnsweredSeries[], stepMs: number, iconColor: string): Band[] {
  const colour = cssColour(iconColor)
  return series.flatMap(({ times, values }) => {
    const bands: { from: number; to: number; colour: string }[] = []
    times.forEach((ms, at) => {
      if (!(values[at]! > 0)) return
      const seconds = ms / 1_000
      const last = bands.at(-1)
      if (last !== undefined && seconds - last.to <= stepMs / 1_000) last.to = seconds
      else bands.push({ from: seconds, to: seconds, colour })
    })
    return bands
  })
}
