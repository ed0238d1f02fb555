import { ownInstances } from './instances.ts'
import { compilePolicies, type Rule } from './policy.ts'
import type { EpisodeConfig } from './table.ts'

/** The part of the section `alertmanager` that the judge goes by, decoded; times in milliseconds. */
export interface AlertSettings {
  readonly instances: readonly string[]
  readonly repeatInterval: number
  readonly rules: readonly Rule[]
}

/** @throws MatcherError for a rule that the check of the configuration refuses */
export function episodeConfigOf({ instances, repeatInterval, rules }: AlertSettings): EpisodeConfig {
  return {
    policies: compilePolicies(rules),
    isOurs: ownInstances(instances),
    repeatIntervalMs: repeatInterval,
  }
}
