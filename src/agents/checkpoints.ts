import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Agent, Incarnation } from './model.ts'
import type { Counters } from './reading.ts'
import type { AgentsRepository } from './repository.ts'

/** Totals of agents as they are kept for the daemon after this one, and were by the one before. */
export interface Checkpoints {
  /** Totals of an earlier run of the daemon, until everybody who lives has been seen. */
  reached(incarnation: Incarnation): Counters | undefined
  /** Reads what the daemon before kept. Rejects when the store cannot be read. */
  load(): Promise<void>
  /** Keeps the totals of all live agents if it is time for that. */
  tick(): void
  keep(): void
}

export interface CheckpointsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly repository: Pick<AgentsRepository, 'checkpoint' | 'checkpoints' | 'closeUnseen'>
  readonly agents: () => Iterable<Agent>
}

/** Totals are kept this often; what the kernel still knows is counted again anyway. */
const CHECKPOINT_MS = 30_000
/** An engine that was slow at start has told its containers by now. */
const SETTLED_MS = 600_000

export function createCheckpoints({ clock, log, repository, agents }: CheckpointsOptions): Checkpoints {
  let earlier: ReadonlyMap<Incarnation, Counters> = new Map()
  let keptAtMs = Number.NEGATIVE_INFINITY
  let closed: Promise<void> | undefined
  const startedAtMono = clock.monotonic()
  const startedAtMs = clock.now()

  /** By now everybody who lives has been seen. */
  async function closeUnseen(): Promise<void> {
    earlier = new Map()
    try {
      await repository.closeUnseen(startedAtMs)
    } catch (error) {
      log.warn('incarnations that ended unseen were not closed', { error: String(error) })
    }
  }

  function keep(): void {
    keptAtMs = clock.monotonic()
    for (const agent of agents()) if (agent.endedAtMs === undefined) repository.checkpoint(agent)
    if (closed === undefined && keptAtMs - startedAtMono >= SETTLED_MS) closed = closeUnseen()
  }

  return {
    reached: (incarnation) => earlier.get(incarnation),
    async load() {
      earlier = await repository.checkpoints()
    },
    tick() {
      if (clock.monotonic() - keptAtMs >= CHECKPOINT_MS) keep()
    },
    keep,
  }
}
