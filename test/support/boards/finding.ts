import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'

/** A rule of boards: says where one breaks it. */
export interface BoardRule {
  readonly name: string
  check(board: Dashboard): string[]
}
