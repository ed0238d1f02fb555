import type { Moment } from '../platform/moment.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { type Performed, releasedBy } from './effect.ts'
import { addHold, emptied, type Held, joined, releaseHold, verified, without } from './holds.ts'
import type { ActionEntry, ActionStatus, HoldCause } from './model.ts'

/** What an effect changed: the holds afterwards, when they are others, what went, and what is told of it. */
export interface Change {
  readonly held: Held | undefined
  readonly released: readonly HoldCause[]
  readonly happened: 'paused' | 'resumed' | 'terminated' | undefined
}

export const NOTHING: Change = { held: undefined, released: [], happened: undefined }
/** Nothing of ours keeps it stopped any more. */
const RESUMED: ReadonlySet<ActionStatus> = new Set(['done', 'noop', 'needs_foreground'])
const PAUSED: ReadonlySet<ActionStatus> = new Set(['done', 'noop', 'partial'])

/**
 * What is held after an effect that ended with `status`. No clock, no I/O.
 * @param life what was held of it before, and whether it is over by now
 */
export function changeOf(
  entry: ActionEntry,
  performed: Performed,
  status: ActionStatus,
  life: { readonly before: Held; readonly over: boolean },
  now: Moment,
): Change {
  const { effect } = performed
  const { before, over } = life
  if (over)
    return closed(before, entry.action === 'terminate' && status === 'done' ? 'terminated' : undefined)
  if (entry.action === 'resume') return resumed(entry, before, status, effect.stopped)
  if (entry.action === 'terminate' && status === 'done') return closed(before, 'terminated')
  // Whatever we stopped is held, also when it ended otherwise than it should: nobody stays stopped without a reason.
  const ours = joined(performed.stopped, effect.stopped ?? [])
  const stays = entry.action === 'pause' ? PAUSED.has(status) : false
  const half =
    status !== 'done' && (effect.stopped ?? (status === 'partial' ? performed.stopped : [])).length > 0
  if (!stays && !half) return NOTHING
  const isVerified = status === 'done' || status === 'noop'
  const hold = { cause: entry.hold, sinceMs: now.wallMs, reason: entry.reason, actionId: entry.id }
  const holds = addHold(before.holds, isVerified ? hold : { ...hold, partial: true })
  const held: Held = {
    ...before,
    holds: isVerified ? verified(holds) : holds,
    stopped: joined(before.stopped, ours),
    stoppedByOthers: without(joined(before.stoppedByOthers, effect.stoppedByOthers ?? []), ours),
  }
  const first = isVerified && [...before.holds.values()].every(({ partial }) => partial === true)
  return { held, released: [], happened: first ? 'paused' : undefined }
}

function resumed(
  entry: ActionEntry,
  before: Held,
  status: ActionStatus,
  left: readonly ProcessKey[] | undefined,
): Change {
  if (!RESUMED.has(status)) {
    const rest = left === undefined || before.holds.size === 0 ? undefined : { ...before, stopped: left }
    return { ...NOTHING, held: rest }
  }
  const { left: holds, released } = releaseHold(before.holds, releasedBy(entry))
  // A person's resume is told also when nothing held the agent: limits begin anew.
  const over = holds.size === 0 && (released.length > 0 || entry.trigger === 'human')
  const happened = over ? ('resumed' as const) : undefined
  if (released.length === 0) return { ...NOTHING, happened }
  return { held: holds.size > 0 ? { ...before, holds } : emptied(before), released, happened }
}

function closed(before: Held, happened: Change['happened']): Change {
  return { held: before.holds.size > 0 ? emptied(before) : undefined, released: [], happened }
}
