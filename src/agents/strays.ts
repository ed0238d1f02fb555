import type { Clock } from '../platform/clock.ts'
import type { ProcessKey, ProcessTable } from '../platform/proc/process.ts'
import type { Thoroughness } from '../runtimes/model.ts'
import { ancestors } from './ancestors.ts'
import type { Candidates } from './candidates.ts'

/**
 * Who left a tree faster than anybody could follow (a double fork into a session of its own) is known by its
 * environment alone, and whoever acts on the tree cannot wait until its turn comes: everybody who might be such a
 * stray and was not looked at yet is looked at now. Only who verifies waits for the answers: what is known is stopped
 * at once.
 */
export type MeetStrays = (root: ProcessKey, thoroughness: Thoroughness | undefined) => Promise<void>

export interface StraysOptions {
  readonly clock: Clock
  readonly table: Pick<ProcessTable, 'entries' | 'get'>
  readonly candidates: Pick<Candidates, 'peek'>
  readonly isMember: (pid: number) => boolean
  /** Takes the answers. */
  readonly takeIdentified: () => void
}

/** As many are looked at per snapshot. */
const MOST_STRAYS = 256
/** A look takes a tenth of a millisecond; one that hangs is given up by the slow lane after a second. */
const STRAYS_WITHIN_MS = 1_500

export function createMeetStrays(options: StraysOptions): MeetStrays {
  const { clock, table, candidates, isMember, takeIdentified } = options

  /** Whose parents have ended is given to an ancestor of theirs (PR_SET_CHILD_SUBREAPER) or to process 1. */
  function reapersAbove(pid: number): ReadonlySet<number> {
    const found = new Set([0, 1])
    for (const above of ancestors(table, table.get(pid)?.ppid ?? 0)) found.add(above.pid)
    return found
  }

  async function inTime(answered: Promise<unknown>): Promise<void> {
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => {
      const timer = clock.setTimer(STRAYS_WITHIN_MS, resolve)
      cancel = () => timer.cancel()
    })
    await Promise.race([answered, late])
    cancel()
  }

  return async (root, thoroughness) => {
    const reapers = reapersAbove(root.pid)
    const answers: Promise<void>[] = []
    for (const entry of table.entries()) {
      if (entry.ended !== undefined || entry.startTime < root.startTime) continue
      if (!reapers.has(entry.ppid)) continue
      if (isMember(entry.pid)) continue
      const answer = candidates.peek(entry)
      if (answer !== undefined && answers.push(answer) >= MOST_STRAYS) break
    }
    if (answers.length > 0 && thoroughness === 'strays') await inTime(Promise.all(answers))
    takeIdentified()
  }
}
