export type ReachState = 'ok' | 'limited' | 'missing'

/** One thing the exporter reads from, whether it can, and what is lost when it cannot. */
export interface Reach {
  readonly name: string
  readonly state: ReachState
  readonly detail: string
  /** What is absent from the metrics because of it. */
  readonly cost: string
}
