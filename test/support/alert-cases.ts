/** What an alert must do, so that the tests of its class can be made of it (`alert-tests.ts`). */
export type AlertCase = LevelCase | EventCase | AbsenceCase | AlwaysCase

interface Common {
  readonly alert: string
  /** Labels of the alert beside job, instance, severity and room. */
  readonly labels?: Readonly<Record<string, string>>
  readonly severity: 'critical' | 'warning' | 'info' | 'none'
  /** Summary and description as people read them. */
  readonly says: readonly [summary: string, description: string]
  readonly job?: 'prometheus' | 'alertmanager'
}

/** Fires while something is so. */
export interface LevelCase extends Common {
  readonly class: 'level'
  readonly courses: readonly Course[]
  readonly forSeconds: number
  readonly keepSeconds?: number
  /** How long the expression needs to follow: the range of a rate; 0 for what is read as it is. */
  readonly settleSeconds?: number
  /** How long all is quiet before; the longest range at least. */
  readonly warmSeconds?: number
  /** Each time all fires but for these courses, on a target of its own that must stay quiet. */
  readonly spoilt?: readonly (readonly Course[])[]
  /** Its alert has no job and no instance, so there is no second target that could be told apart. */
  readonly scope?: 'all targets'
}

/** Fires because something happened, and for a while after it. */
export interface EventCase extends Common {
  readonly class: 'event'
  /** One series of a counter or a timestamp. */
  readonly series: string
  /** `stamp`: absent until the first event, then its time. `restamp`: has the time of an earlier one. */
  readonly kind: 'counter' | 'stamp' | 'restamp'
  /** The smallest number of events that fires. */
  readonly events: number
  readonly windowSeconds: number
}

/** Fires because something is not there. */
export interface AbsenceCase extends Common {
  readonly class: 'absence'
  readonly series: string
  readonly forSeconds: number
}

export interface AlwaysCase extends Common {
  readonly class: 'always'
}

/** What a series is while all is well, at the last value that does not fire, and at the first that does. */
export interface Course {
  readonly series: string
  /** `rate`: growth of a counter per second; `age`: seconds since a timestamp. */
  readonly kind: 'gauge' | 'rate' | 'age'
  /** undefined: the series is not there. */
  readonly quiet: number | undefined
  readonly firing: number | undefined
}

type Value = number | undefined
export const gauge = (series: string, quiet: Value, firing: Value): Course => ({
  series,
  kind: 'gauge',
  quiet,
  firing,
})
/** The same all the time: what is compared with. */
export const steady = (series: string, value: number): Course => gauge(series, value, value)
export const rate = (series: string, quiet: number, firing: number): Course => ({
  series,
  kind: 'rate',
  quiet,
  firing,
})
export const age = (series: string, quiet: Value, firing: Value): Course => ({
  series,
  kind: 'age',
  quiet,
  firing,
})
