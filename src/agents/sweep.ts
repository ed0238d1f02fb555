import type { Clock } from '../platform/clock.ts'
import {
  createProcessSample,
  type ProcessKey,
  type ProcessReader,
  type ReadDepth,
  type SlowLane,
} from '../platform/proc/process.ts'
import type { Agent } from './model.ts'
import { readPss, readTree } from './process-reading.ts'
import type { ProcessAgent } from './process-roster.ts'
import type { Registry } from './registry.ts'
import { fillTotals } from './totals.ts'
import type { Member } from './tree.ts'

/** Reads the processes of every agent, and closes the sample of each. */
export type Sweep = (depth: ReadDepth) => Promise<void>

export interface SweepOptions {
  readonly clock: Clock
  readonly registry: Pick<Registry, 'sampled'>
  readonly reader: ProcessReader
  readonly slow: SlowLane
  readonly agents: () => Iterable<ProcessAgent>
  readonly isAlive: (key: ProcessKey) => boolean
  /** Whether the agent, whose root this is, stands still in a frozen control group: its processes look asleep then. */
  readonly isFrozen: (agent: Agent, root: number) => boolean
  /** Told of members that turn out to have ended. */
  readonly onGone: (member: Member) => void
  /** Told of members that have ended and that nobody has waited for yet. */
  readonly onDead: (member: Member) => void
  /** Told of an agent of whose core nothing lives. */
  readonly onEnd: (owner: ProcessAgent) => void
  /** Ends the current turn of the event loop: a large fleet is read in slices. */
  readonly turn: () => Promise<void>
}

/** Long reads give way to others after this: DESIGN §5, loop delay P99.9 ≤ 10 ms. */
const SLICE_MS = 4
/** PSS is read at most once a minute (CONTROL §2). */
const PSS_INTERVAL_MS = 60_000

export function createSweep(options: SweepOptions): Sweep {
  const { clock, registry, reader, slow, agents, isAlive, isFrozen, onGone, onDead, onEnd, turn } = options
  const sample = createProcessSample()

  /** Only when all were read: one agent's members may be reaped by another's. */
  function close(depth: ReadDepth): void {
    const now = clock.monotonic()
    for (const owner of agents()) {
      if (owner.core.size === 0) {
        onEnd(owner)
        continue
      }
      owner.counters.settle(depth)
      fillTotals(owner.agent.reading, owner.counters)
      const frozen = owner.condition === 'alive' && isFrozen(owner.agent, owner.tree.root.pid)
      registry.sampled(owner.agent, frozen ? 'paused' : owner.condition)
      if (now - owner.pssAtMs < PSS_INTERVAL_MS) continue
      owner.pssAtMs = now
      void readPss(owner, slow, isAlive)
    }
  }

  return async (depth) => {
    if (reader.prepare !== undefined) {
      const keys: ProcessKey[] = []
      for (const { tree } of agents()) keys.push(...tree.members.values())
      await reader.prepare(keys)
    }
    let sliceEnd = clock.monotonic() + SLICE_MS
    for (const owner of agents()) {
      const { tree, counters, agent } = owner
      owner.condition = readTree(tree, reader, depth, sample, counters, agent.reading, onGone, onDead)
      if (clock.monotonic() < sliceEnd) continue
      await turn()
      sliceEnd = clock.monotonic() + SLICE_MS
    }
    close(depth)
  }
}
