import type { AgentId, Incarnation } from '../agents/model.ts'
import type { ActingLock, ActionStatus, HoldCause } from '../control/model.ts'
import type { ActionRecord } from '../control/record.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Effect } from '../runtimes/model.ts'
import { CliError, EXIT } from './exit.ts'
import type { ShownEntry } from './outcome.ts'

/** One life of an agent that the journal says is held. */
export interface OfflineHeld {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly causes: readonly HoldCause[]
  readonly stopped: readonly ProcessKey[]
  readonly stoppedByOthers: readonly ProcessKey[]
  /** Actions that were under way when the daemon ended: how far they came nobody knows. */
  readonly interrupted?: readonly ActionRecord[]
}

export interface OfflineOutcome {
  readonly status: ActionStatus
  readonly effect: Effect
  readonly reason: string
  readonly durationMs: number
}

/** The journal of a daemon that does not run. */
export interface OfflineJournal {
  heldAgents(): Promise<readonly OfflineHeld[]>
  /** Writes the resume, takes every hold away and ends what was interrupted, all or none, durably. */
  recordResume(held: OfflineHeld, outcome: OfflineOutcome): Promise<void>
  close(): Promise<void>
}

export interface OfflineParts {
  /** Undefined: there is no journal in the data directory. */
  readonly open: () => Promise<OfflineJournal | undefined>
  /** Held while we act: no daemon of this user may run. */
  readonly lock: ActingLock
  readonly resume: (held: OfflineHeld) => Promise<Effect>
  readonly monotonic: () => number
}

/** Nothing of ours keeps it stopped any more. */
const RELEASES: ReadonlySet<Effect['outcome']> = new Set(['done', 'noop', 'needs_foreground', 'gone'])

/**
 * Resumes an agent while no daemon runs, so that an uninstall or a crash leaves nobody stopped (CONTROL section 5).
 * Only processes that the journal says we stopped are continued, and those that an interrupted action may have stopped.
 * @throws CliError when a daemon holds the lock, or nothing holds the agent.
 */
export async function resumeOffline(
  agent: AgentId,
  reason: string,
  { open, lock, resume, monotonic }: OfflineParts,
): Promise<readonly ShownEntry[]> {
  await lock.start()
  try {
    if (!lock.isHeld()) {
      throw new CliError(
        EXIT.unreachable,
        'A daemon of this user runs, but not at this address; give its --url.',
      )
    }
    const journal = await open()
    if (journal === undefined) throw notHeld(agent)
    try {
      const all = (await journal.heldAgents()).filter((held) => held.agent === agent)
      if (all.length === 0) throw notHeld(agent)
      const shown: ShownEntry[] = []
      for (const held of all) {
        const beganMs = monotonic()
        const effect = await resume(held)
        const status = statusOf(effect)
        const durationMs = monotonic() - beganMs
        if (RELEASES.has(effect.outcome)) {
          await journal.recordResume(held, { status, effect, reason, durationMs })
        }
        shown.push(entryOf(held, effect, reason, durationMs))
      }
      return shown
    } finally {
      await journal.close()
    }
  } finally {
    await lock.stop()
  }
}

function notHeld(agent: AgentId): CliError {
  return new CliError(
    EXIT.notFound,
    `No daemon answers, and its journal does not say that ${agent} is paused.`,
  )
}

function statusOf({ outcome }: Effect): ActionStatus {
  if (outcome === 'gone') return 'noop'
  return outcome === 'halted' ? 'failed' : outcome
}

function entryOf(held: OfflineHeld, effect: Effect, reason: string, durationMs: number): ShownEntry {
  const detail = effect.outcome === 'gone' ? 'that life of it has ended' : effect.detail
  return {
    ...{ id: 'offline', at: new Date().toISOString(), agent: held.agent, action: 'resume', trigger: 'human' },
    ...{ actor: 'command line', reason, status: statusOf(effect), rung: effect.rung, durationMs, count: 1 },
    ...(detail === undefined ? {} : { detail }),
  } as const
}
