import type { BoardName } from './links.ts'
import type { PanelPlan } from './panels/panel.ts'
import type { Choice } from './variables.ts'

/** Panels under one heading; the first row of a board has none. */
export interface Row {
  readonly title?: string
  /** Detail that is opened when it is wanted. Nothing of it is asked before. */
  readonly collapsed?: true
  readonly panels: readonly PanelPlan[]
}

/** A page with one question. */
export interface Board {
  readonly name: BoardName
  readonly title: string
  /** The question it answers, and what it needs. */
  readonly description: string
  readonly choice: Choice
  /** The time it shows at first, such as `now-6h`. */
  readonly from: string
  readonly rows: readonly Row[]
}
