import type { DeathDaemon } from './death-daemon.ts'
import { DEATHS, type Death } from './deaths.ts'
import type { Dockerd } from './dockerd.ts'

export interface DeathRow {
  readonly name: string
  readonly expected: string
  readonly deaths: readonly (Death & { readonly agent: string })[]
}

export interface DeathRunOptions {
  readonly daemon: DeathDaemon
  readonly dockerd: Dockerd
  readonly runs: number
  /** Deaths at the same time: what one counts must not be taken for another's. */
  readonly atOnce: number
  readonly only?: (name: string) => boolean
  readonly progress?: (line: string) => void
}

/** Dies in every way, every time anew, in an order that mixes them. */
export async function runDeaths(options: DeathRunOptions): Promise<readonly DeathRow[]> {
  const { daemon, dockerd, runs, atOnce, only = () => true, progress = () => {} } = options
  const rows = Object.entries(DEATHS)
    .filter(([name]) => only(name))
    .map(([name, { expected }]) => ({ name, expected, deaths: [] as (Death & { readonly agent: string })[] }))
  const queue = Array.from({ length: runs }, (_, turn) => rows.map((row) => ({ row, turn }))).flat()
  let count = 0

  async function lane(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { row, turn } = next
      const agent = `death-${process.pid}-${++count}`
      const death = await DEATHS[row.name]!.run({ daemon, dockerd }, agent, turn)
      row.deaths.push({ ...death, agent })
      if (death.judged !== row.expected) {
        progress(`${row.name}: ${death.judged} ${JSON.stringify(death.evidence)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return rows
}

/** Share of deaths that were called what they were. */
export const rightOf = ({ expected, deaths }: DeathRow): number =>
  deaths.filter(({ judged }) => judged === expected).length / deaths.length
