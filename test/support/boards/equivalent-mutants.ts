/** Faults that are none: why nobody could tell the board from the good one. */
export interface Equivalent {
  readonly operator: string
  /** Board, panel and place. */
  readonly site: RegExp
  readonly reason: string
}

const WORDS =
  'State|Budget|Memory|Memory trend|Enforced|State, budget and memory|Alerts about it|Collectors|Store'
/** Those whose numbers all become words. Where a word is the name of a series even a unit that is none is found. */
const MAPPED = 'Enforced|State, budget and memory|Alerts about it|Collectors|Store'
const TABLES =
  'Facts|Limits|Limits of every agent|Containers of agents|Exporters|Agents in trouble|Firing alerts|Every agent|Who grows, and when it ends|Who crashed|Agents and models'

export const EQUIVALENT: readonly Equivalent[] = [
  {
    operator: 'another unit',
    site: new RegExp(`^agent-exporter-(?:agent|exporter) (?:${WORDS}): fieldConfig\\.defaults\\.unit none`),
    reason: 'a word stands for every value, and no number is written',
  },
  {
    operator: 'a unit that is none',
    site: new RegExp(`^agent-exporter-(?:agent|exporter) (?:${MAPPED}): fieldConfig\\.defaults\\.unit none`),
    reason: 'a word stands for every value, and no number is written',
  },
  {
    operator: 'another unit',
    site: new RegExp(`^agent-exporter-\\w+ (?:${TABLES}): fieldConfig\\.defaults\\.unit none`),
    reason: 'each column of a table has a unit of its own',
  },
  {
    operator: 'another unit',
    site: /(?:Limits|Limits of every agent): fieldConfig\.overrides\.\d+\.properties\.\d+\.value short/,
    reason: 'the unit of a limit is a label, which stands beside it',
  },
  {
    operator: 'a group loses a label',
    site: /(?:Limits|Limits of every agent): targets\.\d+\.expr unit/,
    reason: 'a resource has one unit, and the other query brings it',
  },
  {
    operator: 'a group loses a label',
    site: /^agent-exporter-agent Facts: targets\.0\.expr agent/,
    reason: 'one agent is chosen, and the other queries bring its name',
  },
  {
    operator: 'a join loses a label',
    site: /^agent-exporter-agent Memory against its limits: targets\.5\.expr agent at 3/,
    reason: 'one agent is chosen, by its name, on both sides',
  },
  {
    operator: 'a value without its word',
    site: /Agents in trouble: .*\.(?:normal|healthy)/,
    reason: 'the query leaves this value out; the words are those of the other boards',
  },
]
