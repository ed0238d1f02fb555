import { elapsedMs, type Moment } from '../platform/moment.ts'
import { compileGlob } from './pattern.ts'
import type { EpisodeConfig } from './table.ts'

type Instances = ReadonlyMap<string, Moment>

/** After it an address that was given up counts no more. */
const SEEN_FOR_MS = 86_400_000
/** Not every alert has to write down the time. */
const LOOK_AGAIN_MS = 3_600_000
/** Two are too many already. */
const MOST_INSTANCES = 8

/** Whether a value of the label `instance` is one of this daemon's; undefined when nothing is configured. */
export function ownInstances(globs: readonly string[]): ((instance: string) => boolean) | undefined {
  if (globs.length === 0) return undefined
  const patterns = globs.map(compileGlob)
  return (instance) => patterns.some((pattern) => pattern.matches(instance))
}

/** What was seen with one more; what was not seen for a day is gone. */
export function withInstance(seen: Instances, instance: string | undefined, now: Moment): Instances {
  if (instance === undefined) return seen
  const before = seen.get(instance)
  if (before !== undefined && elapsedMs(before, now) < LOOK_AGAIN_MS) return seen
  const kept = [...seen].filter(([, at]) => elapsedMs(at, now) < SEEN_FOR_MS)
  if (before === undefined && kept.length >= MOST_INSTANCES) return new Map(kept)
  return new Map([...kept, [instance, now]])
}

/**
 * Whether an alert is about another host's agents. Ids of agents are unique on one host only, so without a word of who
 * we are one name is taken for ours, and two for nobody's.
 */
export function isForeign(
  instance: string | undefined,
  seen: Instances,
  { isOurs }: Pick<EpisodeConfig, 'isOurs'>,
): boolean {
  if (isOurs === undefined) return seen.size > 1
  return instance === undefined || !isOurs(instance)
}
