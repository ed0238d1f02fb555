import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readOwnEntry } from '../launch/processes.ts'
import type { Clock } from '../platform/clock.ts'
import { createProcReader } from '../platform/proc/proc-reader.ts'
import { createProcessSample, type ProcessKey, type ProcessReader } from '../platform/proc/process.ts'
import { createProcessTable } from '../platform/proc/process-table.ts'
import { renderChart } from './chart.ts'
import { createTimeline, TIMELINE_HEADER, timelineRow } from './timeline.ts'
import { createTreeReader } from './tree-reader.ts'

const LOOK_MS = 1_000
/** A short run is looked at more often in its first seconds. */
const FIRST_LOOK_MS = 100
const FIRST_LOOKS = 20

export interface TreeWatchOptions {
  readonly clock: Clock
  /** Absolute. */
  readonly outputDir: string
  /** What files begin with. */
  readonly prefix: string
  readonly warn: (line: string) => void
}

export interface Measured {
  readonly peakRssBytes: number | undefined
  readonly cpuSeconds: number | undefined
}

/**
 * Looks at the tree once a second and draws what it saw. Undefined where there is no /proc.
 * @param began monotonic
 */
export function watchTree(
  { clock, outputDir, prefix, warn }: TreeWatchOptions,
  pid: number,
  began: number,
): { finish(): Promise<Measured> } | undefined {
  const root = process.platform === 'linux' ? readOwnEntry(pid) : undefined
  if (root === undefined) return undefined
  const reader = createProcReader()
  const self = readOwnEntry(process.pid)
  const tree = createTreeReader({ clock, table: createProcessTable(), reader, root })
  const timeline = createTimeline()
  const rows = createWriteStream(join(outputDir, `${prefix}-timeline.csv`), { mode: 0o600 })
  rows.on('error', (error) => warn(`the timeline cannot be written: ${error.message}`))
  rows.write(`${TIMELINE_HEADER}\n`)
  let peakRssBytes: number | undefined
  let cpuSeconds = 0
  let stopped = false
  let wake: () => void = () => {}

  async function look(): Promise<void> {
    const seen = await tree.look()
    // The command has just ended: what is not there any more is not a measurement.
    if (seen.processes === 0) return
    const one = { ...seen, seconds: (clock.monotonic() - began) / 1_000 }
    timeline.add(one)
    rows.write(`${timelineRow(one)}\n`)
    cpuSeconds = seen.cpuSeconds
    if (seen.rssBytes !== undefined) peakRssBytes = Math.max(peakRssBytes ?? 0, seen.rssBytes)
  }

  const running = (async () => {
    for (let looks = 0; !stopped; looks++) {
      await look()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, looks < FIRST_LOOKS ? FIRST_LOOK_MS : LOOK_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  })()

  return {
    async finish(): Promise<Measured> {
      stopped = true
      wake()
      await running
      const waited = self && cpuOfChildren(reader, self)
      reader.close()
      await new Promise<void>((resolve) => rows.end(resolve))
      const looks = timeline.looks()
      if (looks.length > 0) {
        writeFileSync(join(outputDir, `${prefix}-timeline.svg`), renderChart(prefix, looks), {
          mode: 0o600,
        })
      }
      const most = [peakRssBytes, tree.peakOfOneBytes()].filter((bytes) => bytes !== undefined)
      return {
        peakRssBytes: most.length === 0 ? undefined : Math.max(...most),
        cpuSeconds: Math.max(cpuSeconds, waited ?? 0),
      }
    },
  }
}

/** What ended and was waited for by us, with what it waited for itself: exact, but without orphans. */
function cpuOfChildren(reader: ProcessReader, self: ProcessKey): number | undefined {
  const sample = createProcessSample()
  if (reader.read(self, 'core', sample) !== 'ok') return undefined
  const { childUserSeconds, childSystemSeconds } = sample
  return childUserSeconds === undefined || childSystemSeconds === undefined
    ? undefined
    : childUserSeconds + childSystemSeconds
}
