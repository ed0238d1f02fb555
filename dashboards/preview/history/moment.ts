import type { Random } from '../../../bench/trend/random.ts'

/** One moment of the history. */
export interface Moment {
  /** Before the end, below zero. */
  readonly minute: number
  readonly seconds: number
  readonly stepSeconds: number
  readonly random: Random
  at(minute: number): number
}
