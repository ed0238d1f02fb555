import type { SeenKill } from '../platform/kernel-log/reader.ts'
import type { GroupNow } from './memory-evidence.ts'
import type { EngineEvidence, GroupEvidence, HostEvidence } from './model.ts'

export type EngineMark = EngineEvidence['events'][number]

/**
 * What was seen lately, until somebody dies and asks: events of containers, counters of groups and host, kills in the
 * kernel's log. All times but those of the engine are monotonic, in milliseconds: somebody may set the clock between a
 * kill and the end it causes. Everything is bounded.
 */
export interface Marks {
  /**
   * `containerId` whole.
   *
   * @param wallMs what the wall clock is ahead of the monotonic one
   */
  event(containerId: string, mark: EngineMark, atMs: number, wallMs: number): void
  /** With the times that the engine's clock would have had if it had always been this much ahead. */
  events(containerId: string, wallMs: number): readonly EngineMark[]
  /**
   * Counter `oom_kill` of the group of a container. The first value is what later ones are compared with. A container
   * that was started again has another group, which counts from 0.
   *
   * @param incarnation the life of the container in which it was read
   * @returns whether somebody was killed since the last value
   */
  groupKills(containerId: string, incarnation: string, atMs: number, count: number): boolean
  /** Kills of the group since `fromMs`; undefined when its counter was never read. */
  group(containerId: string, fromMs: number): GroupEvidence | undefined
  /** What the files of a group said when it was short of memory: later than any sample, and often the last. */
  groupMemory(containerId: string, atMs: number, now: GroupNow): void
  memory(containerId: string, fromMs: number): GroupNow | undefined
  hostKills(atMs: number, count: number): void
  /**
   * Kills on the host since `fromMs`; undefined when the counter was not read before and after. Kills in groups of
   * other containers are told apart.
   */
  host(fromMs: number, exceptContainerId: string | undefined): HostEvidence | undefined
  kernelKill(kill: SeenKill, owner: KillOwner | undefined): void
  kernelKills(fromMs: number): readonly { readonly kill: SeenKill; readonly owner: KillOwner | undefined }[]
  forgetContainer(containerId: string): void
}

/** Whose process it was. */
export interface KillOwner {
  readonly incarnation: string
  readonly whom: 'main' | 'child'
}

/** Longer than any grace that is looked back for. */
const KEPT_MS = 90_000
const MOST = 64

interface Told {
  readonly mark: EngineMark
  readonly atMs: number
  readonly wallMs: number
}

interface Counted {
  readonly atMs: number
  readonly count: number
}

/** Of all groups that a container has had, one after the other. */
interface GroupCount extends Counted {
  readonly incarnation: string
  /** What the group of that life said itself. */
  readonly own: number
}

export function createMarks(): Marks {
  const events = new Map<string, Told[]>()
  const groups = new Map<string, GroupCount[]>()
  const memories = new Map<string, { readonly atMs: number; readonly now: GroupNow }>()
  const kernel: { kill: SeenKill; owner: KillOwner | undefined }[] = []
  const host: Counted[] = []

  function keep<Item>(items: Item[], item: Item, atMs: (item: Item) => number): void {
    items.push(item)
    const oldest = atMs(item) - KEPT_MS
    while (items.length > MOST || (items[0] !== undefined && atMs(items[0]) < oldest)) items.shift()
  }

  /** The last value that was read before the time; the first of all where none was. */
  function before(counts: readonly Counted[], atMs: number): Counted | undefined {
    return counts.findLast((one) => one.atMs <= atMs)
  }

  function groupKillsSince(counts: readonly Counted[], fromMs: number): number {
    const first = before(counts, fromMs) ?? counts[0]
    const last = counts.at(-1)
    return first === undefined || last === undefined ? 0 : Math.max(0, last.count - first.count)
  }

  return {
    event(containerId, mark, at, wallMs) {
      const those = events.get(containerId) ?? []
      events.set(containerId, those)
      keep(those, { mark, atMs: at, wallMs }, ({ atMs }) => atMs)
    },
    events(containerId, now) {
      const those = events.get(containerId) ?? []
      return those.map(({ mark, wallMs }) => ({ ...mark, atMs: mark.atMs + Math.round(now - wallMs) }))
    },

    groupKills(containerId, incarnation, atMs, own) {
      const counts = groups.get(containerId) ?? []
      groups.set(containerId, counts)
      const last = counts.at(-1)
      const before = last?.incarnation === incarnation ? last.own : 0
      // A sample may be older than what was read when the engine told something.
      const isOld = last?.incarnation !== incarnation && counts.some((one) => one.incarnation === incarnation)
      if (isOld || (last?.incarnation === incarnation && own <= before)) return false
      counts.push({ atMs, incarnation, own, count: (last?.count ?? 0) + own - before })
      if (counts.length > MOST) counts.shift()
      return last !== undefined && own > before
    },
    group(containerId, fromMs) {
      const counts = groups.get(containerId)
      const last = counts?.at(-1)
      if (counts === undefined || last === undefined) return undefined
      return { recentKills: groupKillsSince(counts, fromMs), totalKills: last.count }
    },

    groupMemory: (containerId, atMs, now) => void memories.set(containerId, { atMs, now }),
    memory(containerId, fromMs) {
      const last = memories.get(containerId)
      return last === undefined || last.atMs < fromMs ? undefined : last.now
    },

    hostKills: (atMs, count) => keep(host, { atMs, count }, (one) => one.atMs),
    host(fromMs, exceptContainerId) {
      const first = before(host, fromMs)
      const last = host.at(-1)
      if (first === undefined || last === undefined || last === first) return undefined
      const kills = Math.max(0, last.count - first.count)
      let explained = 0
      for (const [id, counts] of groups) {
        if (id !== exceptContainerId) explained += groupKillsSince(counts, fromMs)
      }
      return { kills, explained: Math.min(kills, explained) }
    },

    kernelKill: (kill, owner) => keep(kernel, { kill, owner }, (one) => one.kill.seenAtMs),
    kernelKills: (fromMs) => kernel.filter(({ kill }) => kill.seenAtMs >= fromMs),

    forgetContainer(containerId) {
      events.delete(containerId)
      groups.delete(containerId)
      memories.delete(containerId)
    },
  }
}
