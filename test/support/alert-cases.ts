/** What an alert must do, so that the tests of its class can be made of it (`alert-tests.ts`). */
export type AlertCase = LevelCase | EventCase | StoryCase | AbsenceCase | AlwaysCase

interface Common {
  readonly alert: string
  /** Labels of the alert beside job, instance, severity and room. */
  readonly labels?: Readonly<Record<string, string>>
  readonly severity: 'critical' | 'warning' | 'info' | 'none'
  /** Summary and description as people read them. */
  readonly says: readonly [summary: string, description: string]
  readonly job?: 'prometheus' | 'alertmanager'
  /** Labels of which only the value that is written here means anything; what has another one is never counted. */
  readonly only?: readonly string[]
  /** The alert fires for each of these values of a label, as for the one that is written here. */
  readonly each?: Readonly<Record<string, readonly string[]>>
  /** What people need to be told besides what follows from the class. */
  readonly stories?: readonly Story[]
}

/** Fires while something is so. */
export interface LevelCase extends Common {
  readonly class: 'level'
  /** What the alert looks at. Without any of it nothing fires. */
  readonly courses: readonly Course[]
  /** What is there too and means nothing. */
  readonly beside?: readonly Course[]
  readonly forSeconds: number
  readonly keepSeconds?: number
  /** The range of its rate; 0 for what is read as it is. */
  readonly rangeSeconds?: number
  /** Each time all fires but for these courses: it must stay quiet. */
  readonly spoilt?: readonly (readonly Course[])[]
  /** Each time all is as it is when it fires but for these courses, and it still fires. */
  readonly enough?: readonly (readonly Course[])[]
  /** A share: where all counters grow a thousand times faster from one moment to the next nothing changes. */
  readonly share?: 'of rates'
  /** Other values of its labels, that are real; agent `y` if nothing is said. */
  readonly others?: Readonly<Record<string, string>>
  /** Its alert has no job and no instance, so there is no second target that could be told apart. */
  readonly scope?: 'all targets'
  /** When it begins and ends is told by stories only: its range is not that of a rate. */
  readonly times?: 'in stories'
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

/** An event that shows in several series of different fates. */
export interface StoryCase extends Common {
  readonly class: 'event'
  readonly kind: 'story'
  readonly stories: readonly Story[]
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
  /** `rate`: growth per second; `age`: seconds since a timestamp. */
  readonly kind: 'gauge' | 'rate' | 'age'
  /** undefined: the series is not there. */
  readonly quiet: number | undefined
  readonly firing: number | undefined
  /** So far beyond that a single sample of it fires. */
  readonly strong: number | undefined
}

/** What one target goes through. */
export interface Story {
  /** Kept apart from other targets by this name. */
  readonly what: string
  /** From that second on the series are what their courses say of firing. Others go on as they were. */
  readonly stages: readonly Stage[]
  readonly looks: readonly (readonly [seconds: number, state: State])[]
}

export interface Stage {
  readonly at: number
  readonly courses: readonly Course[]
}

export type State = 'quiet' | 'pending' | 'fires'

type Value = number | undefined
export const gauge = (series: string, quiet: Value, firing: Value): Course => ({
  series,
  kind: 'gauge',
  quiet,
  firing,
  strong: firing,
})
/** The same all the time: what is compared with. */
export const steady = (series: string, value: number): Course => gauge(series, value, value)
/** Not there any more. */
export const gone = (series: string): Course => gauge(series, undefined, undefined)
export const rate = (series: string, quiet: number, firing: number, strong?: number): Course => ({
  series,
  kind: 'rate',
  quiet,
  firing,
  strong: strong ?? (firing > quiet ? firing * STRONG : firing),
})
/** Grows by so much a second. */
export const growing = (series: string, pace: number): Course => rate(series, pace, pace)
export const age = (series: string, quiet: Value, firing: Value): Course => ({
  series,
  kind: 'age',
  quiet,
  firing,
  strong: firing,
})

/** One sample of it outweighs an hour at the threshold. */
export const STRONG = 1_024
