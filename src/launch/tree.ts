import { createMembership } from '../agents/membership.ts'
import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Member } from '../agents/tree.ts'
import type { Clock } from '../platform/clock.ts'
import type { ProcessEntry, ProcessIdentity, ProcessKey, ProcessTable } from '../platform/proc/process.ts'

export interface OwnTreeOptions {
  readonly clock: Clock
  readonly table: ProcessTable
  /** The child as it was when it started. */
  readonly root: ProcessEntry
  readonly id: AgentId
  /** The child's own incarnation, which its environment hands down; absent where it could not be told. */
  readonly incarnation: Incarnation | undefined
  /** Reads who a process is. Synchronous: nobody waits for us but ourselves. */
  readonly identify: (key: ProcessKey) => ProcessIdentity | 'gone' | 'unreadable'
}

/** The processes of one launched command, by the same rules by which the daemon knows them. */
export interface OwnTree {
  /** One pass over the process table. Answers who is new or has called exec. */
  pass(): Promise<readonly Member[]>
  /** A pass that also looks for who left the tree but still bears its marker: one reading per younger process.
   * Answers who is new. */
  passWithMarkers(): Promise<readonly Member[]>
  /** Who is left, parents before children, without the child itself and without daemons of the user's session. */
  rest(): readonly Member[]
  memberOf(pid: number): Member | undefined
}

/**
 * Plants a tree around the child. It is planted from what is known at its birth and not from the table: a command
 * may have ended before the first pass, and what it left behind is still found by its session.
 */
export function createOwnTree(options: OwnTreeOptions): OwnTree {
  const { clock, table, root, id, incarnation, identify } = options
  const membership = createMembership()
  const looked = new Map<number, number>()
  membership.apply({ appeared: [root], renamed: [], vanished: [] }, clock.monotonic())
  const tree = membership.plant(root)
  let isFirst = true

  const isRoot = ({ pid, startTime }: ProcessKey): boolean => pid === root.pid && startTime === root.startTime

  async function pass(): Promise<readonly Member[]> {
    const { appeared, renamed, vanished } = await table.refresh()
    const rootIsGone = isFirst && table.get(root.pid)?.startTime !== root.startTime
    isFirst = false
    const { joined } = membership.apply(
      {
        appeared: appeared.filter((entry) => !isRoot(entry)),
        renamed,
        vanished: rootIsGone ? [...vanished, root] : vanished,
      },
      clock.monotonic(),
    )
    const changed = renamed.flatMap(({ pid }) => membership.memberOf(pid) ?? [])
    return [...joined, ...changed]
  }

  function bearsOurMark(entry: ProcessEntry): boolean {
    const identity = identify(entry)
    if (typeof identity !== 'object') return false
    const { environment } = identity
    return (
      environment['AGENT_EXPORTER_INCARNATION'] === incarnation && environment['AGENT_EXPORTER_AGENT'] === id
    )
  }

  return {
    pass,

    async passWithMarkers() {
      const found = [...(await pass())]
      if (incarnation === undefined || tree === undefined) return found
      // Whoever is older than the child is not its descendant; oldest first, so that parents are found first.
      const younger = [...table.entries()]
        .filter((entry) => entry.startTime >= root.startTime && entry.pid !== process.pid)
        .sort((a, b) => a.startTime - b.startTime)
      for (const entry of younger) {
        if (membership.memberOf(entry.pid) !== undefined || looked.get(entry.pid) === entry.startTime)
          continue
        looked.set(entry.pid, entry.startTime)
        const adopted = bearsOurMark(entry) ? membership.adopt(entry, tree) : undefined
        if (adopted !== undefined) found.push(adopted)
      }
      return found
    },

    rest() {
      if (tree === undefined) return []
      return [...tree.members.values()].filter((member) => member.kind === 'worker' && !isRoot(member))
    },

    memberOf: (pid) => membership.memberOf(pid),
  }
}
