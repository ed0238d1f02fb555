import { readFileSync } from 'node:fs'

/** Beside `src/` in a clone, beside `dist/` in the package. */
const FOLDER = new URL('../../dashboards/generated/', import.meta.url)

/** The boards that come with the program, the first one first. */
export const BOARD_NAMES = [
  'fleet',
  'agent',
  'budgets',
  'memory',
  'containers',
  'control',
  'usage',
  'exporter',
] as const
export type BoardName = (typeof BOARD_NAMES)[number]

export interface ShippedBoard {
  readonly name: BoardName
  /** Its file, and before the dot its address in Grafana: `/d/<uid>`. */
  readonly file: string
  readonly title: string
  /** The question that it answers. */
  readonly question: string
  /** As Grafana imports and provisions it. */
  readonly text: string
}

export function readBoard(name: BoardName): ShippedBoard {
  const file = `agent-exporter-${name}.json`
  const text = readFileSync(new URL(file, FOLDER), 'utf8')
  const { title, description } = JSON.parse(text) as { readonly title: string; readonly description: string }
  return { name, file, title, question: description.replace(/(?<=\?) .*$/s, ''), text }
}
