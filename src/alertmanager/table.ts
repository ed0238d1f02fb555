import type { AgentId, Incarnation } from '../agents/model.ts'
import type { HoldCause, HoldFacts } from '../control/model.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import type { NotifiedAlert } from './payload.ts'
import type { Policies, RuleAction } from './policy.ts'
import { SharedMap } from './shared-map.ts'

/** One sender's view of the alert. Replicas and restarts of Prometheus make several of one condition. */
export interface Series {
  readonly fingerprint: string
  readonly status: 'firing' | 'resolved'
  /** Wall clock of the sender, milliseconds; the latest that was told. */
  readonly startsAtMs: number
  readonly endsAtMs: number | undefined
  readonly heardAt: Moment
}

/**
 * How far the action of an episode has come. `asking`: asked for, no answer yet; `owed`: refused for now or not known,
 * asked again when the alert is heard again; `over`: it will not be done.
 */
export type Progress = 'none' | 'asking' | 'owed' | 'done' | 'over'

/** What is known of one alert about one agent: the latest episode, open or closed. */
export interface Entry {
  readonly key: string
  readonly alertname: string
  readonly policy: string
  readonly agent: AgentId
  /** The life that is judged. */
  readonly incarnation: Incarnation
  /** Name of the episode in keys of the journal and in holds; never used again. */
  readonly episode: string
  readonly state: 'firing' | 'unknown' | 'closed'
  readonly since: Moment
  /** Earliest start and latest end that were told of the episode, on the clock of the sender. */
  readonly startsAtMs: number
  readonly endsAtMs: number | undefined
  readonly series: readonly Series[]
  /** More series than are kept were heard: whether all have resolved is not known any more. */
  readonly crowded: boolean
  /** Asked for in this episode; a change of the rule does not change what was done. */
  readonly action: RuleAction | undefined
  readonly progress: Progress
  readonly resume: Progress
  /** How often in a row a resume was not possible, and when last. */
  readonly resumeTries: number
  readonly resumeRefusedAt: Moment | undefined
  /** What the action plane said last, in words; for people. */
  readonly answer: string | undefined
  /** When our own pause was verified. */
  readonly heldAt: Moment | undefined
  /** When we last did something to the agent for this rule, in this episode or one before. */
  readonly actedAt: Moment | undefined
  /** A person let the agent go on: nothing more is done in this episode. */
  readonly muted: boolean
  /** That the pause has lasted too long was told. */
  readonly overdue: boolean
  /** Why a resume that is due is not asked for, as told last. */
  readonly withheld: Withheld | undefined
  /** When a firing was first heard that had ended already by what is known. */
  readonly echoAt: Moment | undefined
}

export const WITHHELD = ['other_hold', 'not_measured', 'still_measured', 'too_many_series'] as const
export type Withheld = (typeof WITHHELD)[number]

/** Level-triggered: what is believed to be true now, not what was told when. Replaced, never written to. */
export interface AlertTable {
  readonly entries: ReadonlyMap<string, Entry>
  /** Counts all episodes of this daemon, so that no two have one name. */
  readonly nextEpisode: number
  /** Values of the label `instance` on alerts that have a rule, and when last. */
  readonly instances: ReadonlyMap<string, Moment>
}

export const EMPTY_TABLE: AlertTable = { entries: new Map(), nextEpisode: 1, instances: new Map() }

/** The parts of an agent that count here. */
export interface AlertedAgent {
  readonly id: AgentId
  readonly incarnation: Incarnation
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
  readonly conflict: boolean
}

/** What is asked about the world, always as it is now. */
export interface Surroundings {
  agent(id: string): AlertedAgent | undefined
  holds(agent: AgentId): ReadonlyMap<HoldCause, HoldFacts>
  /** Whether what we measure ourselves says that the condition is over; undefined when nothing of it is measured. */
  isOver(entry: Entry): boolean | undefined
}

export interface EpisodeConfig {
  readonly policies: Policies
  /** Whether a value of `instance` is ours; undefined when nothing is configured. */
  readonly isOurs: ((instance: string) => boolean) | undefined
  readonly repeatIntervalMs: number
}

/** Series of one alert and agent: replicas, times what else their labels tell apart. */
export const MOST_SERIES = 32
/** Whoever can fire alerts must not fill the memory. */
export const MOST_ENTRIES = 20_000
/** As long as something else may speak of it, or a person wants to know. */
export const FORGET_MS = 86_400_000
const LONGEST_ALERTNAME = 100

export function holdOf({ episode }: Pick<Entry, 'episode'>): HoldCause {
  return `alert:${episode}`
}

export function keyOf(alertname: string, policy: string, agent: AgentId): string {
  return JSON.stringify([alertname, policy, agent])
}

export function episodeName(alertname: string, ordinal: number): string {
  return `${alertname.slice(0, LONGEST_ALERTNAME)}#${ordinal}`
}

/** Not heard within two repeats. */
export function isStale({ heardAt }: Series, { repeatIntervalMs }: EpisodeConfig, now: Moment): boolean {
  return elapsedMs(heardAt, now) > 2 * repeatIntervalMs
}

type Heard = Pick<Entry, 'series' | 'crowded'>

/** The series after one more was heard; those that are over go first when there are too many. */
export function withSeries(entry: Heard, next: Series): Heard {
  const others = entry.series.filter(({ fingerprint }) => fingerprint !== next.fingerprint)
  if (others.length < MOST_SERIES) return { series: [...others, next], crowded: entry.crowded }
  const over = others.findIndex(({ status }) => status === 'resolved')
  if (over === -1) return { series: entry.series, crowded: entry.crowded || next.status === 'firing' }
  return { series: [...others.toSpliced(over, 1), next], crowded: entry.crowded }
}

/** Whether the end that is told is the end of an earlier time, before what we know to fire began. */
export function isOldEnd({ startsAtMs, endsAtMs }: NotifiedAlert, known: Series): boolean {
  return startsAtMs < known.startsAtMs && (endsAtMs === undefined || endsAtMs <= known.startsAtMs)
}

/** The same with some of its entries replaced; undefined takes one out. */
export function withEntries(table: AlertTable, changes: ReadonlyMap<string, Entry | undefined>): AlertTable {
  return changes.size === 0 ? table : { ...table, entries: SharedMap.of(table.entries).with(changes) }
}

/** How many alerts that have a rule fire, and of how many that is no longer known. */
export function countActive({ entries }: AlertTable): { readonly firing: number; readonly unknown: number } {
  const counts = { firing: 0, unknown: 0 }
  for (const { state } of entries.values()) if (state !== 'closed') counts[state]++
  return counts
}
