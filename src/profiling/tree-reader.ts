import { createOwnTree } from '../launch/tree.ts'
import type { Clock } from '../platform/clock.ts'
import {
  createProcessSample,
  type ProcessEntry,
  type ProcessKey,
  type ProcessReader,
  type ProcessTable,
} from '../platform/proc/process.ts'
import type { Look } from './timeline.ts'

/** Looks at a command and everything it started. */
export interface TreeReader {
  look(): Promise<Omit<Look, 'seconds'>>
  /** Most that one process had resident, between the looks too (VmHWM). */
  peakOfOneBytes(): number | undefined
}

export interface TreeReaderOptions {
  readonly clock: Clock
  readonly table: ProcessTable
  readonly reader: ProcessReader
  /** The command as it was when it started. */
  readonly root: ProcessEntry
}

/** CPU of processes that have ended stays counted: the last that was seen of them. */
export function createTreeReader({ clock, table, reader, root }: TreeReaderOptions): TreeReader {
  const identify = (): 'unreadable' => 'unreadable'
  const unmarked = { id: 'profiled', incarnation: undefined, identify }
  const tree = createOwnTree({ clock, table, root, ...unmarked })
  const sample = createProcessSample()
  const cpu = new Map<string, number>()
  let peak: number | undefined
  return {
    async look() {
      await tree.pass()
      const members: readonly ProcessKey[] = [root, ...tree.rest()]
      await reader.prepare?.(members)
      let rssBytes: number | undefined
      let processes = 0
      for (const member of members) {
        if (reader.read(member, 'core', sample) !== 'ok' || sample.state === 'Z') continue
        processes++
        if (sample.rssBytes !== undefined) rssBytes = (rssBytes ?? 0) + sample.rssBytes
        if (sample.rssPeakBytes !== undefined) peak = Math.max(peak ?? 0, sample.rssPeakBytes)
        const used = cpuOf(sample)
        if (used !== undefined) cpu.set(`${member.pid}:${member.startTime}`, used)
      }
      let cpuSeconds = 0
      for (const used of cpu.values()) cpuSeconds += used
      return { rssBytes, cpuSeconds, processes }
    },
    peakOfOneBytes: () => peak,
  }
}

function cpuOf({ userSeconds, systemSeconds, cpuSeconds }: ReturnType<typeof createProcessSample>) {
  return userSeconds === undefined || systemSeconds === undefined ? cpuSeconds : userSeconds + systemSeconds
}
